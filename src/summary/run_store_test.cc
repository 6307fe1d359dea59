#include "summary/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/test_directory.h"
#include "summary/event_writer.h"
#include "summary/golden_events_test.h"
#include "wire/event.pb.h"
#include "wire/records.h"

namespace graft {
namespace {

using testing::ElementsAre;

std::string record(std::int64_t step, double wall, const std::string& tag, float value) {
  wire::Event event;
  event.set_step(step);
  event.set_wall_time(wall);
  auto* v = event.mutable_summary()->add_value();
  v->set_tag(tag);
  v->set_simple_value(value);
  std::string out;
  wire::append_record(out, as_bytes(event.SerializeAsString()));
  return out;
}

class RunStoreTest : public testing::Test {
 protected:
  std::string log(const std::string& run, const std::string& name = "events.out.tfevents.1.host") {
    const std::string folder = run.empty() ? root_.path() : root_ / run;
    std::filesystem::create_directories(folder);
    return folder + "/" + name;
  }
  static void append(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
  }
  RunStore store() { return RunStore({{{"", root_.path()}}}); }
  std::string id(const std::string& run) {
    return run_id(run.empty() ? root_.path() : root_ / run);
  }
  TestDirectory root_;
};

TEST_F(RunStoreTest, FindsRunsAtAnyDepthAndNamesThemAsTensorBoardDoes) {
  append(log(""), record(0, 1, "a", 1));
  append(log("x/y/train"), record(3, 5, "a", 1));
  append(log("x/y/validation"), record(0, 1, "a", 1));
  std::filesystem::create_directories(root_ / "empty");
  std::ofstream(root_ / "x/notes.txt") << "no log";
  RunStore runs = store();
  const StoreChanges changes = runs.scan();
  EXPECT_EQ(changes.changed.size(), 3U);
  EXPECT_TRUE(changes.points.empty());  // new runs are told of as a whole
  std::vector<std::string> names;
  for (const RunInfo& run : runs.runs()) names.push_back(run.name);
  EXPECT_THAT(names, ElementsAre(".", "x/y/train", "x/y/validation"));
  const auto run = runs.run(id("x/y/train"));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->group, "x/y");
  EXPECT_EQ(run->kind, "train");
  EXPECT_EQ(run->last_step, 3);
  EXPECT_EQ(run->started, 5);
  EXPECT_EQ(runs.run_named(".")->kind, "other");
}

TEST_F(RunStoreTest, NamesRunsByTheirLogdir) {
  append(log("one/train"), record(0, 1, "a", 1));
  append(log("two"), record(0, 1, "a", 1));
  RunStore runs({{{"p", root_ / "one"}, {"q", root_ / "two"}}});
  runs.scan();
  EXPECT_TRUE(runs.run_named("p/train"));
  EXPECT_TRUE(runs.run_named("q"));
}

TEST_F(RunStoreTest, ReadsWhatTensorFlowWrote) {
  std::filesystem::copy_file(golden::events_path("tensorflow1"), log("tf1"));
  std::filesystem::copy_file(golden::events_path("tensorboard2"), log("tf2"));
  RunStore runs = store();
  runs.scan();
  const auto curve = runs.curve(id("tf1"), "cross_entropy_1");
  ASSERT_TRUE(curve.ok());
  EXPECT_THAT(curve->steps, ElementsAre(0, 1, 2));
  EXPECT_THAT(curve->values, ElementsAre(1.5F, 1.25F, 1.0F));
  const auto second = runs.curve(id("tf2"), "epoch_loss");
  ASSERT_TRUE(second.ok());
  EXPECT_THAT(second->values, ElementsAre(1.5F, 1.25F, 1.0F));
  const auto tags = runs.tags(id("tf1"));
  ASSERT_TRUE(tags);
  EXPECT_TRUE(tags->graph);
  EXPECT_EQ(tags->histograms.size(), golden::tensors().size());
  EXPECT_TRUE(runs.graph(id("tf1")).ok());
  EXPECT_EQ(runs.graph(id("tf2")).error().kind, ErrorKind::kNotFound);
  // A histogram lies in the file until it is asked for.
  const auto places = runs.blobs(id("tf1"), SummaryKind::kHistogram, "few");
  ASSERT_TRUE(places.ok());
  ASSERT_EQ(places->size(), 1U);
  double count = 0;
  ASSERT_TRUE(read_blob(places->front(), "few", [&](const EventValue& value) -> Result<void> {
                GRAFT_ASSIGN(const Histogram h, histogram_of(value));
                count = h.num;
                return {};
              }).ok());
  EXPECT_EQ(count, 4);
}

TEST_F(RunStoreTest, TellsWhatIsNew) {
  const std::string path = log("r");
  append(path, record(0, 1, "a", 1));
  RunStore runs = store();
  runs.scan();
  append(path, record(1, 2, "a", 3) + record(2, 3, "a", 5));
  const std::vector<std::string> files = {path, root_ / "unknown"};
  const StoreChanges changes = runs.poll(files);
  ASSERT_EQ(changes.points.size(), 1U);
  EXPECT_EQ(changes.points[0].tag, "a");
  EXPECT_THAT(changes.points[0].points.steps, ElementsAre(1, 2));
  EXPECT_THAT(changes.points[0].points.values, ElementsAre(3, 5));
  EXPECT_TRUE(changes.changed.empty());
  EXPECT_TRUE(runs.poll(files).empty());
}

// A training that was interrupted after step 3 and went on from its checkpoint at step 2, in a
// second file; then one whose writer went back within a file.
TEST_F(RunStoreTest, LetsLaterPointsStandForEarlierOnes) {
  std::string first, second;
  for (int step = 0; step < 4; ++step) first += record(step, step, "a", 10);
  for (int step = 2; step < 6; ++step) second += record(step, 100 + step, "a", 20);
  append(log("r", "events.out.tfevents.1.host"), first);
  append(log("r", "events.out.tfevents.2.host"), second);
  RunStore runs = store();
  runs.scan();
  EXPECT_EQ(runs.run(id("r"))->restarts, 1U);
  auto curve = runs.curve(id("r"), "a");
  ASSERT_TRUE(curve.ok());
  EXPECT_THAT(curve->steps, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(curve->values, ElementsAre(10, 10, 20, 20, 20, 20));
  curve = runs.curve(id("r"), "a", true);
  EXPECT_EQ(curve->steps.size(), 8U);

  append(log("r", "events.out.tfevents.2.host"), record(1, 300, "a", 30));
  const std::vector<std::string> files = {log("r", "events.out.tfevents.2.host")};
  const StoreChanges changes = runs.poll(files);
  EXPECT_THAT(changes.reset, ElementsAre(id("r")));
  EXPECT_THAT(runs.curve(id("r"), "a")->values, ElementsAre(10, 30));
  EXPECT_EQ(runs.run(id("r"))->restarts, 2U);
}

// Wall time may go anywhere (fault 37): the order is the steps'.
TEST_F(RunStoreTest, OrdersByStepWhateverTheClockDid) {
  append(log("r"), record(0, 5000, "a", 1) + record(1, 10, "a", 2) + record(2, 4000, "a", 3));
  RunStore runs = store();
  runs.scan();
  EXPECT_THAT(runs.curve(id("r"), "a")->steps, ElementsAre(0, 1, 2));
  EXPECT_EQ(runs.run(id("r"))->restarts, 0U);
  EXPECT_EQ(runs.run(id("r"))->updated, 5000);
}

TEST_F(RunStoreTest, KeepsValuesThatAreNoNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  append(log("r"), record(0, 1, "a", nan) + record(1, 1, "a", INFINITY));
  RunStore runs = store();
  runs.scan();
  const auto curve = runs.curve(id("r"), "a");
  EXPECT_TRUE(std::isnan(curve->values[0]));
  EXPECT_TRUE(std::isinf(curve->values[1]));
}

// Fault 36: a bad checksum costs its record alone and is told of, with the file's name.
TEST_F(RunStoreTest, PassesOverDamageAndSaysSo) {
  std::string bytes = record(0, 1, "a", 1);
  const std::size_t second = bytes.size();
  bytes += record(1, 1, "a", 2) + record(2, 1, "a", 3);
  bytes[second + 20] ^= 1;
  append(log("r"), bytes);
  RunStore runs = store();
  runs.scan();
  EXPECT_THAT(runs.curve(id("r"), "a")->values, ElementsAre(1, 3));
  EXPECT_EQ(runs.run(id("r"))->damaged, 1U);
  ASSERT_EQ(runs.problems().size(), 1U);
  EXPECT_THAT(runs.problems()[0].message, testing::HasSubstr("1 damaged record"));
  EXPECT_EQ(runs.problems()[0].run, id("r"));
}

TEST_F(RunStoreTest, ForgetsWhatWasReplacedOrRemoved) {
  append(log("r"), record(0, 1, "a", 1) + record(1, 1, "a", 2));
  append(log("s"), record(0, 1, "b", 1));
  RunStore runs = store();
  runs.scan();
  ASSERT_TRUE(write_atomically(log("r"), record(0, 1, "a", 7)).ok());
  std::filesystem::remove_all(root_ / "s");
  const StoreChanges changes = runs.scan();
  EXPECT_THAT(changes.reset, ElementsAre(id("r")));
  EXPECT_THAT(changes.gone, ElementsAre(id("s")));
  EXPECT_THAT(runs.curve(id("r"), "a")->values, ElementsAre(7));
  EXPECT_EQ(runs.curve(id("s"), "b").error().kind, ErrorKind::kNotFound);
}

// Fault 36, memory: what is beyond the cap is left out, said, and costs nothing.
TEST_F(RunStoreTest, KeepsNoMorePointsThanAllowed) {
  std::string bytes;
  for (int step = 0; step < 10; ++step) bytes += record(step, 1, "a", 1);
  append(log("r"), bytes);
  RunStoreOptions options{{{"", root_.path()}}, 6};
  RunStore runs(options);
  runs.scan();
  EXPECT_EQ(runs.curve(id("r"), "a")->steps.size(), 6U);
  ASSERT_EQ(runs.problems().size(), 1U);
  EXPECT_THAT(runs.problems()[0].message, testing::HasSubstr("more points or tags"));
}

TEST_F(RunStoreTest, FollowsLinksOnceAndIgnoresFifos) {
  append(log("r"), record(0, 1, "a", 1));
  std::filesystem::create_directory_symlink(root_.path(), root_ / "r/loop");
  ASSERT_EQ(::mkfifo((root_ / "r/tfevents.fifo").c_str(), 0600), 0);
  RunStore runs = store();
  runs.scan();
  EXPECT_EQ(runs.runs().size(), 1U);
  EXPECT_TRUE(runs.problems().empty());
}

TEST_F(RunStoreTest, FindsRunRecords) {
  append(log("r/train"), record(0, 1, "a", 1));
  std::ofstream(root_ / "r/run.json") << "{}";
  RunStore runs = store();
  EXPECT_TRUE(runs.scan().records);
  EXPECT_THAT(runs.record_files(), ElementsAre(root_ / "r/run.json"));
  EXPECT_FALSE(runs.scan().records);
  std::ofstream(root_ / "r/run.json") << "{ }";
  EXPECT_TRUE(runs.scan().records);
}

}  // namespace
}  // namespace graft
