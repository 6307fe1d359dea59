#include "train/run_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include "base/test_directory.h"
#include "summary/event_reader.h"

namespace graft {
namespace {

// Tag and step → value.
using Scalars = std::map<std::pair<std::string, std::int64_t>, float>;

class RunLogTest : public testing::TestWithParam<int> {
 protected:
  std::unique_ptr<RunLog> create(const RunDirectory& run) {
    auto log = RunLog::create(run, "graph", GetParam());
    EXPECT_TRUE(log.ok()) << (log.ok() ? "" : log.error().message);
    return log.ok() ? std::move(log).value() : nullptr;
  }
  RunDirectory run() {
    auto directory = RunDirectory::choose(dir_ / "logs", {}, false);
    EXPECT_TRUE(directory.ok());
    return std::move(directory).value();
  }
  static Result<void> add(RunLog& log, RunLog::File file, std::int64_t step) {
    RunLog::Record& record = log.next();
    record.file = file;
    record.step = step;
    record.set_head(initial_head(7, 3, static_cast<std::uint64_t>(step)));
    record.logits = {1, 2, 3};
    record.scores = {0.25F, 0.25F, 0.5F};
    record.result = {.cross_entropy = static_cast<float>(step), .accuracy = 0.5F};
    return log.add();
  }
  static Scalars scalars_in(const std::string& dir) {
    Scalars all;
    std::int64_t last = -1;
    for (const auto& entry : std::filesystem::directory_iterator(dir)) {
      EventReader reader(entry.path().string());
      EventHandler handler;
      handler.on_scalar = [&](const ScalarEvent& e) {
        EXPECT_GE(e.step, last);
        last = e.step;
        EXPECT_TRUE(all.emplace(std::pair(std::string(e.tag), e.step), e.value).second);
      };
      EXPECT_TRUE(reader.poll(handler).ok());
      EXPECT_EQ(reader.damaged_records(), 0U);
    }
    return all;
  }
  TestDirectory dir_;
};
INSTANTIATE_TEST_SUITE_P(Threads, RunLogTest, testing::Values(1, 2));

TEST_P(RunLogTest, FlushedStepsAreInTheirFilesInOrder) {
  const RunDirectory directory = run();
  const auto log = create(directory);
  for (int step = 0; step < 200; ++step) {
    ASSERT_TRUE(add(*log, RunLog::File::kTraining, step).ok());
    if (step % 10 == 0) {
      ASSERT_TRUE(add(*log, RunLog::File::kValidation, step).ok());
    }
    if (step != 99) continue;
    ASSERT_TRUE(log->flush().ok());
    EXPECT_EQ(scalars_in(directory.train_dir()).at({"cross_entropy_1", 99}), 99.0F);
  }
  ASSERT_TRUE(log->close().ok());
  const Scalars training = scalars_in(directory.train_dir());
  const Scalars validation = scalars_in(directory.validation_dir());
  EXPECT_EQ(training.size(), validation.size() * 10);
  for (int step = 0; step < 200; ++step) {
    EXPECT_EQ(training.at({"cross_entropy_1", step}), static_cast<float>(step));
    EXPECT_EQ(validation.contains({"cross_entropy_1", step}), step % 10 == 0);
  }
}

// Waits for no dozen: a step that took its time is seen soon.
TEST_P(RunLogTest, WhatWasAddedIsWrittenWithoutBeingAskedFor) {
  const RunDirectory directory = run();
  const auto log = create(directory);
  ASSERT_TRUE(add(*log, RunLog::File::kTraining, 5).ok());
  while (scalars_in(directory.train_dir()).empty()) std::this_thread::yield();
}

TEST_P(RunLogTest, TheLastStepsAreWrittenWhenItGoes) {
  const RunDirectory directory = run();
  auto log = create(directory);
  for (int step = 0; step < 5; ++step) {
    ASSERT_TRUE(add(*log, RunLog::File::kTraining, step).ok());
  }
  log.reset();
  EXPECT_TRUE(scalars_in(directory.train_dir()).contains({"accuracy_1", 4}));
}

TEST_P(RunLogTest, AFullDiskIsReportedAndLeavesWholeSteps) {
  const RunDirectory directory = run();
  const auto log = create(directory);
  ASSERT_TRUE(add(*log, RunLog::File::kTraining, 0).ok());
  ASSERT_TRUE(log->flush().ok());
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit tight = old;
  tight.rlim_cur = 60000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  Result<void> added;
  for (int step = 1; step < 1000 && added.ok(); ++step) {
    added = add(*log, RunLog::File::kTraining, step);
  }
  const auto flushed = log->flush();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().kind, ErrorKind::kIo);
  ASSERT_FALSE(flushed.ok());
  EXPECT_EQ(flushed.error().message, added.error().message);
  const Scalars written = scalars_in(directory.train_dir());
  EXPECT_TRUE(written.contains({"cross_entropy_1", 0}));
  EXPECT_FALSE(log->close().ok());
}

// What the deviation is taken from: the histogram's sums, or the values where those cancel.
TEST_P(RunLogTest, DeviationsAreThoseOfTheValues) {
  const RunDirectory directory = run();
  const auto log = create(directory);
  const std::vector<std::vector<float>> heads = {
      {-1, 0, 1}, {1000, 1001, 1002}, {5, 5, 5}, {0, 0, 0}, {1e-3F, 2e-3F, -1e-3F}};
  const std::vector<double> expected = {std::sqrt(2.0 / 3), std::sqrt(2.0 / 3), 0, 0,
                                        1e-3 * std::sqrt(14.0 / 9)};
  for (std::size_t i = 0; i < heads.size(); ++i) {
    RunLog::Record& record = log->next();
    record.step = static_cast<std::int64_t>(i);
    record.weights = record.biases = record.logits = record.scores = heads[i];
    ASSERT_TRUE(log->add().ok());
  }
  ASSERT_TRUE(log->close().ok());
  const Scalars written = scalars_in(directory.train_dir());
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const float got =
        written.at({"final_training_ops/weights/summaries/stddev_1", static_cast<std::int64_t>(i)});
    EXPECT_NEAR(got, expected[i], expected[i] * 0x1p-22) << i;
  }
}

}  // namespace
}  // namespace graft
