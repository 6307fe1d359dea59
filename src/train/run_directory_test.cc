#include "train/run_directory.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/test_directory.h"
#include "train/head_trainer.h"

namespace graft {
namespace {

const Hash128 kOurs = xxh3_128(as_bytes("ours"));
const Hash128 kOther = xxh3_128(as_bytes("other"));

class RunDirectoryTest : public testing::Test {
 protected:
  void put_run(const std::string& where, const char* state, const Hash128& fingerprint) {
    ASSERT_TRUE(write_atomically(
                    where + "/run.json",
                    std::string_view("{\"state\": \"" + std::string(state) +
                                     "\", \"fingerprint\": \"" + hex(fingerprint.bytes) + "\"}"))
                    .ok());
    ASSERT_TRUE(write_atomically(where + "/train/events", std::string_view("x")).ok());
  }
  std::string chosen(bool resume = true) {
    auto directory = RunDirectory::choose(base_, kOurs, resume);
    EXPECT_TRUE(directory.ok());
    return directory.ok() ? directory->path() : "";
  }
  TestDirectory dir_;
  const std::string base_ = dir_ / "logs";
};

TEST_F(RunDirectoryTest, TheFirstRunTakesTheFolderItself) {
  EXPECT_EQ(chosen(), base_);
  EXPECT_TRUE(is_directory(base_));
}

TEST_F(RunDirectoryTest, FinishedAndForeignRunsAreLeftAlone) {
  put_run(base_, "finished", kOurs);
  EXPECT_EQ(chosen(), base_ + "/run-2");
  put_run(base_ + "/run-2", "running", kOther);
  EXPECT_EQ(chosen(), base_ + "/run-3");
  // Somebody's logs without a record of ours.
  ASSERT_TRUE(write_atomically(base_ + "/run-7/validation/events", std::string_view("x")).ok());
  EXPECT_EQ(chosen(), base_ + "/run-8");
  EXPECT_TRUE(exists(base_ + "/train/events"));
}

TEST_F(RunDirectoryTest, AnUnfinishedRunOfTheSameCommandGoesOn) {
  put_run(base_, "running", kOurs);
  put_run(base_ + "/run-2", "interrupted", kOurs);
  ASSERT_TRUE(
      save_checkpoint(base_ + "/run-2/checkpoint.graft", kOurs, 7, initial_head(3, 2, 1)).ok());
  {
    auto directory = RunDirectory::choose(base_, kOurs, true);
    ASSERT_TRUE(directory.ok());
    EXPECT_EQ(directory->path(), base_ + "/run-2");
    ASSERT_TRUE(directory->checkpoint().has_value());
    EXPECT_EQ(directory->checkpoint()->step, 7U);
    // While it is held, the next one takes the other unfinished run, then a new one.
    auto second = RunDirectory::choose(base_, kOurs, true);
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second->path(), base_);
    EXPECT_FALSE(second->checkpoint().has_value());
    EXPECT_EQ(chosen(), base_ + "/run-3");
  }
  EXPECT_EQ(chosen(), base_ + "/run-2");
  EXPECT_EQ(chosen(false), base_ + "/run-3");
}

TEST_F(RunDirectoryTest, ACheckpointOfAnotherRunOrADamagedOneIsNotUsed) {
  put_run(base_, "running", kOurs);
  ASSERT_TRUE(save_checkpoint(base_ + "/checkpoint.graft", kOther, 7, initial_head(3, 2, 1)).ok());
  auto directory = RunDirectory::choose(base_, kOurs, true);
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(directory->path(), base_);
  EXPECT_FALSE(directory->checkpoint().has_value());
}

TEST_F(RunDirectoryTest, ADamagedRecordIsForeign) {
  ASSERT_TRUE(write_atomically(base_ + "/run.json", std::string_view("{\"state\": ")).ok());
  EXPECT_EQ(chosen(), base_ + "/run-2");
}

TEST_F(RunDirectoryTest, NamesWhatItCannotRead) {
  put_run(base_, "running", kOurs);
  ASSERT_TRUE(write_atomically(base_ + "/checkpoint.graft", std::string_view("half")).ok());
  ASSERT_TRUE(make_directories(base_ + "/run-2/run.json").ok());  // stands for a disk that fails
  auto directory = RunDirectory::choose(base_, kOurs, true);
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(directory->path(), base_);
  EXPECT_FALSE(directory->checkpoint().has_value());
  ASSERT_EQ(directory->warnings().size(), 2U);
  EXPECT_TRUE(directory->warnings()[0].starts_with(base_ + "/run-2/run.json: "));
  EXPECT_TRUE(directory->warnings()[1].starts_with(base_ + "/checkpoint.graft: "));
}

TEST_F(RunDirectoryTest, AFileInTheWayIsAnError) {
  ASSERT_TRUE(write_atomically(base_, std::string_view("a file")).ok());
  EXPECT_FALSE(RunDirectory::choose(base_, kOurs, true).ok());
}

}  // namespace
}  // namespace graft
