// Every pattern by which batch normalisation reaches a frozen graph, behind every op that can take
// it in: one op is left, and its value is the same within the rounding of float32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <memory>

#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::SizeIs;

using Kind = Binary::Kind;

// Adds nodes, numbered by the order of creation.
class Network {
 public:
  explicit Network(std::uint64_t seed) : rng_(seed, 8) {}

  NodeId input(const Shape& shape) {
    return must(graph_.add_input("x", {DType::kF32, shape, Layout::kDense}));
  }
  NodeId constant(const Shape& shape, float low = -1, float high = 1) {
    return constant(random_f32(shape, rng_, low, high));
  }
  NodeId constant(Tensor value) {
    return must(graph_.add_constant(name(), std::make_shared<const Tensor>(std::move(value))));
  }
  NodeId op(Op op, std::vector<NodeId> inputs) {
    return must(graph_.add_op(name(), std::move(op), std::move(inputs)));
  }
  NodeId binary(Kind kind, NodeId a, NodeId b) { return op(Binary{kind}, {a, b}); }
  std::int64_t channels(NodeId id) const {
    const Shape& shape = graph_.node(id).output.shape;
    return shape[shape.rank() - 1];
  }
  Graph& graph() { return graph_; }
  Rng& rng() { return rng_; }

 private:
  std::string name() { return "n" + std::to_string(graph_.nodes().size()); }
  Rng rng_;
  Graph graph_;
};

struct Part {
  std::string name;
  std::function<NodeId(Network&)> add;
};
struct Pattern {
  std::string name;
  std::function<NodeId(Network&, NodeId)> add;
};

std::vector<Part> roots() {
  const auto conv = [](const Op& op, const Shape& filter, int extras) {
    return [=](Network& n) {
      std::vector<NodeId> inputs = {n.input(Shape{2, 5, 4, 3}), n.constant(filter)};
      const std::int64_t outputs =
          std::holds_alternative<Conv2D>(op) ? filter[3] : filter[2] * filter[3];
      for (int i = 0; i < extras; ++i) inputs.push_back(n.constant(Shape{outputs}));
      return n.op(op, inputs);
    };
  };
  const auto product = [](const MatMul& op, const Shape& a, const Shape& b, bool bias) {
    return [=](Network& n) {
      std::vector<NodeId> inputs = {n.input(a), n.constant(b)};
      if (bias) inputs.push_back(n.constant(Shape{b[op.transpose_b ? 0 : 1]}));
      return n.op(op, inputs);
    };
  };
  const Conv2D same{2, 1, 1, 1, {1, 1, 0, 1}, {}};
  const DepthwiseConv2D depthwise{1, 2, 1, 1, {1, 0, 1, 1}, {}};
  return {
      {"conv", conv(same, Shape{3, 2, 3, 4}, 0)},
      {"conv with bias", conv(Conv2D{}, Shape{1, 1, 3, 5}, 1)},
      {"conv to one channel", conv(Conv2D{}, Shape{2, 2, 3, 1}, 0)},
      {"depthwise", conv(depthwise, Shape{3, 3, 3, 1}, 0)},
      {"depthwise with multiplier", conv(depthwise, Shape{2, 3, 3, 2}, 0)},
      {"depthwise with bias", conv(depthwise, Shape{3, 3, 3, 1}, 1)},
      {"depthwise with bias and scale", conv(depthwise, Shape{3, 3, 3, 2}, 2)},
      {"matmul", product({false, false, {}}, Shape{3, 4}, Shape{4, 5}, false)},
      {"matmul with bias", product({false, false, {}}, Shape{3, 4}, Shape{4, 5}, true)},
      {"matmul transposed", product({true, true, {}}, Shape{4, 3}, Shape{5, 4}, true)},
  };
}

std::vector<Pattern> patterns() {
  const auto with_constant = [](Kind kind, bool constant_first, const Shape& lead, bool scalar) {
    return [=](Network& n, NodeId y) {
      std::vector<std::int64_t> dims(lead.dims().begin(), lead.dims().end());
      dims.push_back(scalar ? 1 : n.channels(y));
      const bool divides = kind == Kind::kDiv;
      const NodeId c = n.constant(must(Shape::make(dims)), divides ? 0.5F : -1.0F, 2.0F);
      return constant_first ? n.binary(kind, c, y) : n.binary(kind, y, c);
    };
  };
  std::vector<Pattern> all;
  for (const bool scalar : {false, true}) {
    for (const Shape& lead : {Shape{}, Shape{1}}) {
      const std::string how = (scalar ? " one number " : " channels ") + lead.to_string();
      all.push_back({"add" + how, with_constant(Kind::kAdd, false, lead, scalar)});
      all.push_back({"add, constant first" + how, with_constant(Kind::kAdd, true, lead, scalar)});
      all.push_back({"sub" + how, with_constant(Kind::kSub, false, lead, scalar)});
      all.push_back({"sub, constant first" + how, with_constant(Kind::kSub, true, lead, scalar)});
      all.push_back({"mul" + how, with_constant(Kind::kMul, false, lead, scalar)});
      all.push_back({"mul, constant first" + how, with_constant(Kind::kMul, true, lead, scalar)});
      all.push_back({"div" + how, with_constant(Kind::kDiv, false, lead, scalar)});
    }
  }
  all.push_back({"scalar of rank 0", [](Network& n, NodeId y) {
                   return n.binary(Kind::kMul, n.constant(Shape{}), y);
                 }});
  for (const bool scale : {false, true}) {
    all.push_back({scale ? "norm" : "norm without gamma", [=](Network& n, NodeId y) {
                     const Shape c{n.channels(y)};
                     return n.op(
                         BatchNorm{0.01F, scale},
                         {y, n.constant(c), n.constant(c, 0.25F, 2), n.constant(c), n.constant(c)});
                   }});
  }
  // As TensorFlow unfolds it: y * m + (beta - mean * m), m = rsqrt(variance + epsilon) * gamma.
  all.push_back({"unfused norm", [](Network& n, NodeId y) {
                   const Shape c{n.channels(y)};
                   const NodeId shifted = n.binary(Kind::kAdd, n.constant(c, 0.25F, 2),
                                                   n.constant(Shape{}, 0.001F, 0.01F));
                   const NodeId root = n.op(Unary{Unary::Kind::kRsqrt}, {shifted});
                   const NodeId m = n.binary(Kind::kMul, root, n.constant(c));
                   const NodeId offset =
                       n.binary(Kind::kSub, n.constant(c), n.binary(Kind::kMul, n.constant(c), m));
                   return n.binary(Kind::kAdd, n.binary(Kind::kMul, y, m), offset);
                 }});
  // (y - mean) / deviation * gamma + beta, after a bias.
  all.push_back({"long chain", [](Network& n, NodeId y) {
                   const Shape c{n.channels(y)};
                   NodeId z = n.binary(Kind::kAdd, y, n.constant(c));
                   z = n.binary(Kind::kSub, z, n.constant(c));
                   z = n.binary(Kind::kDiv, z, n.constant(c, 0.5F, 2));
                   z = n.binary(Kind::kMul, n.constant(c), z);
                   return n.binary(Kind::kAdd, n.constant(c), z);
                 }});
  return all;
}

TEST(FoldBatchNorm, LeavesOneOpOfEveryPattern) {
  std::uint64_t seed = 0;
  for (const Part& root : roots()) {
    for (const Pattern& pattern : patterns()) {
      SCOPED_TRACE(root.name + ", " + pattern.name);
      Network n(++seed);
      const NodeId start = root.add(n);
      const NodeId last = pattern.add(n, start);
      n.graph().add_alias("alias", last);
      n.graph().mark_output(last);
      const std::string name = n.graph().node(last).name;
      const Graph folded = must(fold_batch_norm(must(fold_constants(n.graph()))));
      EXPECT_EQ(count_ops(folded), 1);
      EXPECT_EQ(folded.find("alias"), folded.find(name));
      EXPECT_EQ(folded.outputs(), std::vector{*folded.find(name)});
      // A depthwise convolution keeps its filter, bit for bit.
      const Node& left = folded.node(*folded.find(name));
      if (std::holds_alternative<DepthwiseConv2D>(std::get<Op>(left.body))) {
        EXPECT_EQ(folded.node(left.inputs[1]).name,
                  n.graph().node(n.graph().node(start).inputs[1]).name);
      }
      const Tensor input = random_f32(n.graph().node(*n.graph().find("x")).output.shape, n.rng());
      const auto i = static_cast<std::size_t>(last);
      EXPECT_EQ(beyond(evaluate_all(folded, input)[static_cast<std::size_t>(*folded.find(name))],
                       evaluate_all(n.graph(), input)[i], rounding_bounds(n.graph(), input)[i]),
                "");
    }
  }
}

// A shift alone leaves the filter as it is, so that its bits are the file's.
TEST(FoldBatchNorm, KeepsTheFilterUnderAShift) {
  Network n(1);
  const NodeId x = n.input(Shape{1, 3, 3, 2});
  const NodeId filter = n.constant(Shape{2, 2, 2, 3});
  const NodeId conv = n.op(Conv2D{}, {x, filter});
  n.graph().mark_output(n.binary(Kind::kAdd, conv, n.constant(Shape{3})));
  const Graph folded = must(fold_batch_norm(n.graph()));
  const Node& left = folded.node(folded.outputs()[0]);
  ASSERT_THAT(left.inputs, SizeIs(3));
  EXPECT_EQ(folded.node(left.inputs[1]).name, n.graph().node(filter).name);
}

// What must stay as it is: `build` gives a graph in which nothing can be taken in.
void expect_unchanged(const std::string& why, const std::function<void(Network&)>& build) {
  SCOPED_TRACE(why);
  Network n(2);
  build(n);
  const Graph folded = must(fold_batch_norm(n.graph()));
  ASSERT_EQ(folded.nodes().size(), n.graph().nodes().size());
  for (std::size_t i = 0; i < folded.nodes().size(); ++i) {
    EXPECT_EQ(folded.nodes()[i].name, n.graph().nodes()[i].name);
    EXPECT_EQ(folded.nodes()[i].inputs, n.graph().nodes()[i].inputs);
  }
}

NodeId conv_of(Network& n, Activation activation = Activation::kNone) {
  const NodeId x = n.input(Shape{1, 3, 3, 2});
  return n.op(Conv2D{1, 1, 1, 1, {}, activation}, {x, n.constant(Shape{2, 2, 2, 3})});
}

TEST(FoldBatchNorm, LeavesTheRest) {
  expect_unchanged("another op reads the convolution", [](Network& n) {
    const NodeId conv = conv_of(n);
    n.binary(Kind::kMul, conv, n.constant(Shape{3}));
    n.op(Unary{Unary::Kind::kNeg}, {conv});
  });
  expect_unchanged("the convolution is asked for", [](Network& n) {
    const NodeId conv = conv_of(n);
    n.graph().mark_output(n.binary(Kind::kMul, conv, n.constant(Shape{3})));
    n.graph().mark_output(conv);
  });
  expect_unchanged("the convolution is read twice by one op", [](Network& n) {
    const NodeId conv = conv_of(n);
    n.binary(Kind::kMul, conv, conv);
  });
  expect_unchanged("an activation stands between", [](Network& n) {
    n.binary(Kind::kMul, conv_of(n, Activation::kRelu), n.constant(Shape{3}));
  });
  expect_unchanged("the filter is computed", [](Network& n) {
    const NodeId x = n.input(Shape{1, 3, 3, 2});
    const NodeId filter = n.op(Reshape{Shape{3, 3, 2, 1}}, {x});
    n.binary(Kind::kMul, n.op(Conv2D{}, {x, filter}), n.constant(Shape{1}));
  });
  expect_unchanged("the factor is computed", [](Network& n) {
    const NodeId conv = conv_of(n);
    n.binary(Kind::kMul, conv, n.op(Mean{{1, 2}, true}, {n.constant(Shape{1, 2, 2, 3})}));
  });
  expect_unchanged("the factor differs from pixel to pixel", [](Network& n) {
    n.binary(Kind::kMul, conv_of(n), n.constant(Shape{1, 2, 2, 3}));
  });
  expect_unchanged("the factor differs from row to row", [](Network& n) {
    n.binary(Kind::kMul, conv_of(n), n.constant(Shape{2, 1}));
  });
  expect_unchanged("the factor makes one channel three", [](Network& n) {
    const NodeId x = n.input(Shape{1, 3, 3, 2});
    const NodeId conv = n.op(Conv2D{}, {x, n.constant(Shape{1, 1, 2, 1})});
    n.binary(Kind::kMul, conv, n.constant(Shape{3}));
  });
  expect_unchanged("the factor makes the rank five", [](Network& n) {
    n.binary(Kind::kMul, conv_of(n), n.constant(Shape{1, 1, 1, 1, 3}));
  });
  expect_unchanged("a constant divided by the convolution",
                   [](Network& n) { n.binary(Kind::kDiv, n.constant(Shape{3}), conv_of(n)); });
  expect_unchanged("a maximum",
                   [](Network& n) { n.binary(Kind::kMaximum, conv_of(n), n.constant(Shape{3})); });
  expect_unchanged("the convolution is the mean of a norm", [](Network& n) {
    const NodeId x = n.input(Shape{1, 1, 1, 3});
    const NodeId flat = n.op(Reshape{Shape{3}}, {x});
    const Shape c{3};
    n.op(BatchNorm{},
         {n.constant(Shape{2, 3}), flat, n.constant(c, 1, 2), n.constant(c), n.constant(c)});
  });
  expect_unchanged("two convolutions are added", [](Network& n) {
    const NodeId x = n.input(Shape{1, 3, 3, 2});
    const NodeId a = n.op(Conv2D{}, {x, n.constant(Shape{2, 2, 2, 3})});
    const NodeId b = n.op(Conv2D{}, {x, n.constant(Shape{2, 2, 2, 3})});
    n.binary(Kind::kAdd, a, b);
  });
}

TEST(FoldBatchNorm, LeavesWhatWouldLeaveFloat32) {
  const auto constant = [](Kind kind, float value) {
    return [=](Network& n, NodeId y) {
      return n.binary(kind, y, n.constant(f32(Shape{3}, {1, value, 1})));
    };
  };
  const std::vector<Pattern> extreme = {
      {"a factor of 1e60",
       [&](Network& n, NodeId y) {
         return constant(Kind::kMul, 1e30F)(n, constant(Kind::kMul, 1e30F)(n, y));
       }},
      {"a shift of 4e38",
       [&](Network& n, NodeId y) {
         return constant(Kind::kAdd, 2e38F)(n, constant(Kind::kAdd, 2e38F)(n, y));
       }},
      {"a division by zero", constant(Kind::kDiv, 0)},
      {"a negative variance",
       [](Network& n, NodeId y) {
         const Shape c{3};
         return n.op(BatchNorm{},
                     {y, n.constant(c), n.constant(c, -2, -1), n.constant(c), n.constant(c)});
       }},
  };
  for (const Pattern& pattern : extreme) {
    for (const bool depthwise : {false, true}) {
      SCOPED_TRACE(pattern.name + (depthwise ? ", depthwise" : ""));
      Network n(3);
      const NodeId x = n.input(Shape{1, 3, 3, 3});
      const NodeId filter = n.constant(depthwise ? Shape{2, 2, 3, 1} : Shape{1, 1, 3, 3});
      const NodeId start = n.op(depthwise ? Op(DepthwiseConv2D{}) : Op(Conv2D{}), {x, filter});
      const NodeId last = pattern.add(n, start);
      const Graph folded = must(fold_batch_norm(n.graph()));
      EXPECT_EQ(count_ops(folded), count_ops(n.graph()));
      const Tensor input = random_f32(Shape{1, 3, 3, 3}, n.rng());
      const auto now = static_cast<std::size_t>(*folded.find(n.graph().node(last).name));
      EXPECT_TRUE(same_bits(evaluate_all(folded, input)[now],
                            evaluate_all(n.graph(), input)[static_cast<std::size_t>(last)]));
    }
  }
}

}  // namespace
}  // namespace graft
