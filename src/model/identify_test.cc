#include "model/identify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/builtin.h"
#include "model/test_network.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

void set_biases(wire::GraphDef& graph, float value) {
  for (wire::NodeDef& node : *graph.mutable_node()) {
    if (node.name() != "MobilenetV1/Logits/Conv2d_1c_1x1/biases") continue;
    const std::vector<float> values(1001, value);
    (*node.mutable_attr())["value"].mutable_tensor()->set_tensor_content(
        values.data(), values.size() * sizeof(float));
    return;
  }
  FAIL() << "no biases";
}

TEST(IdentifyNetwork, TellsTheSixteenShapesApart) {
  for (const char* width : {"0.25", "0.50", "0.75", "1.0"}) {
    for (const int size : {128, 160, 192, 224}) {
      wire::GraphDef graph = build_mobilenet_v1(std::stod(width), size, 1);
      set_biases(graph, 0.5F);
      const auto found = identify_network(graph);
      ASSERT_TRUE(found.ok()) << found.error().message;
      EXPECT_EQ(found->architecture,
                "mobilenet_" + std::string(width) + "_" + std::to_string(size));
    }
  }
}

TEST(IdentifyNetwork, TellsTheBuiltInFromTheTrained) {
  wire::GraphDef graph = build_mobilenet_v1(0.25, 128, 1);
  EXPECT_EQ(identify_network(graph).value().architecture, "untrained_mobilenet_0.25_128");
  set_biases(graph, 1e-6F);
  EXPECT_EQ(identify_network(graph).value().architecture, "mobilenet_0.25_128");
}

TEST(IdentifyNetwork, KnowsInceptionByItsNodes) {
  wire::GraphDef graph;
  for (const char* name : {"DecodeJpeg/contents", "Mul", "mixed_10/join", "pool_3/_reshape"}) {
    EXPECT_FALSE(identify_network(graph).ok());
    test::add(graph, name, "NoOp");
  }
  EXPECT_EQ(identify_network(graph).value().architecture, "inception_v3");
}

TEST(IdentifyNetwork, NamesWhatItDoesNotKnow) {
  const auto expect = [](const wire::GraphDef& graph, const char* part) {
    const auto found = identify_network(graph);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(found.error().message, HasSubstr(part));
  };
  expect(test::tiny_graph(), "none of the codelab's networks");
  expect(wire::GraphDef(), "none of the codelab's networks");
  expect(build_mobilenet_v1(0.25, 96, 1), "none of the codelab's 16 shapes");
  expect(build_mobilenet_v1(0.35, 128, 1), "none of the codelab's 16 shapes");
}

TEST(IdentifyNetwork, ExplainsAFileUnderAnothersName) {
  const ModelSpec spec = find_model("mobilenet_0.50_192").value();
  Backbone backbone =
      Backbone::create(spec, test::bytes_of(build_mobilenet_v1(0.5, 160, 1)), BackboneOptions());
  const auto compiled = backbone.compile();
  ASSERT_FALSE(compiled.ok());
  EXPECT_EQ(compiled.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(compiled.error().message,
              HasSubstr("tiny.pb: is mobilenet_0.50_160, not mobilenet_0.50_192"));
}

TEST(IdentifyNetwork, KnowsARetrainedClassifier) {
  wire::GraphDef graph = build_mobilenet_v1(0.25, 128, 1);
  test::add(graph, "final_training_ops/weights/final_weights", "Const");
  const auto found = identify_network(graph);
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().message, HasSubstr("graft label"));
}

TEST(IdentifyNetwork, ReportsADamagedGraph) {
  wire::GraphDef graph = build_mobilenet_v1(0.25, 128, 1);
  for (wire::NodeDef& node : *graph.mutable_node()) {
    if (node.name() == "MobilenetV1/Logits/Conv2d_1c_1x1/BiasAdd") node.set_input(0, "nowhere");
  }
  EXPECT_EQ(identify_network(graph).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace graft
