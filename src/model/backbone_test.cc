#include "model/backbone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/hash.h"
#include "model/builtin.h"
#include "model/test_network.h"

namespace graft {
namespace {

using test::bytes_of;
using test::tiny_feature;
using test::tiny_graph;
using test::tiny_photo;
using test::tiny_spec;
using ::testing::HasSubstr;
using ::testing::Not;

Backbone tiny_backbone(const ModelSpec& spec = tiny_spec()) {
  return Backbone::create(spec, bytes_of(tiny_graph()), {});
}

std::string compile_error(Backbone backbone, ErrorKind kind) {
  const auto compiled = backbone.compile();
  EXPECT_FALSE(compiled.ok());
  if (compiled.ok()) return "";
  EXPECT_EQ(compiled.error().kind, kind) << compiled.error().message;
  return compiled.error().message;
}

TEST(Backbone, IsNamedByItsBytes) {
  const ModelBytes bytes = bytes_of(tiny_graph());
  const Backbone backbone = Backbone::create(tiny_spec(), bytes, {});
  EXPECT_EQ(backbone.fingerprint(), hex(sha256(bytes.graph_def())));
  EXPECT_EQ(backbone.fingerprint().size(), 64U);
  EXPECT_EQ(backbone.origin(), "tiny.pb");
}

TEST(Backbone, FeatureSpaceHoldsAllThatAFeatureDependsOn) {
  const std::string space = tiny_backbone().feature_space();
  EXPECT_THAT(space, HasSubstr("sha256=" + tiny_backbone().fingerprint()));
  EXPECT_THAT(space, HasSubstr(" input=input:0 feature=flat:0 size=2x2 mean=100.0 std=50.0 "));
  EXPECT_THAT(space, HasSubstr(" exif=0 "));
  EXPECT_THAT(space, Not(HasSubstr("\n")));

  ModelSpec other = tiny_spec();
  other.norm.mean = 101.0F;
  EXPECT_NE(tiny_backbone(other).feature_space(), space);
  other = tiny_spec();
  other.feature_tensor = "input:0";
  EXPECT_NE(tiny_backbone(other).feature_space(), space);
  EXPECT_NE(Backbone::create(tiny_spec(), bytes_of(tiny_graph(3)), {}).feature_space(), space);
  BackboneOptions options;
  options.decode.apply_exif_orientation = true;
  EXPECT_NE(Backbone::create(tiny_spec(), bytes_of(tiny_graph()), options).feature_space(), space);
  options = {};
  options.backend = "reference";
  EXPECT_NE(Backbone::create(tiny_spec(), bytes_of(tiny_graph()), options).feature_space(), space);
}

TEST(Backbone, TurnsAPhotoIntoItsFeature) {
  Backbone backbone = tiny_backbone();
  ASSERT_TRUE(backbone.compile().ok());
  ASSERT_TRUE(backbone.compile().ok());  // idempotent
  const auto extractor = backbone.make_extractor();
  std::vector<float> feature(test::kTinyFeatures);
  const auto run = extractor->run(tiny_photo(), feature);
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(feature, tiny_feature());

  std::vector<float> again(test::kTinyFeatures);
  extractor->run_input(tiny_feature(), again);
  EXPECT_EQ(again, tiny_feature());
}

TEST(Backbone, KeepsItsExtractorsWhenMoved) {
  Backbone first = tiny_backbone();
  ASSERT_TRUE(first.compile().ok());
  const auto extractor = first.make_extractor();
  const Backbone second = std::move(first);
  std::vector<float> feature(test::kTinyFeatures);
  ASSERT_TRUE(extractor->run(tiny_photo(), feature).ok());
  EXPECT_EQ(feature, tiny_feature());
  EXPECT_EQ(second.spec().architecture, "tiny");
}

TEST(Backbone, GoesOnAfterABadPhoto) {
  Backbone backbone = tiny_backbone();
  ASSERT_TRUE(backbone.compile().ok());
  const auto extractor = backbone.make_extractor();
  std::vector<float> feature(test::kTinyFeatures);
  EXPECT_FALSE(extractor->run(as_bytes("not a photo"), feature).ok());
  ASSERT_TRUE(extractor->run(tiny_photo(), feature).ok());
  EXPECT_EQ(feature, tiny_feature());
}

TEST(Backbone, WithoutDistortionAgreesWithThePlainPath) {
  Backbone backbone = tiny_backbone();
  ASSERT_TRUE(backbone.compile().ok());
  const auto extractor = backbone.make_extractor();
  std::vector<float> feature(test::kTinyFeatures);
  Rng rng(1);
  extractor->run_distorted(test::tiny_image(), {}, rng, feature);
  EXPECT_EQ(feature, tiny_feature());
}

TEST(Backbone, FlipsWhenAsked) {
  Backbone backbone = tiny_backbone();
  ASSERT_TRUE(backbone.compile().ok());
  const auto extractor = backbone.make_extractor();
  Distortion distortion;
  distortion.flip_left_right = true;
  Rng rng(1);
  std::vector<float> mirrored = tiny_feature();
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t c = 0; c < 3; ++c) std::swap(mirrored[row * 6 + c], mirrored[row * 6 + 3 + c]);
  }
  int plain = 0, flipped = 0;
  for (int i = 0; i < 64; ++i) {
    std::vector<float> feature(test::kTinyFeatures);
    extractor->run_distorted(test::tiny_image(), distortion, rng, feature);
    plain += feature == tiny_feature() ? 1 : 0;
    flipped += feature == mirrored ? 1 : 0;
  }
  EXPECT_EQ(plain + flipped, 64);
  EXPECT_GT(plain, 0);
  EXPECT_GT(flipped, 0);
}

class BackboneOn : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Backends, BackboneOn, testing::Values("highway", "onednn", "reference"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(BackboneOn, PhotosTogetherHaveTheBitsOfEachAlone) {
  const ModelSpec spec = find_model("untrained_mobilenet_0.25_128").value();
  BackboneOptions options;
  options.backend = GetParam();
  Backbone backbone = Backbone::create(spec, bytes_of(build_mobilenet_v1(0.25, 128, 1)), options);
  ASSERT_TRUE(backbone.compile().ok());
  const auto alone = backbone.make_extractor();
  const auto together = backbone.make_extractor();
  EXPECT_EQ(together->most_waiting() > 1, options.backend == "highway");
  const auto width = static_cast<std::size_t>(spec.feature_width);
  Image image;
  image.width = image.height = 16;
  image.pixels.resize(std::size_t{16} * 16 * 3);
  // Full, then few of them, behind a photo that is none.
  for (const std::size_t photos : {together->most_waiting(), std::size_t{1}}) {
    EXPECT_FALSE(together->begin(as_bytes("not a photo")).ok());
    std::vector<float> expected;
    for (std::size_t i = 0; i < photos; ++i) {
      for (std::size_t at = 0; at < image.pixels.size(); ++at) {
        image.pixels[at] = static_cast<std::uint8_t>(at * (31 + i) + photos);
      }
      const Bytes photo = encode_png(image).value();
      ASSERT_TRUE(together->begin(photo).ok());
      std::vector<float> feature(width);
      ASSERT_TRUE(alone->run(photo, feature).ok());
      expected.insert(expected.end(), feature.begin(), feature.end());
    }
    EXPECT_EQ(together->waiting(), photos);
    const std::span<const float> got = together->finish();
    EXPECT_EQ(std::vector<float>(got.begin(), got.end()), expected);
    EXPECT_EQ(together->waiting(), 0U);
  }
}

TEST(Backbone, ANetworkWithoutALastLayerTakesOnePhotoAtATime) {
  Backbone backbone = tiny_backbone();
  ASSERT_TRUE(backbone.compile().ok());
  const auto extractor = backbone.make_extractor();
  EXPECT_EQ(extractor->most_waiting(), 1U);
  ASSERT_TRUE(extractor->begin(tiny_photo()).ok());
  const std::span<const float> got = extractor->finish();
  EXPECT_EQ(std::vector<float>(got.begin(), got.end()), tiny_feature());
}

TEST(Backbone, IsSharedByThreads) {
  Backbone backbone = Backbone::create(find_model("untrained_mobilenet_0.25_128").value(),
                                       bytes_of(build_mobilenet_v1(0.25, 128, 1)), {});
  const auto compiled = backbone.compile();
  ASSERT_TRUE(compiled.ok()) << compiled.error().message;
  std::vector<std::vector<float>> features(4, std::vector<float>(1001));
  {
    std::vector<std::jthread> threads;
    for (auto& feature : features) {
      threads.emplace_back([&] {
        const auto extractor = backbone.make_extractor();
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(extractor->run(tiny_photo(), feature).ok());
      });
    }
  }
  for (const auto& feature : features) EXPECT_EQ(feature, features[0]);
}

TEST(BackboneErrors, NameTheFileThatIsNoNetwork) {
  ModelBytes bytes;
  bytes.origin = "models/broken.pb";
  const auto text = as_bytes("this is not a protocol buffer at all");
  bytes.owned = std::make_shared<const Bytes>(text.begin(), text.end());
  EXPECT_THAT(compile_error(Backbone::create(tiny_spec(), bytes, {}), ErrorKind::kCorrupt),
              HasSubstr("models/broken.pb"));
}

TEST(BackboneErrors, NameANetworkWithoutTheTensors) {
  ModelSpec spec = tiny_spec();
  spec.feature_tensor = "pool_3/_reshape:0";
  Backbone backbone = tiny_backbone(spec);
  const auto compiled = backbone.compile();
  ASSERT_FALSE(compiled.ok());
  EXPECT_THAT(compiled.error().message, HasSubstr("tiny.pb"));
  EXPECT_THAT(compiled.error().message, HasSubstr("pool_3/_reshape"));
}

TEST(BackboneErrors, NoticeAnotherInputSize) {
  ModelSpec spec = tiny_spec();
  spec.input_size = 4;
  const auto compiled = tiny_backbone(spec).compile();
  ASSERT_FALSE(compiled.ok());
  EXPECT_THAT(compiled.error().message, HasSubstr("tiny.pb"));
}

TEST(BackboneErrors, NoticeAnotherFeatureWidth) {
  ModelSpec spec = tiny_spec();
  spec.feature_width = 1001;
  EXPECT_THAT(compile_error(tiny_backbone(spec), ErrorKind::kCorrupt), HasSubstr("12 values"));
}

// All widths end in 1,001 values: only the work that is done tells them apart.
TEST(BackboneErrors, NoticeAnotherWidth) {
  const ModelBytes bytes = bytes_of(build_mobilenet_v1(0.25, 128, 1));
  for (const char* name : {"mobilenet_0.50_128", "mobilenet_1.0_128"}) {
    EXPECT_THAT(
        compile_error(Backbone::create(find_model(name).value(), bytes, {}), ErrorKind::kCorrupt),
        HasSubstr("another width"));
  }
  Backbone right = Backbone::create(find_model("mobilenet_0.25_128").value(), bytes, {});
  EXPECT_TRUE(right.compile().ok());
}

TEST(BackboneErrors, ListTheBackends) {
  BackboneOptions options;
  options.backend = "cuda";
  Backbone backbone = Backbone::create(tiny_spec(), bytes_of(tiny_graph()), options);
  EXPECT_THAT(compile_error(std::move(backbone), ErrorKind::kInvalidArgument),
              HasSubstr("reference"));
}

}  // namespace
}  // namespace graft
