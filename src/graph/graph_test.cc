#include "graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TensorSpec spec(const Shape& shape) {
  return {DType::kF32, shape, Layout::kDense};
}

std::shared_ptr<const Tensor> shared(Tensor tensor) {
  return std::make_shared<const Tensor>(std::move(tensor));
}

TEST(Graph, InfersWhatItHolds) {
  Graph graph;
  const NodeId x = must(graph.add_input("x", spec(Shape{2, 1, 3})));
  const NodeId c = must(graph.add_constant("c", shared(f32(Shape{4, 1}, {1, 2, 3, 4}))));
  const NodeId y = must(graph.add_op("y", Binary{}, {x, c}));
  EXPECT_THAT((std::vector{x, c, y}), ElementsAre(0, 1, 2));
  EXPECT_EQ(graph.node(y).output, spec(Shape{2, 4, 3}));
  EXPECT_EQ(graph.node(c).output, spec(Shape{4, 1}));
  EXPECT_THAT(graph.node(y).inputs, ElementsAre(x, c));
}

TEST(Graph, RefusesWhatCannotBeAndStaysAsItWas) {
  Graph graph;
  const NodeId x = must(graph.add_input("x", spec(Shape{2, 3})));
  const auto expect = [&](const Result<NodeId>& result, ErrorKind kind, const std::string& says) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, kind);
    EXPECT_THAT(result.error().message, HasSubstr(says));
  };
  expect(graph.add_op("bad\n", MatMul{}, {x, x}), ErrorKind::kInvalidArgument,
         "node \"bad\\n\": MatMul");
  expect(graph.add_op("x", Unary{}, {x}), ErrorKind::kCorrupt,
         "node \"x\": the name is used twice");
  expect(graph.add_constant("x", shared(Tensor::scalar(1))), ErrorKind::kCorrupt, "used twice");
  expect(graph.add_input("empty", spec(Shape{2, 0})), ErrorKind::kInvalidArgument, "no elements");
  EXPECT_EQ(graph.nodes().size(), 1U);
  EXPECT_EQ(graph.find("bad\n"), std::nullopt);
  EXPECT_EQ(graph.find("empty"), std::nullopt);
}

TEST(Graph, FindsByNameAliasAndFirstOutput) {
  Graph graph;
  const NodeId x = must(graph.add_input("x", spec(Shape{1})));
  const NodeId y = must(graph.add_op("scope/y", Unary{}, {x}));
  EXPECT_TRUE(graph.add_alias("same", y));
  EXPECT_FALSE(graph.add_alias("same", x));
  EXPECT_FALSE(graph.add_alias("x", y));
  for (const char* name : {"scope/y", "scope/y:0", "same", "same:0"}) {
    EXPECT_EQ(graph.find(name), y) << name;
  }
  for (const char* name : {"", "y", "scope/y:1", "scope/y:0:0", ":0", "SAME"}) {
    EXPECT_EQ(graph.find(name), std::nullopt) << name;
  }
  EXPECT_EQ(graph.find("x"), x);
  EXPECT_THAT(graph.aliases(), ElementsAre(std::pair<std::string, NodeId>("same", y)));
  EXPECT_FALSE(graph.add_op("same", Unary{}, {x}).ok());  // an alias is a name like any other
}

TEST(Graph, MarksOutputsOnce) {
  Graph graph;
  const NodeId x = must(graph.add_input("x", spec(Shape{1})));
  const NodeId y = must(graph.add_op("y", Unary{}, {x}));
  EXPECT_THAT(graph.outputs(), IsEmpty());
  graph.mark_output(y);
  graph.mark_output(x);
  graph.mark_output(y);
  EXPECT_THAT(graph.outputs(), ElementsAre(y, x));
  graph.set_outputs({x, x});
  EXPECT_THAT(graph.outputs(), ElementsAre(x));
}

}  // namespace
}  // namespace graft
