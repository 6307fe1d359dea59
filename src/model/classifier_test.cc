#include "model/classifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/test_directory.h"
#include "model/test_network.h"

namespace graft {
namespace {

using test::tiny_feature;
using test::tiny_graph;
using test::tiny_head;
using test::tiny_photo;
using test::tiny_side;
using test::tiny_spec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kLabels = {"daisy", "rose", "tulip"};

wire::GraphDef tiny_retrained() {
  const wire::GraphDef backbone = tiny_graph();
  return build_retrained_graph(&backbone, tiny_spec(), tiny_head(3), "final_result").value();
}

// As TensorFlow writes it: the graph without our description.
void save_plain(const wire::GraphDef& graph, const std::string& path) {
  ASSERT_TRUE(write_atomically(path, std::string_view(wire::serialize(graph).value())).ok());
}

ClassifierOptions options_for(const std::string& path) {
  ClassifierOptions options;
  options.graph_path = path;
  return options;
}

std::string message_of(const ClassifierOptions& options, ErrorKind kind) {
  const auto loaded = Classifier::load(options);
  EXPECT_FALSE(loaded.ok());
  if (loaded.ok()) return "";
  EXPECT_EQ(loaded.error().kind, kind) << loaded.error().message;
  EXPECT_EQ(loaded.error().message.find('\n'), std::string::npos);
  return loaded.error().message;
}

// The head on the photo's own pixels. Both sides round each of F products and sums once:
// |Δlogit| ≤ F·2⁻²⁴·Σ|x·w|, hence a relative 2·|Δlogit| of a score, and softmax's own rounding.
void expect_the_heads_scores(const Classifier& classifier) {
  const auto session = classifier.make_session();
  const auto scores = session->scores(tiny_photo());
  ASSERT_TRUE(scores.ok()) << scores.error().message;
  const Head head = tiny_head(3);
  const std::vector<float> feature = tiny_feature();
  std::vector<float> expected(3);
  predict(head, feature, expected);
  for (std::size_t k = 0; k < 3; ++k) {
    double absolute = 0;
    for (std::size_t f = 0; f < feature.size(); ++f) {
      absolute += std::abs(static_cast<double>(feature[f]) * head.weights.as<float>()[f * 3 + k]);
    }
    const double bound = (2 * test::kTinyFeatures * absolute + 8) * std::ldexp(1.0, -24);
    EXPECT_NEAR((*scores)[k], expected[k], bound * expected[k]);
  }
}

TEST(Classifier, GivesTheHeadsScores) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_EQ(classifier->labels(), kLabels);
  EXPECT_THAT(classifier->warnings(), IsEmpty());
  EXPECT_EQ(classifier->preprocessing(), "input 2x2 mean 100.0 std 50.0, from g.pb");
  expect_the_heads_scores(*classifier);
}

TEST(Classifier, NeedsNoSideFile) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  std::filesystem::remove(dir / "g.json");
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_THAT(classifier->warnings(), IsEmpty());
  expect_the_heads_scores(*classifier);
}

TEST(Classifier, IsNotMisledByASideFileLeftFromAnotherRun) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  SideFile old = tiny_side({"x", "y", "z"});
  old.mean = 0;
  old.graph_sha256 = "00";
  ASSERT_TRUE(write_atomically(dir / "g.json", std::string_view(to_json(old))).ok());
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok());
  EXPECT_THAT(classifier->warnings(), ElementsAre(HasSubstr(dir / "g.json")));
  EXPECT_EQ(classifier->labels(), kLabels);
  expect_the_heads_scores(*classifier);
}

TEST(Classifier, UsesTheSideFileOfAGraphThatHasNoDescription) {
  const TestDirectory dir;
  save_plain(tiny_retrained(), dir / "g.pb");
  ASSERT_TRUE(write_atomically(dir / "g.json", std::string_view(to_json(tiny_side(kLabels)))).ok());
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_EQ(classifier->preprocessing(), "input 2x2 mean 100.0 std 50.0, from g.json");
  expect_the_heads_scores(*classifier);
}

TEST(Classifier, LeavesASideFileOfAnotherGraphAside) {
  const TestDirectory dir;
  save_plain(tiny_retrained(), dir / "g.pb");
  SideFile other = tiny_side(kLabels);
  other.graph_sha256 = std::string(64, '0');
  ASSERT_TRUE(write_atomically(dir / "g.json", std::string_view(to_json(other))).ok());
  ASSERT_TRUE(save_labels(kLabels, dir / "retrained_labels.txt").ok());
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_THAT(classifier->warnings(), ElementsAre(HasSubstr("another graph"), HasSubstr("guess")));
}

TEST(Classifier, ReadsTensorFlowsGraphWithLabelImagesOptions) {
  const TestDirectory dir;
  save_plain(tiny_retrained(), dir / "g.pb");
  ASSERT_TRUE(save_labels(kLabels, dir / "labels.txt").ok());
  for (const char* layer : {"input", "input:0", "import/input", "import/input:0"}) {
    ClassifierOptions options = options_for(dir / "g.pb");
    options.labels_path = dir / "labels.txt";
    options.input_height = options.input_width = 2;
    options.input_mean = 100.0F;
    options.input_std = 50.0F;
    options.input_layer = layer;
    options.output_layer = "import/final_result";
    const auto classifier = Classifier::load(options);
    ASSERT_TRUE(classifier.ok()) << classifier.error().message;
    EXPECT_THAT(classifier->warnings(), IsEmpty());
    EXPECT_EQ(classifier->preprocessing(), "input 2x2 mean 100.0 std 50.0, as given");
    expect_the_heads_scores(*classifier);
  }
}

TEST(Classifier, FallsBackToLabelImagesDefaultsAndSaysSo) {
  const TestDirectory dir;
  save_plain(tiny_retrained(), dir / "g.pb");
  ASSERT_TRUE(save_labels(kLabels, dir / "retrained_labels.txt").ok());
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_EQ(classifier->labels(), kLabels);
  EXPECT_THAT(classifier->warnings(), ElementsAre(HasSubstr("--input_mean")));
  EXPECT_EQ(classifier->preprocessing(),
            "input 2x2 mean 128.0 std 128.0, from label_image's defaults");
}

TEST(Classifier, HonoursContradictingOptionsAndWarns) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  ClassifierOptions options = options_for(dir / "g.pb");
  options.input_mean = 128.0F;
  const auto classifier = Classifier::load(options);
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_THAT(classifier->warnings(), ElementsAre(HasSubstr("trained with mean 100.0")));
  EXPECT_EQ(classifier->preprocessing(), "input 2x2 mean 128.0 std 50.0, as given");
}

TEST(Classifier, WarnsOfAnotherRunsLabels) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  ASSERT_TRUE(save_labels({"rose", "daisy", "tulip"}, dir / "l.txt").ok());
  ClassifierOptions options = options_for(dir / "g.pb");
  options.labels_path = dir / "l.txt";
  const auto classifier = Classifier::load(options);
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_EQ(classifier->labels()[0], "rose");
  EXPECT_THAT(classifier->warnings(), ElementsAre(HasSubstr("l.txt")));
}

TEST(ClassifierErrors, CountLabels) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  ASSERT_TRUE(save_labels({"a", "b"}, dir / "l.txt").ok());
  ClassifierOptions options = options_for(dir / "g.pb");
  options.labels_path = dir / "l.txt";
  const std::string message = message_of(options, ErrorKind::kCorrupt);
  EXPECT_THAT(message, HasSubstr(dir / "l.txt"));
  EXPECT_THAT(message, HasSubstr("2 labels"));
  EXPECT_THAT(message, HasSubstr("3 scores"));
}

TEST(ClassifierErrors, NameMissingFiles) {
  const TestDirectory dir;
  EXPECT_THAT(message_of(options_for(dir / "none.pb"), ErrorKind::kNotFound),
              HasSubstr(dir / "none.pb"));
  save_plain(tiny_retrained(), dir / "g.pb");
  EXPECT_THAT(message_of(options_for(dir / "g.pb"), ErrorKind::kNotFound), HasSubstr("--labels"));
  ClassifierOptions options = options_for(dir / "g.pb");
  options.labels_path = dir / "none.txt";
  EXPECT_THAT(message_of(options, ErrorKind::kNotFound), HasSubstr("none.txt"));
}

TEST(ClassifierErrors, NameATruncatedGraphAtEveryLength) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "whole.pb").ok());
  const std::string whole = read_text_file(dir / "whole.pb").value();
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    ASSERT_TRUE(write_atomically(dir / "g.pb", std::string_view(whole).substr(0, length)).ok());
    const auto loaded = Classifier::load(options_for(dir / "g.pb"));
    ASSERT_FALSE(loaded.ok()) << length;
    EXPECT_THAT(loaded.error().message, HasSubstr("g.pb")) << length;
  }
}

TEST(ClassifierErrors, ExplainAHeadWithoutItsNetwork) {
  const TestDirectory dir;
  SideFile side = tiny_side(kLabels);
  side.input_tensor = "input_1/BottleneckInputPlaceholder:0";
  const auto head = build_retrained_graph(nullptr, tiny_spec(), tiny_head(3), "final_result");
  ASSERT_TRUE(head.ok());
  ASSERT_TRUE(save_retrained_graph(*head, side, dir / "g.pb").ok());
  EXPECT_THAT(message_of(options_for(dir / "g.pb"), ErrorKind::kUnsupported),
              HasSubstr("without the network"));
  save_plain(*head, dir / "plain.pb");
  EXPECT_THAT(message_of(options_for(dir / "plain.pb"), ErrorKind::kUnsupported),
              HasSubstr("without the network"));
}

TEST(ClassifierErrors, SuggestTheNearestLayer) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  ClassifierOptions options = options_for(dir / "g.pb");
  options.output_layer = "import/final_resul";
  EXPECT_THAT(message_of(options, ErrorKind::kInvalidArgument),
              HasSubstr("did you mean final_result?"));
  options.output_layer.clear();
  options.input_layer = "nothing_like_it";
  EXPECT_THAT(message_of(options, ErrorKind::kInvalidArgument), HasSubstr("--input_layer"));
}

TEST(ClassifierErrors, RefuseASizeThatTheNetworkDoesNotTake) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  ClassifierOptions options = options_for(dir / "g.pb");
  options.input_height = options.input_width = 299;
  EXPECT_FALSE(Classifier::load(options).ok());
  options.input_height = -1;
  EXPECT_THAT(message_of(options, ErrorKind::kInvalidArgument), HasSubstr("--input_height"));
}

TEST(ClassifierErrors, RefuseNumbersThatAreNone) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  ClassifierOptions options = options_for(dir / "g.pb");
  options.input_std = 0.0F;
  EXPECT_THAT(message_of(options, ErrorKind::kInvalidArgument), HasSubstr("--input_std"));
  options.input_std = NAN;
  EXPECT_THAT(message_of(options, ErrorKind::kInvalidArgument), HasSubstr("--input_std"));
}

TEST(ClassifierErrors, ComeFromABadPhotoAndTheSessionGoesOn) {
  const TestDirectory dir;
  ASSERT_TRUE(save_retrained_graph(tiny_retrained(), tiny_side(kLabels), dir / "g.pb").ok());
  const auto classifier = Classifier::load(options_for(dir / "g.pb"));
  ASSERT_TRUE(classifier.ok());
  const auto session = classifier->make_session();
  EXPECT_FALSE(session->scores(as_bytes("no photo")).ok());
  EXPECT_TRUE(session->scores(tiny_photo()).ok());
}

TEST(TopK, PutsTheBestFirstAndEqualOnesInLabelOrder) {
  const std::vector<float> scores = {0.1F, 0.4F, 0.1F, 0.4F};
  const auto best = top_k(scores, 3);
  ASSERT_EQ(best.size(), 3U);
  EXPECT_EQ(best[0].label, 1);
  EXPECT_EQ(best[1].label, 3);
  EXPECT_EQ(best[2].label, 0);
  EXPECT_EQ(best[0].score, 0.4F);
}

TEST(TopK, TakesAnyK) {
  const std::vector<float> scores = {0.1F, NAN, 0.9F};
  EXPECT_THAT(top_k(scores, 0), IsEmpty());
  EXPECT_THAT(top_k(scores, -5), IsEmpty());
  const auto all = top_k(scores, 10);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].label, 2);
  EXPECT_EQ(all[2].label, 1);  // not a number: last
}

}  // namespace
}  // namespace graft
