// Which node takes photos and which gives the feature, in networks of several builds.
#include "graph/classifier_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Dims kPhoto = {1, 4, 4, 3};

std::vector<float> numbers(std::size_t count) {
  return std::vector<float>(count, 0.5F);
}

void convolution(GraphDefBuilder& b, const std::string& name, const std::string& x,
                 const Dims& filter, const std::string& format = "NHWC") {
  std::size_t count = 1;
  for (const std::int64_t dim : filter) count *= static_cast<std::size_t>(dim);
  b.constant(name + "/w", filter, numbers(count));
  b.node("Conv2D", name, {x, name + "/w"})
      .integers("strides", {1, 1, 1, 1})
      .text("padding", "SAME")
      .text("data_format", format);
}

void product(GraphDefBuilder& b, const std::string& name, const std::string& x, int in, int out) {
  b.constant(name + "/w", {in, out},
             numbers(static_cast<std::size_t>(in) * static_cast<std::size_t>(out)));
  b.node("MatMul", name, {x, name + "/w"});
}

void mean(GraphDefBuilder& b, const std::string& name, const std::string& x) {
  b.integers(name + "/axes", {2}, {1, 2});
  b.node("Mean", name, {x, name + "/axes"});
}

// "node [shape]" of each candidate.
std::vector<std::string> names(const FeatureCandidates& found) {
  std::vector<std::string> names;
  for (const FeatureCandidate& candidate : found.all) {
    names.push_back(candidate.node + " " + candidate.shape.to_string());
  }
  return names;
}

FeatureCandidates find(const GraphDefBuilder& b) {
  return must(feature_candidates(b.def(), "x", kPhoto));
}

// Pool, dropout's identity, dense layer, softmax: ResNet V2, MobileNet V2, Inception.
TEST(FeatureCandidates, WhatADenseLayerTakes) {
  GraphDefBuilder b;
  b.placeholder("x", {-1, 4, 4, 3});
  convolution(b, "conv", "x", {3, 3, 3, 5});
  mean(b, "pool", "conv");
  b.node("Identity", "dropout", {"pool"});
  product(b, "dense", "dropout", 5, 7);
  b.constant("bias", {7}, numbers(7));
  b.node("BiasAdd", "logits", {"dense", "bias"});
  b.node("Softmax", "scores", {"logits"});
  const FeatureCandidates found = find(b);
  EXPECT_TRUE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("pool [1,5]", "logits [1,7]"));
}

// A classifier that is a 1x1 convolution: MobileNet V1.
TEST(FeatureCandidates, WhatAConvolutionOfOnePixelTakes) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  convolution(b, "conv", "x", {3, 3, 3, 5});
  b.node("AvgPool", "pool", {"conv"})
      .integers("ksize", {1, 4, 4, 1})
      .integers("strides", {1, 1, 1, 1})
      .text("padding", "VALID");
  convolution(b, "classes", "pool", {1, 1, 5, 7});
  b.node("Squeeze", "squeezed", {"classes"}).integers("squeeze_dims", {1, 2});
  b.node("Softmax", "scores", {"squeezed"});
  const FeatureCandidates found = find(b);
  EXPECT_TRUE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("pool [1,1,1,5]", "squeezed [1,7]"));
}

// Two dense layers: the last one's input, not the flattened pixels. VGG.
TEST(FeatureCandidates, TheLastOfSeveralDenseLayersCounts) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  b.integers("shape", {2}, {-1, 48});
  b.node("Reshape", "flat", {"x", "shape"});
  product(b, "fc1", "flat", 48, 6);
  b.node("Relu", "fc1/relu", {"fc1"});
  product(b, "fc2", "fc1/relu", 6, 7);
  const FeatureCandidates found = find(b);
  EXPECT_TRUE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("fc1/relu [1,6]", "fc2 [1,7]"));
}

// Without a classifier, or with the pool behind it (SqueezeNet): the first vector.
TEST(FeatureCandidates, ThePoolBehindTheLastConvolution) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  convolution(b, "conv", "x", {3, 3, 3, 5});
  b.node("Relu", "relu", {"conv"});
  mean(b, "pool", "relu");
  const FeatureCandidates found = find(b);
  EXPECT_TRUE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("pool [1,5]"));
}

// A squeeze-and-excite block's vectors are no feature, whatever comes first.
TEST(FeatureCandidates, NotTheVectorsOfASideBranch) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  convolution(b, "conv", "x", {3, 3, 3, 5});
  b.integers("axes", {2}, {1, 2});
  b.node("Mean", "squeeze", {"conv", "axes"}).flag("keep_dims", true);
  convolution(b, "excite", "squeeze", {1, 1, 5, 5});
  b.node("Sigmoid", "gate", {"excite"});
  b.node("Mul", "gated", {"conv", "gate"});
  convolution(b, "project", "gated", {1, 1, 5, 6});
  mean(b, "pool", "project");
  product(b, "dense", "pool", 6, 7);
  const FeatureCandidates found = find(b);
  EXPECT_TRUE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("pool [1,6]", "dense [1,7]"));
}

TEST(FeatureCandidates, TwoHeadsAreNotClear) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  convolution(b, "conv", "x", {3, 3, 3, 5});
  mean(b, "pool", "conv");
  product(b, "breed", "pool", 5, 7);
  convolution(b, "auxiliary", "conv", {1, 1, 5, 2});
  const FeatureCandidates found = find(b);
  EXPECT_FALSE(found.clear);
  EXPECT_THAT(names(found), testing::UnorderedElementsAre("pool [1,5]", "conv [1,4,4,5]"));
  for (const FeatureCandidate& candidate : found.all)
    EXPECT_THAT(candidate.what, HasSubstr("takes"));
}

TEST(FeatureCandidates, TwoHeadsOnOneVectorAreClear) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  convolution(b, "conv", "x", {3, 3, 3, 5});
  mean(b, "pool", "conv");
  product(b, "breed", "pool", 5, 7);
  product(b, "age", "pool", 5, 2);
  const FeatureCandidates found = find(b);
  EXPECT_TRUE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("pool [1,5]"));
}

TEST(FeatureCandidates, AMapOfFeaturesIsNotClear) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  convolution(b, "conv", "x", {3, 3, 3, 5});
  convolution(b, "segments", "conv", {1, 1, 5, 2});
  const FeatureCandidates found = find(b);
  EXPECT_FALSE(found.clear);
  EXPECT_THAT(names(found), ElementsAre("conv [1,4,4,5]"));
}

// Channels first: the same parts, whatever of them can be read in the file's order.
TEST(FeatureCandidates, ChannelsFirst) {
  GraphDefBuilder dense;
  dense.placeholder("x", {-1, 3, 4, 4});
  convolution(dense, "conv", "x", {3, 3, 3, 5}, "NCHW");
  dense.integers("axes", {2}, {2, 3});
  dense.node("Mean", "pool", {"conv", "axes"});
  product(dense, "dense", "pool", 5, 7);
  EXPECT_THAT(names(find(dense)), ElementsAre("pool [1,5]", "dense [1,7]"));

  GraphDefBuilder pooled;
  pooled.placeholder("x", {-1, 3, 4, 4});
  convolution(pooled, "conv", "x", {3, 3, 3, 5}, "NCHW");
  pooled.integers("axes", {2}, {2, 3});
  pooled.node("Mean", "pool", {"conv", "axes"}).flag("keep_dims", true);
  const FeatureCandidates behind = find(pooled);
  EXPECT_TRUE(behind.clear);
  EXPECT_THAT(names(behind), ElementsAre("pool [1,1,1,5]"));

  convolution(pooled, "classes", "pool", {1, 1, 5, 7}, "NCHW");
  const FeatureCandidates taken = find(pooled);
  EXPECT_TRUE(taken.clear);
  EXPECT_THAT(names(taken), ElementsAre("pool [1,1,1,5]", "classes [1,1,1,7]"));
}

// What comes after the scores may be anything; what comes before must be handled.
TEST(FeatureCandidates, UnhandledOps) {
  GraphDefBuilder behind;
  behind.placeholder("x", kPhoto);
  convolution(behind, "conv", "x", {3, 3, 3, 5});
  mean(behind, "pool", "conv");
  product(behind, "dense", "pool", 5, 7);
  behind.node("TopKV2", "top", {"dense"});
  EXPECT_THAT(names(find(behind)), ElementsAre("pool [1,5]", "dense [1,7]"));

  GraphDefBuilder before;
  before.placeholder("x", kPhoto);
  convolution(before, "conv", "x", {3, 3, 3, 5});
  before.node("LRN", "norm", {"conv"});
  mean(before, "pool", "norm");
  product(before, "dense", "pool", 5, 7);
  const auto found = feature_candidates(before.def(), "x", kPhoto);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(found.error().message, HasSubstr("\"norm\" (LRN)"));
}

TEST(FeatureCandidates, NothingThatLearns) {
  GraphDefBuilder b;
  b.placeholder("x", kPhoto);
  b.node("Relu", "y", {"x"});
  const auto found = feature_candidates(b.def(), "x", kPhoto);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_FALSE(feature_candidates(b.def(), "z", kPhoto).ok());
}

// Weights computed from constants are no photo's way, and neither is what lies before the input.
TEST(FeatureCandidates, OnlyWhatPhotosReach) {
  GraphDefBuilder b;
  b.placeholder("before", kPhoto);
  convolution(b, "earlier", "before", {1, 1, 3, 3});
  b.node("Relu", "x", {"earlier"});
  b.constant("a", {5, 5}, numbers(25));
  b.node("MatMul", "weights", {"a", "a"});
  convolution(b, "conv", "x", {1, 1, 3, 5});
  mean(b, "pool", "conv");
  b.node("MatMul", "dense", {"pool", "weights"});
  EXPECT_THAT(names(find(b)), ElementsAre("pool [1,5]", "dense [1,5]"));
}

TEST(PhotoInputs, FloatPlaceholdersOfRankFour) {
  GraphDefBuilder b;
  b.placeholder("photo", {-1, 224, -1, 3});
  b.placeholder("vector", {-1, 5});
  b.node("Placeholder", "any", {}).type("dtype", wire::DT_FLOAT);
  b.node("Placeholder", "bytes", {}).type("dtype", wire::DT_STRING);
  b.node("Placeholder", "training", {}).type("dtype", wire::DT_BOOL);
  const std::vector<PhotoInput> inputs = photo_inputs(b.def());
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].node, "photo");
  EXPECT_EQ(inputs[0].height, 224);
  EXPECT_EQ(inputs[0].width, 0);
  EXPECT_EQ(inputs[1].node, "any");
  EXPECT_EQ(inputs[1].height, 0);
  EXPECT_THAT(photo_inputs(wire::GraphDef()), IsEmpty());
  GraphDefBuilder first;
  first.placeholder("photo", {-1, 3, 224, -1});
  ASSERT_EQ(photo_inputs(first.def()).size(), 1U);
  EXPECT_EQ(photo_inputs(first.def())[0].height, 224);
  EXPECT_EQ(photo_inputs(first.def())[0].width, 0);
}

}  // namespace
}  // namespace graft
