// A fixed team of threads for loops over independent items, and single pieces of work beside the
// caller. Non-goals: task graphs, nested loops.
#pragma once

#include <cstddef>
#include <functional>
#include <future>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace graft {

// Cores that this process may use (affinity mask and cgroup quota considered), at least 1.
int available_cores();

// What an option says that counts threads: itself, or available_cores() for 0.
int thread_count(int wanted);

// The cores that control groups (version 1 and 2, this process's group and all above it) allow, a
// quota of 1.5 cores counting as 2; 0 when there is no limit. Looks at <root>/proc/self/cgroup and
// <root>/sys/fs/cgroup; root is "" except in tests.
int cgroup_cores(const std::string& root = "");

// Calls body(item, worker) for each item in [0, count), worker in [0, threads); items are handed
// out in ascending order, one at a time, from a shared counter. Returns when all handed-out items
// are done; after a stop request no further item is handed out. threads == 1 runs on the calling
// thread. Returns how many items were handed out (== count unless stopped). What body throws
// (memory can end anywhere) ends the loop as a stop request does, and the first of it leaves this
// call.
std::size_t parallel_for(std::size_t count, int threads, std::stop_token stop,
                         const std::function<void(std::size_t item, int worker)>& body);

// Begins a thread on another core than the caller's, the `number`th after it, which it may leave
// again at once. Left to themselves, schedulers were seen to keep a new thread for 4 to 20 ms on
// the core of the one that began it; a whole run can take 70. Throws std::system_error, as
// std::jthread does.
std::jthread begin_thread(std::function<void()> work, std::size_t number = 0);

// Work that goes on beside the caller; done by get() where there is no thread to be had. The
// destructor waits.
template <typename T>
class Beside {
 public:
  explicit Beside(std::function<T()> work) : task_(std::move(work)), result_(task_.get_future()) {
    try {
      thread_ = begin_thread([this] { task_(); });
    } catch (const std::system_error&) {
      waits_ = true;
    }
  }
  Beside(const Beside&) = delete;  // the thread knows where it is
  Beside& operator=(const Beside&) = delete;
  ~Beside() = default;
  // Once. What the work throws leaves this call.
  T get() {
    if (std::exchange(waits_, false)) task_();
    return result_.get();
  }

 private:
  std::packaged_task<T()> task_;
  std::future<T> result_;
  bool waits_ = false;
  std::jthread thread_;  // joined before the task goes
};

}  // namespace graft
