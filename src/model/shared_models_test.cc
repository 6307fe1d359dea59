// The real networks, where they are at hand: $GRAFT_SHARED, else ../shared beside the source tree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/test_directory.h"
#include "graph/import.h"
#include "model/backbone.h"
#include "model/classifier.h"
#include "model/export.h"
#include "model/identify.h"

namespace graft {
namespace {

using ::testing::IsEmpty;

std::string shared_directory() {
  const char* given = std::getenv("GRAFT_SHARED");
  return given != nullptr ? given : GRAFT_SOURCE_DIR "/../shared";
}

class SharedModels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_directory(shared_directory() + "/models") ||
        !is_directory(shared_directory() + "/photos/flower_photos/daisy")) {
      GTEST_SKIP() << "no shared models and photos at " << shared_directory();
    }
    for (const auto& entry :
         std::filesystem::directory_iterator(shared_directory() + "/photos/flower_photos/daisy")) {
      photos_.push_back(entry.path().string());
    }
    std::sort(photos_.begin(), photos_.end());
    photos_.resize(std::min<std::size_t>(photos_.size(), 3));
  }
  std::string models() const { return shared_directory() + "/models"; }

  std::vector<std::string> photos_;
};

Head random_head(int features, int classes) {
  Rng rng(7);
  std::vector<float> weights(static_cast<std::size_t>(features) * classes), biases(classes);
  for (float& w : weights) w = rng.truncated_normal() * 0.05F;
  for (float& b : biases) b = rng.normal() * 0.1F;
  Head head;
  head.weights = Tensor::from(Shape{features, classes}, weights);
  head.biases = Tensor::from(Shape{classes}, biases);
  return head;
}

// F rounded products and sums of |x·w|, on both sides, then exp: relative to the score.
double score_bound(const Head& head, const std::vector<float>& feature) {
  double absolute = 0;
  for (std::size_t f = 0; f < feature.size(); ++f) {
    absolute += std::abs(static_cast<double>(feature[f]) * head.weights.as<float>()[f * 2]);
  }
  return 4 * static_cast<double>(feature.size()) * std::ldexp(absolute, -24);
}

TEST_F(SharedModels, AreWhatTheTableSays) {
  int found_count = 0;
  for (const ModelSpec& spec : all_models()) {
    const auto found = find_installed(spec, models());
    if (!found.ok()) continue;
    ++found_count;
    SCOPED_TRACE(spec.architecture);
    const auto graph = parse_graph_def(found->graph_def());
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    EXPECT_EQ(identify_network(*graph).value().architecture, spec.architecture);
    const std::uint64_t size = found->graph_def().size();
    if (spec.graph_size.exact) {
      EXPECT_EQ(size, spec.graph_size.bytes);
    } else {
      EXPECT_NEAR(static_cast<double>(size), static_cast<double>(spec.graph_size.bytes),
                  0.1 * static_cast<double>(size));
    }
    if (!spec.graph_sha256.empty()) {
      EXPECT_EQ(hex(sha256(found->graph_def())), spec.graph_sha256);
    }
    const auto archive = MappedFile::open(join_path(models(), spec.archive_file));
    if (!archive.ok()) continue;
    EXPECT_TRUE(spec.archive_size.exact);
    EXPECT_EQ(archive->bytes().size(), spec.archive_size.bytes);
    EXPECT_EQ(hex(sha256(archive->bytes())), spec.sha256);
  }
  EXPECT_GT(found_count, 0);
}

TEST_F(SharedModels, CompileAndSurviveExport) {
  int found_count = 0;
  for (const ModelSpec& spec : all_models()) {
    auto found = find_installed(spec, models());
    if (!found.ok()) {
      EXPECT_EQ(found.error().kind, ErrorKind::kNotFound) << found.error().message;
      continue;
    }
    ++found_count;
    SCOPED_TRACE(spec.architecture);
    Backbone backbone = Backbone::create(spec, std::move(found).value(), {});
    const auto compiled = backbone.compile();
    ASSERT_TRUE(compiled.ok()) << compiled.error().message;

    const Head head = random_head(spec.feature_width, 2);
    const auto graph =
        build_retrained_graph(backbone.graph_def().value(), spec, head, "final_result");
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    SideFile side;
    side.architecture = spec.architecture;
    side.backbone_fingerprint = backbone.fingerprint();
    side.input_tensor = spec.input_tensor;
    side.feature_tensor = spec.feature_tensor;
    side.output_tensor = "final_result:0";
    side.input_height = side.input_width = spec.input_size;
    side.mean = spec.norm.mean;
    side.std = spec.norm.std;
    side.labels = {"yes", "no"};
    const TestDirectory dir;
    ASSERT_TRUE(save_retrained_graph(*graph, side, dir / "g.pb").ok());
    ClassifierOptions options;
    options.graph_path = dir / "g.pb";
    const auto classifier = Classifier::load(options);
    ASSERT_TRUE(classifier.ok()) << classifier.error().message;
    EXPECT_THAT(classifier->warnings(), IsEmpty());

    const auto extractor = backbone.make_extractor();
    const auto session = classifier->make_session();
    std::vector<float> feature(static_cast<std::size_t>(spec.feature_width)), expected(2);
    Bytes photo;
    for (const std::string& path : photos_) {
      ASSERT_TRUE(read_file(path, photo).ok());
      ASSERT_TRUE(extractor->run(photo, feature).ok());
      predict(head, feature, expected);
      const auto scores = session->scores(photo);
      ASSERT_TRUE(scores.ok());
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_NEAR((*scores)[k], expected[k], score_bound(head, feature) * expected[k]);
      }
    }
  }
  EXPECT_GE(found_count, 1);
}

TEST_F(SharedModels, ArchivesMatchTheKnownChecksums) {
  for (const ModelSpec& spec : all_models()) {
    const std::string path = join_path(models(), spec.archive_file);
    if (spec.sha256.empty() || !exists(path)) continue;
    const auto file = MappedFile::open(path);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(hex(sha256(file->bytes())), spec.sha256);
  }
}

// A network that was not retrained: its own ImageNet classes, found by its node names.
TEST_F(SharedModels, ClassifyIntoTheirOwnClasses) {
  const std::string folder = models() + "/mobilenet_v1_0.50_224";
  if (!exists(folder + "/frozen_graph.pb")) GTEST_SKIP() << "no mobilenet_0.50_224 at hand";
  ClassifierOptions options;
  options.graph_path = folder + "/frozen_graph.pb";
  options.labels_path = folder + "/labels.txt";
  const auto classifier = Classifier::load(options);
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_THAT(classifier->warnings(), IsEmpty());
  EXPECT_EQ(classifier->preprocessing(),
            "input 224x224 mean 127.5 std 127.5, from frozen_graph.pb's nodes");
  const auto session = classifier->make_session();
  Bytes photo;
  int daisies = 0;
  for (const std::string& path : photos_) {
    ASSERT_TRUE(read_file(path, photo).ok());
    const auto scores = session->scores(photo);
    ASSERT_TRUE(scores.ok());
    for (const Prediction& p : top_k(*scores, 5)) {
      daisies +=
          classifier->labels()[static_cast<std::size_t>(p.label)].ends_with(":daisy") ? 1 : 0;
    }
  }
  EXPECT_GE(daisies, 2);
}

}  // namespace
}  // namespace graft
