#include "base/parallel.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/test_directory.h"

namespace graft {
namespace {

TEST(ParallelFor, VisitsEveryItemOnce) {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> visits(1000);
    std::atomic<bool> in_range{true};
    const std::size_t handed_out = parallel_for(visits.size(), threads, {}, [&](auto item, int w) {
      visits[item].fetch_add(1);
      if (w < 0 || w >= threads) in_range = false;
    });
    EXPECT_EQ(handed_out, visits.size());
    EXPECT_TRUE(in_range);
    for (const auto& count : visits) EXPECT_EQ(count.load(), 1);
  }
}

TEST(ParallelFor, OneWorkerNumberIsNeverInTwoPlaces) {
  std::vector<std::atomic<int>> busy(4);
  std::atomic<bool> clash{false};
  parallel_for(2000, 4, {}, [&](std::size_t, int worker) {
    if (busy[static_cast<std::size_t>(worker)].fetch_add(1) != 0) clash = true;
    std::this_thread::yield();
    busy[static_cast<std::size_t>(worker)].fetch_sub(1);
  });
  EXPECT_FALSE(clash);
}

TEST(ParallelFor, OneThreadIsTheCallersAndAscends) {
  const auto self = std::this_thread::get_id();
  std::vector<std::size_t> order;
  parallel_for(100, 1, {}, [&](std::size_t item, int) {
    EXPECT_EQ(std::this_thread::get_id(), self);
    order.push_back(item);
  });
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ParallelFor, StopsHandingOutButFinishesWhatItGave) {
  for (const int threads : {1, 3}) {
    std::stop_source source;
    std::mutex mutex;
    std::set<std::size_t> done;
    const std::size_t handed_out =
        parallel_for(100000, threads, source.get_token(), [&](std::size_t item, int) {
          if (item == 50) source.request_stop();
          const std::lock_guard lock(mutex);
          done.insert(item);
        });
    EXPECT_LT(handed_out, 100000U);
    EXPECT_EQ(done.size(), handed_out);
    EXPECT_EQ(*done.rbegin() + 1, handed_out);  // a prefix, without holes
  }
}

TEST(ParallelFor, WhatIsThrownOnAnyThreadReachesTheCaller) {
  for (const int threads : {1, 2, 4}) {
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> elsewhere{false};
    std::atomic<int> done{0};
    const auto body = [&](std::size_t item, int) {
      // With helpers, one of them throws; the caller's own items wait for that.
      while (threads > 1 && std::this_thread::get_id() == caller && !elsewhere) {
        std::this_thread::yield();
      }
      elsewhere = elsewhere || std::this_thread::get_id() != caller;
      if (threads == 1 ? item == 3 : std::this_thread::get_id() != caller) throw std::bad_alloc();
      ++done;
    };
    EXPECT_THROW(parallel_for(100000, threads, {}, body), std::bad_alloc);
    EXPECT_LT(done, 100000);
  }
}

TEST(ParallelFor, NothingToDo) {
  EXPECT_EQ(parallel_for(0, 4, {}, [](std::size_t, int) { FAIL(); }), 0U);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(parallel_for(9, 4, source.get_token(), [](std::size_t, int) { FAIL(); }), 0U);
}

TEST(AvailableCores, FollowsTheAffinityMask) {
  EXPECT_GE(available_cores(), 1);
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_cores(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

class CgroupCores : public ::testing::Test {
 protected:
  void put(const std::string& name, std::string_view content) {
    const std::string path = root_ / name;
    std::filesystem::create_directories(parent_directory(path));
    std::ofstream(path) << content;
  }
  TestDirectory root_;
};

TEST_F(CgroupCores, NoGroupNoLimit) {
  EXPECT_EQ(cgroup_cores(root_.path()), 0);
}

TEST_F(CgroupCores, Version2TakesTheStrictestAncestor) {
  put("proc/self/cgroup", "0::/user.slice/job.scope\n");
  put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 0);
  put("sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 3);  // 2.5 cores
  put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "100000 100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 1);
}

TEST_F(CgroupCores, Version2InsideAContainer) {
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 1);
}

TEST_F(CgroupCores, Version1) {
  put("proc/self/cgroup", "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n");
  put("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 0);
  // In a container the host's path is not there, and the mount itself is the group.
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 4);
}

TEST_F(CgroupCores, DamagedFilesMeanNoLimit) {
  put("proc/self/cgroup", "nonsense\n0:\n0::/a\n:::\n");
  put("sys/fs/cgroup/a/cpu.max", "100000\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 0);
  put("sys/fs/cgroup/a/cpu.max", "100000 0\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 0);
  put("sys/fs/cgroup/a/cpu.max", "99999999999999999999 1\n");
  EXPECT_EQ(cgroup_cores(root_.path()), 0);
}

TEST(BeginThread, ItsThreadMayRunOnEveryCoreOfTheCaller) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  for (const std::size_t number : {0, 1, 5, 5000}) {
    std::atomic<bool> same{false};
    begin_thread(
        [&] {
          // The mask is whole once the caller is back from begin_thread.
          for (int i = 0; i < 10000 && !same; ++i) {
            cpu_set_t mine;
            same = sched_getaffinity(0, sizeof(mine), &mine) == 0 && CPU_EQUAL(&mine, &before);
            std::this_thread::yield();
          }
        },
        number)
        .join();
    EXPECT_TRUE(same) << number;
  }
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(BeginThread, OneCoreIsEnough) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  bool ran = false;
  begin_thread([&] { ran = true; }).join();
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_TRUE(ran);
}

TEST(Beside, GivesWhatTheWorkGivesFromAThreadOfItsOwn) {
  Beside<std::thread::id> beside([] { return std::this_thread::get_id(); });
  EXPECT_NE(beside.get(), std::this_thread::get_id());
}

TEST(Beside, WhatTheWorkThrowsLeavesGet) {
  Beside<int> beside([]() -> int { throw std::bad_alloc(); });
  EXPECT_THROW(beside.get(), std::bad_alloc);
}

TEST(Beside, ItsEndWaitsForTheWork) {
  std::atomic<bool> done{false};
  {
    const Beside<void> beside([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done = true;
    });
  }
  EXPECT_TRUE(done);
}

// While it lives, no thread can begin: there is no place for its stack.
class WithoutThreads {
 public:
  WithoutThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 60);
    EXPECT_EQ(pthread_setattr_default_np(&huge), 0);
    pthread_attr_destroy(&huge);
  }
  WithoutThreads(const WithoutThreads&) = delete;
  WithoutThreads& operator=(const WithoutThreads&) = delete;
  ~WithoutThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

TEST(Beside, WithoutAThreadGetDoesTheWork) {
  const WithoutThreads none;
  Beside<std::thread::id> beside([] { return std::this_thread::get_id(); });
  EXPECT_EQ(beside.get(), std::this_thread::get_id());
}

}  // namespace
}  // namespace graft
