#include "model/head.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace graft {
namespace {

constexpr int kHeadFeatures = 7;
constexpr int kHeadClasses = 4;

// Dyadic values, so that every logit is exact in float32 and only softmax rounds.
Head small_head() {
  std::vector<float> weights;
  for (int f = 0; f < kHeadFeatures; ++f) {
    for (int k = 0; k < kHeadClasses; ++k) {
      weights.push_back(static_cast<float>((f * kHeadClasses + k) * 29 % 17 - 8) / 8.0F);
    }
  }
  Head head;
  head.weights = Tensor::from(Shape{kHeadFeatures, kHeadClasses}, weights);
  head.biases = Tensor::from(Shape{kHeadClasses}, std::array{0.5F, -0.25F, 0.125F, 0.0F});
  return head;
}

std::vector<float> small_feature(float scale) {
  std::vector<float> feature;
  for (int i = 0; i < kHeadFeatures; ++i) {
    feature.push_back(static_cast<float>(i * 37 % 11 - 5) / 4.0F * scale);
  }
  return feature;
}

// Relative error of exp (two units in the last place in TensorFlow's vector code and here), of the
// sum of four and of the division, on both sides.
constexpr float kRelative = 2.0F * (2 + 2 + 1) * 5.97e-8F;

void expect_scores(const std::vector<float>& scores,
                   const std::array<float, kHeadClasses>& expected) {
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_NEAR(scores[k], expected[k], kRelative * expected[k]) << k;
  }
}

TEST(Predict, EqualsTensorFlow) {
  std::vector<float> scores(kHeadClasses);
  predict(small_head(), small_feature(1), scores);
  expect_scores(scores, {0.24536040425300598F, 0.17398659884929657F, 0.0772060751914978F,
                         0.5034468770027161F});
}

TEST(Predict, EqualsTensorFlowWhereExpWouldOverflow) {
  std::vector<float> scores(kHeadClasses);
  predict(small_head(), small_feature(100), scores);
  EXPECT_EQ(scores[3], 1.0F);
  EXPECT_NEAR(scores[1], 4.02716910132301e-36F, 1e-41F);
}

TEST(Predict, ReportsItsSizes) {
  const Head head = small_head();
  EXPECT_EQ(head.features(), kHeadFeatures);
  EXPECT_EQ(head.classes(), kHeadClasses);
}

}  // namespace
}  // namespace graft
