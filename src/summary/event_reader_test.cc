#include "summary/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "base/file.h"
#include "summary/event_writer.h"
#include "summary/golden_events_test.h"

namespace graft {
namespace {

using testing::ElementsAre;
using Scalar = std::tuple<std::string, std::int64_t, float>;

struct Seen {
  std::vector<Scalar> scalars;
  std::vector<std::string> histograms, versions;
  int graphs = 0;
  EventHandler handler() {
    EventHandler h;
    h.on_scalar = [this](const ScalarEvent& e) {
      scalars.emplace_back(std::string(e.tag), e.step, e.value);
    };
    h.on_histogram = [this](const HistogramEvent& e) { histograms.emplace_back(e.tag); };
    h.on_graph = [this](std::string_view) { ++graphs; };
    h.on_file_version = [this](std::string_view v) { versions.emplace_back(v); };
    return h;
  }
};

class EventReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "graft_reader_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    path_ = dir_ + "/events.out.tfevents.1.host";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  // The bytes of a log with scalars "a" = step at steps 0 … count-1, one record each.
  std::string log(int count) {
    auto writer = EventWriter::create(dir_ + "/made");
    EXPECT_TRUE(writer.ok());
    for (int step = 0; step < count; ++step) {
      SummaryBuilder summary;
      summary.scalar("a", static_cast<float>(step));
      writer->add_summary(summary, step);
    }
    EXPECT_TRUE(writer->flush().ok());
    auto text = read_text_file(writer->path());
    EXPECT_TRUE(text.ok());
    return *text;
  }
  void put(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  void append(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::app) << bytes;
  }
  std::string dir_, path_;
};

// Where record `index` starts in `bytes`.
std::size_t record_at(const std::string& bytes, int index) {
  std::size_t at = 0;
  for (int i = 0; i < index; ++i) {
    at += 16 + static_cast<unsigned char>(bytes[at]) +
          256U * static_cast<unsigned char>(bytes[at + 1]);
  }
  return at;
}

TEST_F(EventReaderTest, ReadsTensorFlow1Logs) {
  Seen seen;
  EventReader reader(golden::events_path("tensorflow1"));
  const auto read = reader.poll(seen.handler());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_THAT(seen.versions, ElementsAre("brain.Event:2"));
  EXPECT_EQ(seen.graphs, 1);
  EXPECT_EQ(seen.histograms.size(), golden::tensors().size());
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"cross_entropy_1", 0, 1.5F}, Scalar{"cross_entropy_1", 1, 1.25F},
                          Scalar{"cross_entropy_1", 2, 1.0F}));
  EXPECT_EQ(reader.damaged_records(), 0U);
  EXPECT_EQ(reader.offset(), std::filesystem::file_size(golden::events_path("tensorflow1")));
}

TEST_F(EventReaderTest, ReadsTensorBoard2Scalars) {
  Seen seen;
  EventReader reader(golden::events_path("tensorboard2"));
  const auto read = reader.poll(seen.handler());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"epoch_loss", 0, 1.5F}, Scalar{"epoch_loss", 1, 1.25F},
                          Scalar{"epoch_loss", 2, 1.0F}));
  EXPECT_EQ(reader.damaged_records(), 0U);
}

// Whatever the writer had put down when the reader looked, each event is seen once.
TEST_F(EventReaderTest, FollowsAFileThatGrowsByteByByte) {
  const std::string bytes = log(3);
  put("");
  Seen seen;
  EventReader reader(path_);
  for (const char byte : bytes) {
    append(std::string(1, byte));
    ASSERT_TRUE(reader.poll(seen.handler()).ok());
  }
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"a", 0, 0.F}, Scalar{"a", 1, 1.F}, Scalar{"a", 2, 2.F}));
  EXPECT_EQ(reader.damaged_records(), 0U);
}

TEST_F(EventReaderTest, PassesOverADamagedRecord) {
  std::string bytes = log(3);
  bytes[record_at(bytes, 2) + 14] ^= 1;  // in the data of step 1
  put(bytes);
  Seen seen;
  EventReader reader(path_);
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  EXPECT_THAT(seen.scalars, ElementsAre(Scalar{"a", 0, 0.F}, Scalar{"a", 2, 2.F}));
  EXPECT_EQ(reader.damaged_records(), 1U);
}

TEST_F(EventReaderTest, FindsTheNextRecordBehindADamagedLength) {
  std::string bytes = log(4);
  bytes[record_at(bytes, 2)] ^= 1;
  put(bytes);
  Seen seen;
  EventReader reader(path_);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(reader.poll(seen.handler()).ok());
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"a", 0, 0.F}, Scalar{"a", 2, 2.F}, Scalar{"a", 3, 3.F}));
  EXPECT_EQ(reader.damaged_records(), 1U);
}

// A writer that was killed within a record, and another that went on in the same file: the length
// that the first left leads into the second's records.
TEST_F(EventReaderTest, FindsRecordsBehindOneThatWasCutOff) {
  const std::string bytes = log(4);
  put(bytes.substr(0, record_at(bytes, 2) + 20) + bytes.substr(record_at(bytes, 3)));
  Seen seen;
  EventReader reader(path_);
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"a", 0, 0.F}, Scalar{"a", 2, 2.F}, Scalar{"a", 3, 3.F}));
  EXPECT_EQ(reader.damaged_records(), 1U);
}

// The same, read on at every byte: also when the file ends where the first writer's record would.
TEST_F(EventReaderTest, WaitsForWhatFollowsADamagedRecord) {
  const std::string bytes = log(4);
  put("");
  Seen seen;
  EventReader reader(path_);
  for (const char byte :
       bytes.substr(0, record_at(bytes, 2) + 20) + bytes.substr(record_at(bytes, 3))) {
    append(std::string(1, byte));
    ASSERT_TRUE(reader.poll(seen.handler()).ok());
  }
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"a", 0, 0.F}, Scalar{"a", 2, 2.F}, Scalar{"a", 3, 3.F}));
  EXPECT_EQ(reader.damaged_records(), 1U);
}

// Damage at the end of what is there: the search goes on where it stood when the file grows.
TEST_F(EventReaderTest, GoesOnSearchingWhenTheFileGrows) {
  std::string bytes = log(3);
  const std::size_t at = record_at(bytes, 2);
  bytes[at] ^= 1;
  put(bytes.substr(0, at + 40));
  Seen seen;
  EventReader reader(path_);
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  for (const char byte : bytes.substr(at + 40)) {
    append(std::string(1, byte));
    ASSERT_TRUE(reader.poll(seen.handler()).ok());
  }
  EXPECT_THAT(seen.scalars, ElementsAre(Scalar{"a", 0, 0.F}, Scalar{"a", 2, 2.F}));
  EXPECT_EQ(reader.damaged_records(), 1U);
}

// The same file emptied and written anew, longer than before: neither inode nor size tells.
TEST_F(EventReaderTest, NoticesThatAFileWasWrittenAnewInPlace) {
  put(log(2));
  Seen seen;
  EventReader reader(path_);
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  seen.scalars.clear();
  std::filesystem::remove_all(dir_ + "/made");
  std::string other;
  {
    auto writer = EventWriter::create(dir_ + "/other");
    ASSERT_TRUE(writer.ok());
    SummaryBuilder summary;
    summary.scalar("b", 7);
    for (int step = 0; step < 3; ++step) writer->add_summary(summary, step);
    ASSERT_TRUE(writer->flush().ok());
    other = *read_text_file(writer->path());
  }
  put(other);
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  EXPECT_THAT(seen.scalars,
              ElementsAre(Scalar{"b", 0, 7.F}, Scalar{"b", 1, 7.F}, Scalar{"b", 2, 7.F}));
}

// Every single bit of a small log, flipped: no crash, and never a value that was not written.
TEST_F(EventReaderTest, SurvivesEveryFlippedBit) {
  const std::string bytes = log(2);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    put(damaged);
    Seen seen;
    EventReader reader(path_);
    ASSERT_TRUE(reader.poll(seen.handler()).ok());
    EXPECT_EQ(reader.damaged_records(), 1U);
    for (const auto& scalar : seen.scalars) {
      EXPECT_THAT(scalar, testing::AnyOf(Scalar{"a", 0, 0.F}, Scalar{"a", 1, 1.F}));
    }
  }
}

TEST_F(EventReaderTest, StartsAgainWhenTheFileWasReplaced) {
  put(log(3));
  Seen seen;
  EventReader reader(path_);
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  ASSERT_TRUE(write_atomically(path_, log(1)).ok());
  seen.scalars.clear();
  ASSERT_TRUE(reader.poll(seen.handler()).ok());
  EXPECT_THAT(seen.scalars, ElementsAre(Scalar{"a", 0, 0.F}));
}

// Records longer than a chunk, and more of them than memory would like.
TEST_F(EventReaderTest, ReadsLongRecords) {
  auto writer = EventWriter::create(dir_ + "/long");
  ASSERT_TRUE(writer.ok());
  const std::string graph(5'000'000, 'g');
  writer->add_graph(graph);
  SummaryBuilder summary;
  summary.scalar("a", 1);
  writer->add_summary(summary, 1);
  ASSERT_TRUE(writer->flush().ok());
  std::size_t length = 0;
  Seen seen;
  EventHandler handler = seen.handler();
  handler.on_graph = [&](std::string_view g) { length = g.size(); };
  EventReader reader(writer->path());
  ASSERT_TRUE(reader.poll(handler).ok());
  EXPECT_EQ(length, graph.size());
  EXPECT_EQ(seen.scalars.size(), 1U);
}

TEST_F(EventReaderTest, ChecksTheFileItself) {
  EXPECT_EQ(EventReader(dir_ + "/absent").poll({}).error().kind, ErrorKind::kNotFound);
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(EventReader(dir_ + "/fifo").poll({}).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(EventReader(dir_).poll({}).error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace graft
