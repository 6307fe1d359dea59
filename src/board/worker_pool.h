// A few threads for answers that take time, so that the network thread never waits. Thread rule:
// every function may be called from any thread; the destructor by one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace graft {

class WorkerPool {
 public:
  enum class Priority : std::uint8_t { kBehindTrainings, kOrdinary };
  WorkerPool(int threads, std::size_t max_waiting, Priority priority = Priority::kBehindTrainings);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False: too much is waiting already, or the pool was stopped.
  bool post(std::function<void()> work);
  // Finishes the work at hand, drops what waits, takes no more.
  void stop();

 private:
  void run();

  const std::size_t max_waiting_;
  const Priority priority_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace graft
