// A fixed team of threads for loops over independent items. Non-goals: task graphs, nested loops.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>

namespace graft {

// Cores that this process may use (affinity mask and cgroup quota considered), at least 1.
int available_cores();

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

}  // namespace graft
