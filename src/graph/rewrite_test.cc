#include "graph/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names(const Graph& graph) {
  std::vector<std::string> result;
  for (const Node& node : graph.nodes()) result.push_back(node.name);
  return result;
}

const Op& op_at(const Graph& graph, std::string_view name) {
  return std::get<Op>(graph.node(graph.find(name).value()).body);
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> result;
  for (const NodeId id : graph.outputs()) result.push_back(graph.node(id).name);
  return result;
}

using Rewrite = std::function<Result<Graph>(const Graph&)>;

// Random networks keep the values of their outputs and the names of these. How many lost an op.
int expect_kept_values(const Rewrite& rewrite, bool exact) {
  int changed = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed, 5);
    const Graph before = random_graph(rng, 15);
    const Graph after = must(rewrite(before));
    changed += count_ops(after) != count_ops(before) ? 1 : 0;
    const Tensor input = random_f32(input_shape(before), rng);
    const auto values = evaluate_all(before, input);
    const auto bounds = rounding_bounds(before, input);
    const auto rewritten = evaluate_all(after, input);
    EXPECT_EQ(output_names(after), output_names(before));
    for (const NodeId id : before.outputs()) {
      const auto now = after.find(before.node(id).name);
      if (!now) {
        ADD_FAILURE() << before.node(id).name << " is gone";
        continue;
      }
      const auto i = static_cast<std::size_t>(id);
      const Tensor& got = rewritten[static_cast<std::size_t>(*now)];
      if (exact) {
        EXPECT_TRUE(same_bits(got, values[i])) << before.node(id).name;
      } else {
        EXPECT_EQ(beyond(got, values[i], bounds[i]), "") << before.node(id).name;
      }
    }
    // A name that is still there names the value that it named before.
    for (const auto& [name, id] : before.aliases()) {
      const auto now = after.find(name);
      if (!now) continue;
      const auto i = static_cast<std::size_t>(id);
      EXPECT_EQ(beyond(rewritten[static_cast<std::size_t>(*now)], values[i], bounds[i]), "")
          << name;
    }
  }
  return changed;
}

Rewrite simplify_to_outputs() {
  return [](const Graph& graph) { return simplify(graph, output_names(graph)); };
}

TEST(Rewrite, FoldConstantsKeepsValues) {
  const Rewrite fold = [](const Graph& graph) { return fold_constants(graph); };
  EXPECT_GT(expect_kept_values(fold, true), 200);
}

TEST(Rewrite, FuseActivationsKeepsValues) {
  EXPECT_GT(expect_kept_values(fuse_activations, true), 20);
}

TEST(Rewrite, FoldBatchNormKeepsValues) {
  EXPECT_GT(expect_kept_values(fold_batch_norm, false), 50);
}

TEST(Rewrite, CutKeepsValues) {
  const Rewrite cut = [](const Graph& graph) { return cut_at(graph, output_names(graph)); };
  EXPECT_GT(expect_kept_values(cut, true), 20);
}

TEST(Rewrite, SimplifyKeepsValues) {
  EXPECT_GT(expect_kept_values(simplify_to_outputs(), false), 300);
}

TEST(Rewrite, SimplifyTwiceIsSimplifyOnce) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed, 6);
    const Graph once = must(simplify_to_outputs()(random_graph(rng, 12)));
    const Graph twice = must(simplify_to_outputs()(once));
    const Tensor input = random_f32(input_shape(once), rng);
    const auto a = evaluate_all(once, input);
    const auto b = evaluate_all(twice, input);
    for (const std::string& name : output_names(once)) {
      EXPECT_TRUE(same_bits(a[static_cast<std::size_t>(*once.find(name))],
                            b[static_cast<std::size_t>(*twice.find(name))]))
          << "seed " << seed << ", " << name;
    }
  }
}

// --- cut_at

TEST(CutAt, DropsWhatIsNotNeeded) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{2});
  const NodeId c = add_constant(graph, "c", f32(Shape{2}, {1, 2}));
  add_constant(graph, "unused", f32(Shape{2}, {1, 2}));
  const NodeId sum = must(graph.add_op("sum", Binary{}, {x, c}));
  const NodeId tail = must(graph.add_op("tail", Unary{Unary::Kind::kRelu}, {sum}));
  graph.add_alias("tail_alias", tail);
  graph.add_alias("sum_alias", sum);
  graph.mark_output(tail);
  const std::vector<std::string> outputs = {"sum_alias:0"};
  const Graph cut = must(cut_at(graph, outputs));
  EXPECT_THAT(names(cut), ElementsAre("x", "c", "sum"));
  EXPECT_THAT(cut.outputs(), ElementsAre(*cut.find("sum")));
  EXPECT_EQ(cut.find("sum_alias"), cut.find("sum"));
  EXPECT_EQ(cut.find("tail_alias"), std::nullopt);
}

TEST(CutAt, KeepsTheInputAndOrdersOutputs) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{2});
  add_constant(graph, "c", f32(Shape{2}, {1, 2}));
  must(graph.add_op("y", Unary{}, {x}));
  const std::vector<std::string> constant = {"c"};
  EXPECT_THAT(names(must(cut_at(graph, constant))), ElementsAre("x", "c"));
  const std::vector<std::string> twice = {"y", "c", "y:0", "x"};
  const Graph cut = must(cut_at(graph, twice));
  EXPECT_THAT(output_names(cut), ElementsAre("y", "c", "x"));
}

TEST(CutAt, NamesAnUnknownOutput) {
  Graph graph;
  add_input(graph, Shape{2});
  const std::vector<std::string> outputs = {"x", "nope"};
  const auto cut = cut_at(graph, outputs);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(cut.error().message, HasSubstr("tensor \"nope\""));
}

// --- fold_constants

TEST(FoldConstants, EvaluatesAsFarAsTheyGo) {
  Graph graph;
  const NodeId codes = add_constant(graph, "codes", u8(Shape{3}, {0, 128, 255}));
  const NodeId low = add_constant(graph, "low", Tensor::scalar(0));
  const NodeId high = add_constant(graph, "high", Tensor::scalar(255));
  const NodeId real = must(graph.add_op("real", Dequantize{}, {codes, low, high}));
  const NodeId root = must(graph.add_op("twice", Binary{}, {real, real}));
  graph.add_alias("alias", root);
  const NodeId x = add_input(graph, Shape{3});
  const NodeId y = must(graph.add_op("y", Binary{Binary::Kind::kMul}, {x, root}));
  graph.mark_output(y);
  const Graph folded = must(fold_constants(graph));
  const auto* value = std::get_if<Constant>(&folded.node(*folded.find("twice")).body);
  ASSERT_NE(value, nullptr);
  EXPECT_TRUE(same_bits(*value->value, f32(Shape{3}, {0, 256, 510})));
  EXPECT_EQ(folded.find("alias"), folded.find("twice"));
  EXPECT_TRUE(std::holds_alternative<Op>(folded.node(*folded.find("y")).body));
  const std::vector<std::string> outputs = {"y"};
  EXPECT_THAT(names(must(simplify(graph, outputs))), ElementsAre("twice", "x", "y"));
}

TEST(FoldConstants, LeavesWhatWouldGrowFarBeyondTheFile) {
  Graph graph;
  add_input(graph, Shape{1});
  const NodeId c = add_constant(graph, "c", Tensor(DType::kF32, Shape{1 << 20, 1}));  // 4 MiB
  const NodeId row = add_constant(graph, "row", Tensor(DType::kF32, Shape{1, 16}));
  const NodeId wide = must(graph.add_op("wide", Binary{}, {c, row}));  // 64 MiB
  for (int i = 0; i < 3; ++i) must(graph.add_op("n" + std::to_string(i), Unary{}, {c}));
  const Graph folded = must(fold_constants(graph));
  // Eight times the 4 MiB are allowed.
  EXPECT_TRUE(std::holds_alternative<Op>(folded.node(wide).body));
  EXPECT_TRUE(std::holds_alternative<Constant>(folded.node(*folded.find("n2")).body));
}

// As quantized networks have them, whatever their size: 9 MiB of codes become 36 MiB, twice.
TEST(FoldConstants, FoldsScaledDequantizedWeightsWhole) {
  Graph graph;
  add_input(graph, Shape{1});
  const NodeId codes = add_constant(graph, "codes", Tensor(DType::kU8, Shape{9 << 20}));
  const NodeId low = add_constant(graph, "low", Tensor::scalar(-1));
  const NodeId high = add_constant(graph, "high", Tensor::scalar(1));
  const NodeId real = must(graph.add_op("real", Dequantize{}, {codes, low, high}));
  must(graph.add_op("scaled", Binary{Binary::Kind::kMul}, {real, high}));
  const Graph folded = must(fold_constants(graph));
  EXPECT_TRUE(std::holds_alternative<Constant>(folded.node(*folded.find("scaled")).body));
}

TEST(FoldConstants, TakesNoMoreWorkThanAllowed) {
  Graph graph;
  add_input(graph, Shape{1});
  const NodeId c = add_constant(graph, "c", Tensor(DType::kF32, Shape{100}));
  const NodeId first = must(graph.add_op("first", Unary{Unary::Kind::kRelu}, {c}));
  must(graph.add_op("y", Unary{Unary::Kind::kRelu}, {first}));
  const auto ops_left = [&](std::uint64_t work) {
    return count_ops(must(fold_constants(graph, work)));
  };
  // Each reads and writes 100 elements.
  EXPECT_EQ(ops_left(400), 0);
  EXPECT_EQ(ops_left(399), 1);
  EXPECT_EQ(ops_left(199), 2);
}

TEST(FoldConstants, LeavesWhatWouldTakeLong) {
  Graph graph;
  add_input(graph, Shape{1});
  const NodeId c = add_constant(graph, "c", Tensor(DType::kF32, Shape{1, 1024, 1024, 1}));
  // 2^20 windows that each see up to 2^20 elements: 2^40 steps, though 2^22 · 2^22 · 2^20 is 2^64.
  const AxisPadding same = same_padding(1024, 1 << 22, 1);
  const Padding padding{same.before, same.after, same.before, same.after};
  const NodeId y =
      must(graph.add_op("y", Pool{Pool::Kind::kMax, 1 << 22, 1 << 22, 1, 1, padding}, {c}));
  EXPECT_TRUE(std::holds_alternative<Op>(must(fold_constants(graph)).node(y).body));
  const std::vector<std::string> outputs = {"y"};
  const auto program = Program::compile(graph, outputs);
  ASSERT_FALSE(program.ok());
  EXPECT_THAT(program.error().message, HasSubstr("node \"y\" (Pool): one run up to here takes"));
}

// --- fuse_activations

struct Fusable {
  std::string name;
  std::function<NodeId(Graph&)> add;  // a node "root" over the input "x" [1,2,2,2] or its rows
};

std::vector<Fusable> fusable() {
  const auto window = [](const Op& op) {
    return [op](Graph& graph) {
      const NodeId x = add_input(graph, Shape{1, 2, 2, 2});
      const NodeId w = add_constant(graph, "w", f32(Shape{1, 1, 2, 2}, {9, -8, -7, 6}));
      return must(graph.add_op("root", op, {x, w}));
    };
  };
  return {{"Conv2D", window(Conv2D{})},
          {"DepthwiseConv2D", window(DepthwiseConv2D{})},
          {"MatMul", [](Graph& graph) {
             const NodeId x = add_input(graph, Shape{4, 2});
             const NodeId w = add_constant(graph, "w", f32(Shape{2, 2}, {9, -8, -7, 6}));
             return must(graph.add_op("root", MatMul{}, {x, w}));
           }}};
}

Activation activation_at(const Graph& graph, std::string_view name) {
  const Op& op = op_at(graph, name);
  if (const auto* conv = std::get_if<Conv2D>(&op)) return conv->activation;
  if (const auto* conv = std::get_if<DepthwiseConv2D>(&op)) return conv->activation;
  return std::get<MatMul>(op).activation;
}

TEST(FuseActivations, TakesTheOneReaderIn) {
  for (const Fusable& test : fusable()) {
    for (const Unary::Kind kind : {Unary::Kind::kRelu, Unary::Kind::kRelu6}) {
      SCOPED_TRACE(test.name);
      Graph graph;
      const NodeId y = must(graph.add_op("y", Unary{kind}, {test.add(graph)}));
      graph.add_alias("alias", y);
      const Graph fused = must(fuse_activations(graph));
      EXPECT_THAT(names(fused), ElementsAre("x", "w", "y"));
      EXPECT_EQ(fused.find("alias"), fused.find("y"));
      EXPECT_EQ(activation_at(fused, "y"),
                kind == Unary::Kind::kRelu ? Activation::kRelu : Activation::kRelu6);
      Rng rng(7);
      const Tensor input = random_f32(input_shape(graph), rng);
      EXPECT_TRUE(same_bits(evaluate_all(fused, input).back(), evaluate_all(graph, input).back()));
    }
  }
}

TEST(FuseActivations, LeavesWhatOthersRead) {
  for (const Fusable& test : fusable()) {
    SCOPED_TRACE(test.name);
    Graph two_readers;
    const NodeId root = test.add(two_readers);
    must(two_readers.add_op("y", Unary{Unary::Kind::kRelu}, {root}));
    must(two_readers.add_op("z", Unary{Unary::Kind::kNeg}, {root}));
    EXPECT_EQ(names(must(fuse_activations(two_readers))), names(two_readers));

    Graph asked_for;
    must(asked_for.add_op("y", Unary{Unary::Kind::kRelu}, {test.add(asked_for)}));
    asked_for.mark_output(*asked_for.find("root"));
    asked_for.mark_output(*asked_for.find("y"));
    EXPECT_EQ(names(must(fuse_activations(asked_for))), names(asked_for));
  }
}

TEST(FuseActivations, TakesOneActivationOnly) {
  for (const Fusable& test : fusable()) {
    SCOPED_TRACE(test.name);
    Graph graph;
    const NodeId first = must(graph.add_op("first", Unary{Unary::Kind::kRelu6}, {test.add(graph)}));
    const NodeId second = must(graph.add_op("second", Unary{Unary::Kind::kRelu}, {first}));
    must(graph.add_op("third", Unary{Unary::Kind::kTanh}, {second}));
    const Graph fused = must(fuse_activations(graph));
    EXPECT_THAT(names(fused), ElementsAre("x", "w", "first", "second", "third"));
    const Graph again = must(fuse_activations(fused));
    EXPECT_THAT(names(again), ElementsAre("x", "w", "first", "second", "third"));
    EXPECT_EQ(activation_at(again, "first"), Activation::kRelu6);
  }
}

TEST(FuseActivations, LeavesOtherOps) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 2, 2, 2});
  const NodeId pool = must(graph.add_op("pool", Pool{}, {x}));
  must(graph.add_op("y", Unary{Unary::Kind::kRelu}, {pool}));
  EXPECT_EQ(names(must(fuse_activations(graph))), names(graph));
}

TEST(Simplify, FailsOnUnknownOutputs) {
  Graph graph;
  add_input(graph, Shape{2});
  const std::vector<std::string> outputs = {"nope"};
  EXPECT_FALSE(simplify(graph, outputs).ok());
}

TEST(Simplify, TakesAGraphOfItsInputAlone) {
  Graph graph;
  add_input(graph, Shape{2});
  const std::vector<std::string> outputs = {"x"};
  EXPECT_THAT(names(must(simplify(graph, outputs))), ElementsAre("x"));
  EXPECT_THAT(names(must(simplify(Graph{}, {}))), IsEmpty());
}

}  // namespace
}  // namespace graft
