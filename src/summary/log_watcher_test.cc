#include "summary/log_watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "base/test_directory.h"
#include "summary/event_writer.h"

namespace graft {
namespace {

class LogWatcherTest : public testing::TestWithParam<bool> {
 protected:
  void start() {
    store_ = std::make_unique<RunStore>(RunStoreOptions{{{"", root_ / "logs"}}});
    LogWatcher::Settings settings;
    settings.force_polling = GetParam();
    settings.poll_milliseconds = 20;
    settings.rescan_milliseconds = 3'600'000;  // what it misses stays missed
    watcher_ = std::make_unique<LogWatcher>(
        *store_,
        [this](const StoreChanges&) {
          const std::lock_guard lock(mutex_);
          ++calls_;
          changed_.notify_all();
        },
        settings);
  }
  // Waits until `done` holds, looking after each change; a minute at most.
  template <typename Condition>
  bool comes_true(Condition done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return calls_ > 0 && done(); });
  }
  std::size_t points(const std::string& run) {
    const auto curve = store_->curve(run_id(root_ / ("logs/" + run)), "a");
    return curve.ok() ? curve->steps.size() : 0;
  }

  TestDirectory root_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int calls_ = 0;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<LogWatcher> watcher_;
};

// The folder itself comes later, then runs in it, then points in them, then all of it goes.
TEST_P(LogWatcherTest, FollowsAFolderFromBeforeItExists) {
  start();
  EXPECT_TRUE(comes_true([] { return true; }));
  EXPECT_EQ(watcher_->mode().polling, GetParam());
  {
    auto writer = EventWriter::create(root_ / "logs/deep/down/train");
    ASSERT_TRUE(writer.ok());
    SummaryBuilder summary;
    summary.scalar("a", 1);
    writer->add_summary(summary, 0);
    ASSERT_TRUE(writer->flush().ok());
    EXPECT_TRUE(comes_true([&] { return points("deep/down/train") == 1; }));
    for (int step = 1; step < 50; ++step) {
      writer->add_summary(summary, step);
      ASSERT_TRUE(writer->flush().ok());
    }
    EXPECT_TRUE(comes_true([&] { return points("deep/down/train") == 50; }));
  }
  std::filesystem::remove_all(root_ / "logs/deep");
  EXPECT_TRUE(comes_true([&] { return store_->runs().empty(); }));
  auto again = EventWriter::create(root_ / "logs/deep/down/train");
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(again->flush().ok());
  EXPECT_TRUE(comes_true([&] { return store_->runs().size() == 1; }));
}

// As somebody who keeps a run under another name and trains again.
TEST_P(LogWatcherTest, FollowsWhatTakesTheirPlaceWhenFoldersAreMoved) {
  SummaryBuilder summary;
  summary.scalar("a", 1);
  auto moved = EventWriter::create(root_ / "logs/deep/down/train");
  ASSERT_TRUE(moved.ok());
  moved->add_summary(summary, 0);
  ASSERT_TRUE(moved->flush().ok());
  start();
  EXPECT_TRUE(comes_true([&] { return points("deep/down/train") == 1; }));
  std::filesystem::rename(root_ / "logs/deep", root_ / "kept");
  EXPECT_TRUE(comes_true([&] { return store_->runs().empty(); }));
  auto writer = EventWriter::create(root_ / "logs/deep/down/train");
  ASSERT_TRUE(writer.ok());
  for (int step = 0; step < 50; ++step) {
    writer->add_summary(summary, step);
    ASSERT_TRUE(writer->flush().ok());
    EXPECT_TRUE(comes_true([&] {
      return points("deep/down/train") == static_cast<std::size_t>(step) + 1;
    })) << step;
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, LogWatcherTest, testing::Bool(),
                         [](const auto& mode) { return mode.param ? "Polling" : "Inotify"; });

}  // namespace
}  // namespace graft
