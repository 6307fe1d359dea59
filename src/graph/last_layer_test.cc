// A network and its last layer apart against the whole, on the reference backend.
#include "graph/last_layer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

constexpr std::int64_t kDepth = 5, kColumns = 7, kPhotos = 3;

Tensor numbers(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed, 3);
  return random_f32(shape, rng);
}

// A picture's mean, then a convolution of one pixel, as MobileNet ends.
Graph ends_with_convolution(Activation activation) {
  Graph graph;
  const NodeId x = add_input(graph, {1, 4, 4, kDepth});
  const Pool pool{Pool::Kind::kAverage, 4, 4, 1, 1, {}};
  const NodeId mean = must(graph.add_op("mean", pool, {x}));
  const NodeId filter = add_constant(graph, "filter", numbers({1, 1, kDepth, kColumns}, 1));
  const NodeId bias = add_constant(graph, "bias", numbers({kColumns}, 2));
  Conv2D conv;
  conv.activation = activation;
  const NodeId layer = must(graph.add_op("layer", conv, {mean, filter, bias}));
  must(graph.add_op("flat", Reshape{{1, kColumns}}, {layer}));
  return graph;
}

Graph ends_with_product(bool transposed) {
  Graph graph;
  const NodeId x = add_input(graph, {1, kDepth});
  const NodeId twice = must(graph.add_op("twice", Binary{Binary::Kind::kAdd}, {x, x}));
  const Shape matrix = transposed ? Shape{kColumns, kDepth} : Shape{kDepth, kColumns};
  const NodeId weights = add_constant(graph, "weights", numbers(matrix, 4));
  must(graph.add_op("flat", MatMul{false, transposed, Activation::kNone}, {twice, weights}));
  return graph;
}

std::vector<float> run(const Graph& graph, const std::string& output, const Tensor& input) {
  CompileOptions reference;
  reference.backend = "reference";
  const Program program = must(Program::compile(graph, std::array{output}, reference));
  Tensor out(program.outputs()[0]);
  const auto workspace = program.make_workspace();
  const std::array<MutableTensorView, 1> outs = {out.view()};
  program.run(input.view(), outs, *workspace);
  const auto values = std::as_const(out).as<float>();
  return {values.begin(), values.end()};
}

void expect_same_apart(const Graph& graph) {
  const auto last = last_layer(graph, "flat", kPhotos);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->channels, kDepth);
  std::vector<float> before, expected;
  for (std::uint64_t photo = 0; photo < kPhotos; ++photo) {
    const Tensor input = numbers(input_shape(graph), 10 + photo);
    const auto all = run(graph, "flat", input);
    expected.insert(expected.end(), all.begin(), all.end());
    const auto half = run(graph, last->reads, input);
    before.insert(before.end(), half.begin(), half.end());
  }
  const Tensor waiting = Tensor::from({kPhotos, kDepth}, before);
  EXPECT_EQ(run(last->layer, last->output, waiting), expected);
}

TEST(LastLayer, OfOnePixelIsAProductOfAllPhotos) {
  expect_same_apart(ends_with_convolution(Activation::kNone));
  expect_same_apart(ends_with_convolution(Activation::kRelu6));
}

TEST(LastLayer, MayBeAProduct) {
  expect_same_apart(ends_with_product(false));
  expect_same_apart(ends_with_product(true));
}

TEST(LastLayer, MeetsOnePixelAlone) {
  Graph graph;
  const NodeId x = add_input(graph, {1, 2, 1, kDepth});
  const NodeId filter = add_constant(graph, "filter", numbers({1, 1, kDepth, kColumns}, 1));
  must(graph.add_op("flat", Conv2D{}, {x, filter}));
  EXPECT_FALSE(last_layer(graph, "flat", kPhotos).has_value());
}

TEST(LastLayer, HasKnownWeights) {
  Graph graph;
  const NodeId x = add_input(graph, {1, 1});
  must(graph.add_op("flat", MatMul{}, {x, x}));
  EXPECT_FALSE(last_layer(graph, "flat", kPhotos).has_value());
}

TEST(LastLayer, IsTheLast) {
  Graph graph = ends_with_product(false);
  const NodeId layer = graph.find("flat").value();
  must(graph.add_op("more", Unary{Unary::Kind::kRelu}, {layer}));
  EXPECT_FALSE(last_layer(graph, "more", kPhotos).has_value());
  EXPECT_FALSE(last_layer(graph, "twice", kPhotos).has_value());
  EXPECT_FALSE(last_layer(graph, "x", kPhotos).has_value());
  EXPECT_FALSE(last_layer(graph, "nobody", kPhotos).has_value());
}

}  // namespace
}  // namespace graft
