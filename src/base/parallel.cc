#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace graft {
namespace {

int affinity_cores() {
  // The kernel refuses masks smaller than its own number of cores: grow until it accepts.
  for (int capacity = CPU_SETSIZE; capacity <= (1 << 20); capacity *= 2) {
    cpu_set_t* mask = CPU_ALLOC(capacity);
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    CPU_ZERO_S(bytes, mask);
    const int failed = sched_getaffinity(0, bytes, mask);
    const int reason = errno;
    const int cores = failed == 0 ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (cores > 0) return cores;
    if (reason != EINVAL) break;
  }
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

constexpr int kNoLimit = 0;

int cores_for_quota(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return kNoLimit;
  const std::int64_t cores = quota / period + (quota % period != 0 ? 1 : 0);
  return static_cast<int>(std::min<std::int64_t>(cores, std::numeric_limits<int>::max()));
}

// A leading whole number, or -1: "max" and damaged files mean "no limit".
std::int64_t number_at(std::string_view text, std::size_t field) {
  for (; field > 0; --field) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return -1;
    text.remove_prefix(space + 1);
  }
  std::int64_t value = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} ? value : -1;
}

std::int64_t number_in_file(const std::string& path, std::size_t field = 0) {
  const auto text = read_text_file(path, 4096);
  return text.ok() ? number_at(*text, field) : -1;
}

void tighten(int& limit, int other) {
  if (other != kNoLimit) limit = limit == kNoLimit ? other : std::min(limit, other);
}

// The strictest limit of `group` and its parents below `mount`. In a container the path may be one
// of the host's that does not exist inside: the walk then ends at the mount itself, which is right.
template <typename LimitOf>
int strictest(const std::string& mount, std::string group, const LimitOf& limit_of) {
  int limit = kNoLimit;
  for (;;) {
    tighten(limit, limit_of(mount + (group == "/" ? "" : group)));
    if (group.empty() || group == "/") return limit;
    group = parent_directory(group);
    if (group == ".") return limit;
  }
}

// The core `number` places after `here` among those of `allowed`, round and round.
int core_after(int here, std::size_t number, const cpu_set_t& allowed) {
  std::vector<int> cores;  // in order from behind `here`
  for (int i = 1; i < CPU_SETSIZE; ++i) {
    const int core = (here + i) % CPU_SETSIZE;
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  }
  return cores.empty() ? here : cores[number % cores.size()];
}

// Where the machine does not say, the thread stays where it is.
void move_to_core_of_its_own(pthread_t thread, std::size_t number) {
  cpu_set_t allowed;
  const int here = sched_getcpu();
  if (here < 0 || sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core_after(here, number, allowed), &one);
  if (pthread_setaffinity_np(thread, sizeof(one), &one) != 0) return;
  (void)pthread_setaffinity_np(thread, sizeof(allowed), &allowed);
}

}  // namespace

std::jthread begin_thread(std::function<void()> work, std::size_t number) {
  std::jthread thread(std::move(work));
  move_to_core_of_its_own(thread.native_handle(), number);
  return thread;
}

int cgroup_cores(const std::string& root) {
  const auto membership = read_text_file(root + "/proc/self/cgroup", 1 << 20);
  if (!membership.ok()) return kNoLimit;
  const std::string base = root + "/sys/fs/cgroup";
  int limit = kNoLimit;
  for (const std::string& line : split_lines(*membership)) {  // "hierarchy:controllers:path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      const auto unified = [](const std::string& directory) {
        const std::string file = directory + "/cpu.max";  // "quota period" or "max period"
        return cores_for_quota(number_in_file(file, 0), number_in_file(file, 1));
      };
      tighten(limit, strictest(base, group, unified));
      tighten(limit, strictest(base + "/unified", group, unified));
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      const auto legacy = [](const std::string& directory) {
        return cores_for_quota(number_in_file(directory + "/cpu.cfs_quota_us"),
                               number_in_file(directory + "/cpu.cfs_period_us"));
      };
      tighten(limit, strictest(base + "/cpu", group, legacy));
      if (controllers != "cpu") tighten(limit, strictest(base + "/" + controllers, group, legacy));
    }
  }
  return limit;
}

int available_cores() {
  const int affinity = affinity_cores();
  const int quota = cgroup_cores();
  return std::max(1, quota == kNoLimit ? affinity : std::min(affinity, quota));
}

int thread_count(int wanted) {
  return wanted > 0 ? wanted : available_cores();
}

std::size_t parallel_for(std::size_t count, int threads, std::stop_token stop,
                         const std::function<void(std::size_t item, int worker)>& body) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr first;
  const auto work = [&](int worker) {
    while (!stop.stop_requested() && !failed.load(std::memory_order_relaxed)) {
      const std::size_t item = next.fetch_add(1, std::memory_order_relaxed);
      if (item >= count) return;
      try {
        body(item, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (first == nullptr) first = std::current_exception();
        failed.store(true, std::memory_order_relaxed);
      }
    }
  };
  const auto helpers = static_cast<std::size_t>(std::max(0, threads - 1));
  {
    std::vector<std::jthread> team;
    const std::size_t wanted = std::min(helpers, count > 0 ? count - 1 : 0);
    team.reserve(wanted);
    try {
      for (std::size_t i = 0; i < wanted; ++i) {
        team.push_back(begin_thread([&work, i] { work(static_cast<int>(i) + 1); }, i));
      }
    } catch (const std::system_error&) {
      // No more threads to be had: those that started, and the caller, do all the work.
    }
    work(0);
  }
  if (first != nullptr) std::rethrow_exception(first);
  return std::min(next.load(), count);
}

}  // namespace graft
