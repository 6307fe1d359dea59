#include "model/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ModelTable, HoldsTheOriginals33AndTheBuiltIn) {
  std::set<std::string> names;
  for (const ModelSpec& spec : all_models()) names.insert(spec.architecture);
  std::set<std::string> expected = {"inception_v3", "untrained_mobilenet_0.25_128"};
  // The loops of retrain.py's create_model_info.
  for (const char* width : {"1.0", "0.75", "0.50", "0.25"}) {
    for (const char* size : {"224", "192", "160", "128"}) {
      for (const char* kind : {"", "_quantized"}) {
        expected.insert(std::string("mobilenet_") + width + "_" + size + kind);
      }
    }
  }
  EXPECT_EQ(names, expected);
  EXPECT_EQ(all_models().size(), 34U);
}

TEST(ModelTable, DescribesAMobileNetAsTheOriginalDoes) {
  const auto found = find_model("mobilenet_0.50_224");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->url, "http://download.tensorflow.org/models/mobilenet_v1_0.50_224_frozen.tgz");
  EXPECT_EQ(found->archive_file, "mobilenet_v1_0.50_224_frozen.tgz");
  EXPECT_EQ(found->folder, "mobilenet_v1_0.50_224");
  EXPECT_EQ(found->graph_file, "frozen_graph.pb");
  EXPECT_EQ(found->input_tensor, "input:0");
  EXPECT_EQ(found->feature_tensor, "MobilenetV1/Predictions/Reshape:0");
  EXPECT_EQ(found->feature_width, 1001);
  EXPECT_EQ(found->input_size, 224);
  EXPECT_EQ(found->norm.mean, 127.5F);
  EXPECT_EQ(found->norm.std, 127.5F);
  EXPECT_EQ(found->multiply_adds_m, 150);
  EXPECT_EQ(found->parameters_m, 1.34);
  EXPECT_EQ(found->top1, 64.0);
  EXPECT_FALSE(found->quantized);
}

// Widths: Howard et al. 2017, table 1, the last convolution's 1024 channels times the multiplier;
// Inception's as its graph has them.
TEST(ModelTable, OffersLogitsAndPooledValues) {
  for (const auto& [name, logits, pooled] :
       {std::tuple("mobilenet_1.0_224", 1001, 1024), std::tuple("mobilenet_0.75_160", 1001, 768),
        std::tuple("mobilenet_0.50_192_quantized", 1001, 512),
        std::tuple("mobilenet_0.25_128", 1001, 256), std::tuple("inception_v3", 1008, 2048)}) {
    SCOPED_TRACE(name);
    const ModelSpec spec = *find_model(name);
    EXPECT_EQ(with_feature(spec, FeatureKind::kLogits)->feature_width, logits);
    EXPECT_EQ(with_feature(spec, FeatureKind::kPooled)->feature_width, pooled);
    const auto original = with_feature(spec, FeatureKind::kOriginal);
    EXPECT_EQ(original->feature_tensor, spec.feature_tensor);
    EXPECT_TRUE(original->has_text_caches);
  }
  const ModelSpec mobilenet = *find_model("mobilenet_0.50_224");
  const auto pooled = with_feature(mobilenet, FeatureKind::kPooled);
  EXPECT_EQ(pooled->feature_tensor, "MobilenetV1/Logits/AvgPool_1a/AvgPool:0");
  EXPECT_TRUE(pooled->flatten_feature);
  EXPECT_FALSE(pooled->has_text_caches);
  const auto logits = with_feature(mobilenet, FeatureKind::kLogits);
  EXPECT_TRUE(logits->has_text_caches);
  EXPECT_FALSE(logits->flatten_feature);
  EXPECT_FALSE(with_feature(*find_model("inception_v3"), FeatureKind::kLogits)->has_text_caches);

  ModelSpec without = mobilenet;
  without.pooled = {};
  const auto refused = with_feature(without, FeatureKind::kPooled);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("--feature=pooled: mobilenet_0.50_224 has no"));
}

TEST(ModelTable, DescribesTheOtherKinds) {
  const auto quantized = find_model("mobilenet_1.0_128_quantized");
  ASSERT_TRUE(quantized.ok());
  EXPECT_EQ(quantized->url,
            "http://download.tensorflow.org/models/mobilenet_v1_1.0_128_frozen.tgz");
  EXPECT_EQ(quantized->graph_file, "quantized_graph.pb");
  EXPECT_TRUE(quantized->quantized);
  EXPECT_EQ(quantized->top1, 0);

  const auto inception = find_model("inception_v3");
  ASSERT_TRUE(inception.ok());
  EXPECT_EQ(inception->url,
            "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz");
  EXPECT_EQ(inception->graph_file, "classify_image_graph_def.pb");
  EXPECT_EQ(inception->input_tensor, "Mul:0");
  EXPECT_EQ(inception->feature_tensor, "pool_3/_reshape:0");
  EXPECT_EQ(inception->feature_width, 2048);
  EXPECT_EQ(inception->input_size, 299);
  EXPECT_EQ(inception->norm.mean, 128.0F);

  const auto untrained = find_model("untrained_mobilenet_0.25_128");
  ASSERT_TRUE(untrained.ok());
  EXPECT_TRUE(untrained->untrained);
  EXPECT_TRUE(untrained->url.empty());
  EXPECT_EQ(untrained->input_size, 128);

  const auto checksummed = find_model("mobilenet_0.25_128");
  ASSERT_TRUE(checksummed.ok());
  EXPECT_EQ(checksummed->sha256,
            "30af63cf9039861bc03f86c7b8092fab754d51b27f042830c456ddbfa2b72fce");
}

// Every published size is known, exactly or by derivation; a checksum is one.
TEST(ModelTable, KnowsSizesAndChecksums) {
  for (const ModelSpec& spec : all_models()) {
    const std::string& name = spec.architecture;
    EXPECT_GT(spec.graph_size.bytes, 900000U) << name;
    EXPECT_EQ(spec.archive_size.bytes > 0, !spec.untrained) << name;
    for (const std::string& sum : {spec.sha256, spec.graph_sha256}) {
      EXPECT_TRUE(sum.empty() || sum.size() == 64) << name;
      EXPECT_EQ(sum.find_first_not_of("0123456789abcdef"), std::string::npos) << name;
    }
    // What is derived agrees with four bytes a parameter, or one and the rest, to a tenth.
    if (!spec.quantized && !spec.untrained) {
      EXPECT_NEAR(static_cast<double>(spec.graph_size.bytes) / 4e6, spec.parameters_m,
                  0.1 * spec.parameters_m)
          << name;
    }
  }
  std::set<std::string> sums;
  std::size_t known = 0;
  for (const ModelSpec& spec : all_models()) {
    if (spec.graph_sha256.empty()) continue;
    sums.insert(spec.graph_sha256);
    ++known;
  }
  EXPECT_EQ(known, 17U);  // 0.25 twice, 0.50 and 0.75 quantized, Inception V3
  EXPECT_EQ(sums.size(), known);
}

TEST(RankingTop1, IsTheFloatNetworksForQuantizedOnes) {
  EXPECT_EQ(ranking_top1(find_model("mobilenet_0.75_160").value()), 65.2);
  EXPECT_EQ(ranking_top1(find_model("mobilenet_0.75_160_quantized").value()), 65.2);
  EXPECT_EQ(ranking_top1(find_model("untrained_mobilenet_0.25_128").value()), 0);
}

struct Named {
  const char* name;
  const char* meant;
};
class NamedFile : public ::testing::TestWithParam<Named> {};

TEST_P(NamedFile, IsTakenForItsNetwork) {
  EXPECT_EQ(architecture_named_by(GetParam().name), GetParam().meant) << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(
    ArchitectureNamedBy, NamedFile,
    ::testing::Values(Named{"mobilenet_v1_0.50_224_frozen.tgz", "mobilenet_0.50_224"},
                      Named{"mobilenet_v1_0.50_224_frozen (1).tgz", "mobilenet_0.50_224"},
                      Named{"mobilenet_v1_0.5_224.tar.gz", "mobilenet_0.50_224"},
                      Named{"MobileNet_V1_1.00_192", "mobilenet_1.0_192"},
                      Named{"mobilenet_0.25_128_quantized", "mobilenet_0.25_128"},
                      Named{"mobilenet_v1_0.75_160_quantized_graph.pb", "mobilenet_0.75_160"},
                      Named{"inception-2015-12-05.tgz", "inception_v3"},
                      Named{"inception_v3", "inception_v3"},
                      Named{"mobilenet_v1_0.50_224_frozen.tgz.part", ""},
                      Named{"mobilenet_v2_1.0_224", ""}, Named{"frozen_graph.pb", ""},
                      Named{"graft_untrained_0.25_128", ""}, Named{"models", ""}, Named{"", ""}));

TEST(FindModel, IgnoresCaseAsTheOriginalDoes) {
  const auto found = find_model("MobileNet_0.50_224");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->architecture, "mobilenet_0.50_224");
}

class UnsetVariable : public ::testing::TestWithParam<const char*> {};

TEST_P(UnsetVariable, ShowsTheTwoLinesToType) {
  const auto found = find_model(GetParam());
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(lines_to_type(GetParam()),
              ElementsAre("IMAGE_SIZE=224", "ARCHITECTURE=\"mobilenet_0.50_${IMAGE_SIZE}\""));
  EXPECT_THAT(found.error().message, HasSubstr("--architecture=mobilenet_0.50_224"));
  EXPECT_THAT(found.error().message, HasSubstr("shell"));
  EXPECT_THAT(found.error().message, Not(HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(FindModel, UnsetVariable,
                         ::testing::Values("", " ", "mobilenet_0.50_", "mobilenet__224",
                                           "mobilenet_", "mobilenet__", "_quantized",
                                           "mobilenet_0.50_${IMAGE_SIZE}", "${ARCHITECTURE}",
                                           "mobilenet_0.50_%IMAGE_SIZE%"));

TEST(FindModel, HasNothingToTypeForOtherNames) {
  for (const char* name : {"mobilenet_0.50_224", "mobilenet_0.5_224", "resnet"}) {
    EXPECT_TRUE(lines_to_type(name).empty()) << name;
  }
}

struct Misspelling {
  const char* given;
  const char* meant;
};
class Misspelled : public ::testing::TestWithParam<Misspelling> {};

TEST_P(Misspelled, NamesTheNearestAndTheList) {
  const auto found = find_model(GetParam().given);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(found.error().message, HasSubstr(std::string("did you mean ") + GetParam().meant));
  EXPECT_THAT(found.error().message,
              HasSubstr("mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized]"));
  EXPECT_THAT(found.error().message, HasSubstr("inception_v3"));
}

INSTANTIATE_TEST_SUITE_P(
    FindModel, Misspelled,
    ::testing::Values(Misspelling{"mobilenet_0.5_224", "mobilenet_0.50_224"},
                      Misspelling{"mobilenet_1.00_192", "mobilenet_1.0_192"},
                      Misspelling{"inceptionv3", "inception_v3"},
                      Misspelling{"mobilnet_0.25_128_quantised", "mobilenet_0.25_128_quantized"},
                      Misspelling{"mobilenet_v1_0.75_160", "mobilenet_0.75_160"}));

TEST(FindModel, ListsWhatThereIsForAnythingElse) {
  const auto found = find_model("resnet152");
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().message, Not(HasSubstr("did you mean")));
  EXPECT_THAT(found.error().message, HasSubstr("inception_v3"));
}

}  // namespace
}  // namespace graft
