#include "summary/event_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <variant>

#include "base/file.h"
#include "summary/event_reader.h"
#include "summary/golden_events_test.h"
#include "wire/event.pb.h"
#include "wire/records.h"

namespace graft {
namespace {

class EventWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "graft_summary_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

std::vector<wire::Event> events_in(const std::string& path) {
  auto text = read_text_file(path);
  EXPECT_TRUE(text.ok());
  std::vector<wire::Event> events;
  auto rest = as_bytes(*text);
  while (!rest.empty()) {
    const auto next = wire::next_record(rest);
    const auto* record = std::get_if<wire::Record>(&next);
    EXPECT_NE(record, nullptr);
    if (record == nullptr) break;
    EXPECT_TRUE(events.emplace_back().ParseFromArray(record->data.data(),
                                                     static_cast<int>(record->data.size())));
    rest = rest.subspan(record->frame_bytes);
  }
  return events;
}

TEST_F(EventWriterTest, WritesVersionGraphAndSummariesInOrder) {
  auto writer = EventWriter::create(dir_ + "/train");
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  EXPECT_THAT(file_name(writer->path()),
              testing::MatchesRegex("events\\.out\\.tfevents\\.[0-9]+\\..+"));
  writer->add_graph("a graph");
  SummaryBuilder summary;
  summary.scalar("accuracy_1", 0.25F);
  summary.scalar("zero", 0.0F);
  const std::vector<float> values = {1, 2, 3, 3};
  summary.histogram("activations", values);
  writer->add_summary(summary, 0);
  summary.clear();
  summary.scalar("accuracy_1", 0.5F);
  writer->add_summary(summary, 300);
  ASSERT_TRUE(writer->flush().ok());

  const auto events = events_in(writer->path());
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[1].graph_def(), "a graph");
  const auto& first = events[2].summary();
  EXPECT_EQ(events[2].step(), 0);
  ASSERT_EQ(first.value_size(), 3);
  EXPECT_EQ(first.value(0).tag(), "accuracy_1");
  EXPECT_EQ(first.value(0).simple_value(), 0.25F);
  EXPECT_EQ(first.value(1).tag(), "zero");
  ASSERT_EQ(first.value(1).value_case(), wire::Summary::Value::kSimpleValue);
  EXPECT_EQ(first.value(1).simple_value(), 0.0F);
  ASSERT_TRUE(first.value(2).has_histo());
  EXPECT_EQ(first.value(2).histo().sum(), 9);
  EXPECT_EQ(events[3].step(), 300);
  double previous = 1.5e9;  // the year 2017
  for (const auto& event : events) {
    EXPECT_GE(event.wall_time(), previous);
    previous = event.wall_time();
  }
}

// Our bytes are protobuf's own bytes for the same message, field by field.
TEST_F(EventWriterTest, EncodesHistogramsAsProtobufDoes) {
  for (const auto& [tag, values] : golden::tensors()) {
    SummaryBuilder summary;
    summary.histogram(tag, values);
    wire::Summary parsed;
    ASSERT_TRUE(parsed.ParseFromString(summary.bytes()));
    const Histogram h = histogram_of(values);
    const auto& got = parsed.value(0).histo();
    EXPECT_EQ(got.min(), h.min);
    EXPECT_EQ(got.max(), h.max);
    EXPECT_EQ(got.num(), h.num);
    EXPECT_EQ(got.sum(), h.sum);
    EXPECT_EQ(got.sum_squares(), h.sum_squares);
    EXPECT_THAT(std::vector(got.bucket_limit().begin(), got.bucket_limit().end()),
                testing::ElementsAreArray(h.bucket_limit));
    EXPECT_THAT(std::vector(got.bucket().begin(), got.bucket().end()),
                testing::ElementsAreArray(h.bucket));
    EXPECT_EQ(parsed.SerializeAsString(), summary.bytes());
  }
}

// TensorFlow's bytes for the same tensors: the summary that its op made, re-encoded by nobody.
TEST_F(EventWriterTest, EncodesHistogramsAsTensorFlowDid) {
  std::string theirs;
  for (const auto& event : events_in(golden::events_path("tensorflow1"))) {
    if (event.has_summary() && event.summary().value(0).has_histo()) {
      theirs = event.summary().SerializeAsString();
    }
  }
  SummaryBuilder ours;
  const auto tensors = golden::tensors();
  for (const char* tag : {"empty", "zero", "around_zero", "few", "first_limits",
                          "beyond_the_last_limit", "weights", "all_classes"}) {
    ours.histogram(tag, tensors.at(tag));
  }
  EXPECT_TRUE(ours.bytes() == theirs);  // not EXPECT_EQ: it would print 25 kB
}

TEST_F(EventWriterTest, TwoRunsInOneSecondGetTwoFiles) {
  auto a = EventWriter::create(dir_);
  auto b = EventWriter::create(dir_);
  auto c = EventWriter::create(dir_);
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_NE(a->path(), b->path());
  EXPECT_NE(b->path(), c->path());
  EXPECT_LT(a->path(), b->path());
}

TEST_F(EventWriterTest, DestructorFlushes) {
  std::string path;
  {
    auto writer = EventWriter::create(dir_);
    ASSERT_TRUE(writer.ok());
    path = writer->path();
    SummaryBuilder summary;
    summary.scalar("a", 1);
    writer->add_summary(summary, 1);
  }
  EXPECT_EQ(events_in(path).size(), 2U);
}

TEST_F(EventWriterTest, UnwritablePlaceIsNamed) {
  ASSERT_TRUE(write_atomically(dir_ + "/file", "x").ok());
  const auto writer = EventWriter::create(dir_ + "/file");
  ASSERT_FALSE(writer.ok());
  EXPECT_THAT(writer.error().message, testing::HasSubstr(dir_ + "/file"));
}

// A full disk (here: the process's file size limit) leaves whole records behind, and what could not
// be written is written once there is room again.
TEST_F(EventWriterTest, FailedFlushLeavesWholeRecords) {
  auto writer = EventWriter::create(dir_);
  ASSERT_TRUE(writer.ok());
  SummaryBuilder summary;
  summary.scalar("a", 1);
  writer->add_summary(summary, 1);
  ASSERT_TRUE(writer->flush().ok());
  const auto before = std::filesystem::file_size(writer->path());

  struct rlimit old {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit tight = old;
  tight.rlim_cur = before + 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  writer->add_summary(summary, 2);
  const auto full = writer->flush();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, old_handler);

  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().kind, ErrorKind::kIo);
  EXPECT_THAT(full.error().message, testing::HasSubstr(writer->path()));
  EXPECT_EQ(std::filesystem::file_size(writer->path()), before);
  ASSERT_TRUE(writer->flush().ok());
  const auto events = events_in(writer->path());
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[2].step(), 2);
}

TEST_F(EventWriterTest, CloseWritesWhatIsPendingAndLetsTheFileGo) {
  auto writer = EventWriter::create(dir_);
  ASSERT_TRUE(writer.ok());
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open_files();
  SummaryBuilder summary;
  summary.scalar("a", 1);
  writer->add_summary(summary, 1);
  ASSERT_TRUE(writer->close().ok());
  EXPECT_EQ(open_files(), before - 1);
  EXPECT_EQ(events_in(writer->path()).size(), 2U);
}

}  // namespace
}  // namespace graft
