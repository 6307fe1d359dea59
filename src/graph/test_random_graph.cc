#include <array>
#include <cmath>
#include <memory>

#include "graph/test_graph.h"

namespace graft {
namespace {

class Generator {
 public:
  explicit Generator(Rng& rng) : rng_(rng) {
    const Shape shape{1 + below(2), 4 + below(5), 4 + below(5), channels()};
    values_.push_back(must(graph_.add_input("in", {DType::kF32, shape, Layout::kDense})));
  }

  Graph make(int ops) && {
    for (int i = 0; i < ops; ++i) grow();
    for (const NodeId id : values_) {
      if (below(8) == 0) graph_.mark_output(id);
    }
    graph_.mark_output(values_.back());
    return std::move(graph_);
  }

 private:
  std::int64_t below(std::uint32_t bound) { return rng_.below(bound); }
  std::int64_t channels() {
    constexpr std::array<std::int64_t, 6> kCounts = {1, 3, 8, 16, 17, 24};
    return kCounts[static_cast<std::size_t>(below(kCounts.size()))];
  }
  const Shape& shape(NodeId id) const { return graph_.node(id).output.shape; }
  std::string name() { return "n" + std::to_string(graph_.nodes().size()); }

  NodeId op(Op op, std::vector<NodeId> inputs) {
    values_.push_back(must(graph_.add_op(name(), std::move(op), std::move(inputs))));
    return values_.back();
  }
  // Sometimes the sum of two, for fold_constants() to find.
  NodeId constant(const Shape& shape, float low = -1, float high = 1) {
    if (below(8) == 0) {
      const NodeId a = constant(shape, low / 2, high / 2);
      const NodeId b = constant(shape, low / 2, high / 2);
      return must(graph_.add_op(name(), Binary{}, {a, b}));
    }
    auto value = std::make_shared<const Tensor>(random_f32(shape, rng_, low, high));
    return must(graph_.add_constant(name(), std::move(value)));
  }

  // Mostly the newest value, so that chains are common, else any.
  NodeId pick() {
    if (below(4) != 0) return values_.back();
    return values_[static_cast<std::size_t>(below(static_cast<std::uint32_t>(values_.size())))];
  }

  Activation activation() { return below(4) == 0 ? Activation::kRelu6 : Activation::kNone; }

  // Same size out, or half; sums of at most about 1, so that values stay near 1.
  void add_convolution(NodeId x, bool depthwise) {
    const Shape in = shape(x);
    const std::int64_t kernel = 1 + below(3);
    const std::int64_t outputs = depthwise ? 1 + below(2) : channels();
    const float most = 2.0F / static_cast<float>(kernel * kernel * (depthwise ? 1 : in[3]));
    const NodeId filter = constant(Shape{kernel, kernel, in[3], outputs}, -most, most);
    const int stride = static_cast<int>(1 + below(2));
    const int dilation = static_cast<int>(1 + below(2));
    const AxisPadding rows = same_padding(in[1], kernel, stride, dilation);
    const AxisPadding columns = same_padding(in[2], kernel, stride, dilation);
    const Padding padding{rows.before, rows.after, columns.before, columns.after};
    std::vector<NodeId> inputs{x, filter};
    const std::int64_t count = depthwise ? in[3] * outputs : outputs;
    const std::int64_t extras = below(depthwise ? 3 : 2);
    for (std::int64_t i = 0; i < extras; ++i) inputs.push_back(constant(Shape{count}));
    if (depthwise) {
      op(DepthwiseConv2D{stride, stride, dilation, dilation, padding, activation()}, inputs);
    } else {
      op(Conv2D{stride, stride, dilation, dilation, padding, activation()}, inputs);
    }
  }

  // With a constant of one number, or one a channel, of any rank that broadcasts.
  void add_scale_or_shift(NodeId x) {
    const Shape in = shape(x);
    const std::int64_t last = in[in.rank() - 1];
    const std::array<Shape, 4> shapes = {Shape{}, Shape{last}, Shape{1, last}, Shape{1}};
    const Shape& own = shapes[static_cast<std::size_t>(below(4))];
    constexpr std::array kKinds = {Binary::Kind::kAdd,     Binary::Kind::kSub,
                                   Binary::Kind::kMul,     Binary::Kind::kDiv,
                                   Binary::Kind::kMaximum, Binary::Kind::kMinimum};
    const Binary::Kind kind = kKinds[static_cast<std::size_t>(below(kKinds.size()))];
    const bool divides = kind == Binary::Kind::kDiv;
    const NodeId c = divides ? constant(own, 0.5F, 2.0F) : constant(own);
    const bool constant_first = !divides && below(3) == 0;
    op(Binary{kind}, constant_first ? std::vector{c, x} : std::vector{x, c});
  }

  void add_norm(NodeId x) {
    const Shape in = shape(x);
    const Shape own{in[in.rank() - 1]};
    op(BatchNorm{0.01F, below(3) != 0},
       {x, constant(own), constant(own, 0.25F, 2.0F), constant(own), constant(own)});
  }

  void add_matmul(NodeId x) {
    const Shape in = shape(x);
    std::int64_t features = 1;
    for (int axis = 1; axis < in.rank(); ++axis) features *= in[axis];
    const NodeId rows = op(Reshape{Shape{in[0], features}}, {x});
    const std::int64_t units = channels();
    const bool transposed = below(2) == 0;
    const float most = 2.0F / static_cast<float>(features);
    const Shape weights = transposed ? Shape{units, features} : Shape{features, units};
    const NodeId filter = constant(weights, -most, most);
    const NodeId product = op(MatMul{false, transposed, activation()}, {rows, filter});
    op(Reshape{Shape{in[0], 1, 1, units}}, {product});
  }

  // A second value of x's extents to join it with.
  void add_join(NodeId x) {
    const Shape in = shape(x);
    for (const NodeId other : values_) {
      const Shape& s = shape(other);
      if (other == x || s.rank() != 4 || s[0] != in[0] || s[1] != in[1] || s[2] != in[2]) continue;
      if (s[3] == in[3] && below(2) == 0) {
        op(Binary{below(2) == 0 ? Binary::Kind::kAdd : Binary::Kind::kMaximum}, {x, other});
        return;
      }
      if (s[3] + in[3] <= 64) {
        op(Concat{3}, {other, x});
        return;
      }
    }
    op(Unary{Unary::Kind::kNeg}, {x});
  }

  void add_pool(NodeId x) {
    const Shape in = shape(x);
    const AxisPadding rows = same_padding(in[1], 2, 1);
    const AxisPadding columns = same_padding(in[2], 3, 1);
    const Pool::Kind kind = below(2) == 0 ? Pool::Kind::kMax : Pool::Kind::kAverage;
    op(Pool{kind, 2, 3, 1, 1, {rows.before, rows.after, columns.before, columns.after}}, {x});
  }

  void grow() {
    const NodeId x = pick();
    if (shape(x).rank() != 4 || shape(x)[3] > 64) {  // by a reshape, or grown too deep
      const Shape in = shape(x);
      op(Reshape{Shape{in[0], 1, 1, in.elements() / in[0]}}, {x});
      op(Mean{{3}, true}, {values_.back()});
      return;
    }
    switch (below(14)) {
      case 0:
      case 1:
        return add_convolution(x, false);
      case 2:
      case 3:
        return add_convolution(x, true);
      case 4:
      case 5:
        return add_scale_or_shift(x);
      case 6:
        return add_norm(x);
      case 7:
        op(Unary{Unary::Kind::kRelu}, {x});
        return;
      case 8:
        op(Unary{Unary::Kind::kRelu6}, {x});
        return;
      case 9:
        return add_join(x);
      case 10:
        return add_pool(x);
      case 11:
        return add_matmul(x);
      case 12:
        op(Pad{{{0, 0}, {1, 0}, {0, 1}, {0, 0}}}, {x});
        return;
      default:
        graph_.add_alias("alias" + std::to_string(graph_.aliases().size()), x);
        op(Mean{{1, 2}, true}, {x});
    }
  }

  Rng& rng_;
  Graph graph_;
  std::vector<NodeId> values_;  // without the constants
};

}  // namespace

Graph random_graph(Rng& rng, int ops) {
  return Generator(rng).make(ops);
}

}  // namespace graft
