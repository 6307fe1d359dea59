#include "base/priority.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <thread>

namespace graft {
namespace {

TEST(GiveWay, IsForTheCallingThreadAndWhatItStarts) {
  const int own = ::getpriority(PRIO_PROCESS, 0);
  const int policy = ::sched_getscheduler(0);
  std::thread([&] {
    give_way();
    std::thread([&] {
      EXPECT_GT(::getpriority(PRIO_PROCESS, 0), own);
      EXPECT_EQ(::sched_getscheduler(0), SCHED_BATCH);
    }).join();
  }).join();
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), own);
  EXPECT_EQ(::sched_getscheduler(0), policy);
}

}  // namespace
}  // namespace graft
