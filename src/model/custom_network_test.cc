#include "model/custom_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_directory.h"
#include "model/backbone.h"
#include "model/builtin.h"
#include "model/node_builder.h"
#include "model/test_network.h"
#include "wire/serialize.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPool = "MobilenetV1/Logits/AvgPool_1a/AvgPool:0";

// photo [?,height,width,3] → mean over pixels [?,3] → dense 3x2: small enough to know by heart.
// first: photo [?,3,height,width].
wire::GraphDef mean_colour(int height, int width, bool first = false) {
  wire::GraphDef graph;
  wire::NodeDef& input = add_node(graph, "photo", "Placeholder", {});
  set_dtype(input, wire::DT_FLOAT);
  if (first) {
    set_shape(input, {-1, 3, height, width});
  } else {
    set_shape(input, {-1, height, width, 3});
  }
  Tensor axes(DType::kI32, Shape{2});
  axes.as<std::int32_t>()[0] = first ? 2 : 1;
  axes.as<std::int32_t>()[1] = first ? 3 : 2;
  add_constant(graph, "axes", axes);
  add_node(graph, "colour", "Mean", {"photo", "axes"});
  add_constant(graph, "weights", Tensor::from(Shape{3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  add_node(graph, "dense", "MatMul", {"colour", "weights"});
  return graph;
}

class CustomNetworkTest : public ::testing::Test {
 protected:
  CustomNetwork saved(const wire::GraphDef& graph, const std::string& name = "my.pb") {
    CustomNetwork custom;
    custom.graph = join_path(directory_.path(), name);
    EXPECT_TRUE(write_atomically(custom.graph, std::string_view(*wire::serialize(graph))).ok());
    return custom;
  }

  void expect_error(const CustomNetwork& custom, ErrorKind kind, const std::string& says) {
    SCOPED_TRACE(says);
    const auto opened = open_custom_network(custom);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, kind) << opened.error().message;
    EXPECT_THAT(opened.error().message, HasSubstr(says));
  }

 private:
  TestDirectory directory_;
};

TEST_F(CustomNetworkTest, EverythingIsFound) {
  const auto opened = open_custom_network(saved(mean_colour(2, 4)));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const ModelSpec& spec = opened->spec;
  EXPECT_EQ(spec.architecture, "my.pb");
  EXPECT_EQ(spec.input_tensor, "photo:0");
  EXPECT_EQ(spec.height(), 2);
  EXPECT_EQ(spec.width(), 4);
  EXPECT_EQ(spec.feature_tensor, "colour:0");
  EXPECT_EQ(spec.feature_width, 3);
  EXPECT_FALSE(spec.flatten_feature);
  EXPECT_FALSE(spec.has_text_caches);
  EXPECT_EQ(spec.norm.mean, 127.5F);
  ASSERT_EQ(opened->warnings.size(), 1U);
  EXPECT_THAT(opened->warnings[0], HasSubstr("--input_mean"));
  EXPECT_THAT(opened->chosen, HasSubstr("my.pb: photos enter at photo (4x2, mean 127.5, std "
                                        "127.5), the feature is colour (3 values)"));
}

TEST_F(CustomNetworkTest, WhatIsGivenCounts) {
  CustomNetwork custom = saved(mean_colour(-1, -1));
  custom.input_layer = "import/photo:0";
  custom.bottleneck_layer = "dense:0";
  custom.input_height = 3;
  custom.input_mean = 0.0F;
  custom.input_std = 255.0F;
  const auto opened = open_custom_network(custom);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->spec.height(), 3);
  EXPECT_EQ(opened->spec.width(), 3);
  EXPECT_EQ(opened->spec.feature_tensor, "dense:0");
  EXPECT_EQ(opened->spec.feature_width, 2);
  EXPECT_EQ(opened->spec.norm.std, 255.0F);
  EXPECT_THAT(opened->warnings, IsEmpty());
}

// The feature of a photo of any shape: what the spec says is what the network is run with.
TEST_F(CustomNetworkTest, ComputesTheFeature) {
  for (const bool channels_first : {false, true}) {
    CustomNetwork custom = saved(mean_colour(2, 4, channels_first));
    custom.input_mean = 0.0F;
    custom.input_std = 1.0F;
    auto opened = open_custom_network(custom);
    ASSERT_TRUE(opened.ok());
    Backbone backbone =
        Backbone::create(opened->spec, opened->bytes, BackboneOptions{}, opened->def);
    ASSERT_TRUE(backbone.compile().ok());
    Image image;
    image.width = 4;
    image.height = 2;
    for (int i = 0; i < 24; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i));
    std::vector<float> feature(3);
    ASSERT_TRUE(backbone.make_extractor()->run(*encode_png(image), feature).ok());
    // Of 0, 3, …, 21 the mean is 10.5.
    EXPECT_THAT(feature, ::testing::ElementsAre(10.5F, 11.5F, 12.5F));
    EXPECT_THAT(backbone.feature_space(), HasSubstr("feature=colour:0 size=2x4 mean=0.0 std=1.0"));
  }
}

TEST_F(CustomNetworkTest, FeaturesInTheFilesOrderAlone) {
  CustomNetwork custom = saved(mean_colour(2, 4, true));
  custom.bottleneck_layer = "photo";
  expect_error(custom, ErrorKind::kUnsupported,
               "my.pb: node \"photo\" (Placeholder): gives the channels-first [1,3,2,4]");
}

// A MobileNet V1 by its names: prepared as that is, its pooled values flattened.
TEST_F(CustomNetworkTest, KnowsARelative) {
  const auto opened = open_custom_network(saved(build_mobilenet_v1(0.25, 128, 1)));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->spec.input_tensor, "input:0");
  EXPECT_EQ(opened->spec.feature_tensor, kPool);
  EXPECT_EQ(opened->spec.feature_width, 256);
  EXPECT_TRUE(opened->spec.flatten_feature);
  EXPECT_EQ(opened->spec.norm.std, 127.5F);
  EXPECT_THAT(opened->warnings, IsEmpty());
}

TEST_F(CustomNetworkTest, SaysWhatIsMissing) {
  CustomNetwork custom = saved(mean_colour(-1, 4));
  expect_error(custom, ErrorKind::kInvalidArgument, "give --input_height and --input_width");
  custom.input_height = 3;
  custom.input_width = 5;
  expect_error(custom, ErrorKind::kInvalidArgument, "dimension 2 of the file is 4, not 5");

  wire::GraphDef two = mean_colour(2, 2);
  wire::NodeDef& other = add_node(two, "mask", "Placeholder", {});
  set_dtype(other, wire::DT_FLOAT);
  set_shape(other, {-1, 2, 2, 1});
  custom = saved(two);
  expect_error(custom, ErrorKind::kInvalidArgument, "photo, mask: name one with --input_layer");
  custom.input_layer = "phota";
  expect_error(custom, ErrorKind::kInvalidArgument, "did you mean photo?");
  custom.input_layer = "photo";
  EXPECT_TRUE(open_custom_network(custom).ok());

  wire::GraphDef heads = mean_colour(2, 2);
  add_node(heads, "bright", "Relu", {"colour"});
  add_node(heads, "other", "MatMul", {"bright", "weights"});
  custom = saved(heads);
  expect_error(custom, ErrorKind::kInvalidArgument,
               "could be colour (3 values), bright (3 values): name one with --bottleneck_layer");
  custom.bottleneck_layer = "axes";
  expect_error(custom, ErrorKind::kInvalidArgument, "--bottleneck_layer axes: is i32");

  wire::GraphDef none;
  add_constant(none, "c", Tensor::scalar(1));
  expect_error(saved(none), ErrorKind::kInvalidArgument, "--input_layer");
}

TEST_F(CustomNetworkTest, NamesAnOpThatIsNotHandled) {
  wire::GraphDef graph = mean_colour(2, 2);
  for (wire::NodeDef& node : *graph.mutable_node()) {
    if (node.name() == "colour") node.set_op("Sum");
  }
  expect_error(saved(graph), ErrorKind::kUnsupported, "my.pb: node \"colour\" (Sum)");
}

TEST_F(CustomNetworkTest, RefusesWhatIsNoGraph) {
  CustomNetwork custom;
  custom.graph = "/nowhere/my.pb";
  expect_error(custom, ErrorKind::kNotFound, "my.pb");
  custom = saved(mean_colour(2, 2));
  ASSERT_TRUE(write_atomically(custom.graph, std::string_view("not a graph")).ok());
  expect_error(custom, ErrorKind::kCorrupt, "my.pb: graph:");
}

}  // namespace
}  // namespace graft
