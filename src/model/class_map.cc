#include "model/class_map.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "base/text.h"

namespace graft {
namespace {

// logits = weights · (the elements of some node) + bias, while that node moves up from the logits.
class Backwards {
 public:
  explicit Backwards(std::size_t classes) : classes_(classes), inputs_(classes), bias_(classes) {
    weights_.assign(classes * classes, 0.0);
    for (std::size_t k = 0; k < classes; ++k) weights_[k * classes + k] = 1;
  }

  // y = x·W (+ bias), W [in, out] read by w(in, out).
  template <typename Matrix>
  void through_matrix(std::size_t in, Matrix w) {
    std::vector<double> next(classes_ * in, 0.0);
    for (std::size_t k = 0; k < classes_; ++k) {
      for (std::size_t i = 0; i < in; ++i) {
        double sum = 0;
        for (std::size_t o = 0; o < inputs_; ++o) {
          sum += weights_[k * inputs_ + o] * static_cast<double>(w(i, o));
        }
        next[k * in + i] = sum;
      }
    }
    weights_ = std::move(next);
    inputs_ = in;
  }
  void add(std::span<const float> c, double sign) {
    for (std::size_t k = 0; k < classes_; ++k) {
      for (std::size_t i = 0; i < inputs_; ++i) {
        bias_[k] +=
            sign * weights_[k * inputs_ + i] * static_cast<double>(c[c.size() == 1 ? 0 : i]);
      }
    }
  }
  template <typename Factor>
  void scale(Factor factor) {
    for (std::size_t k = 0; k < classes_; ++k) {
      for (std::size_t i = 0; i < inputs_; ++i) weights_[k * inputs_ + i] *= factor(i);
    }
  }
  std::size_t inputs() const { return inputs_; }
  std::vector<double>& weights() { return weights_; }
  std::vector<double>& bias() { return bias_; }

 private:
  std::size_t classes_, inputs_;
  std::vector<double> weights_, bias_;
};

const Tensor* constant(const Graph& graph, NodeId id) {
  const auto* body = std::get_if<Constant>(&graph.node(id).body);
  return body != nullptr && body->value->dtype() == DType::kF32 ? body->value.get() : nullptr;
}

bool through_matmul(const Graph& graph, const Node& node, const MatMul& op, Backwards& state) {
  const Tensor* w = constant(graph, node.inputs[1]);
  const Tensor* bias = node.inputs.size() > 2 ? constant(graph, node.inputs[2]) : nullptr;
  if (w == nullptr || op.transpose_a || op.activation != Activation::kNone ||
      (node.inputs.size() > 2 && bias == nullptr) || node.output.shape[0] != 1) {
    return false;
  }
  const auto values = w->as<float>();
  const auto rows = static_cast<std::size_t>(w->shape()[0]);
  const auto columns = static_cast<std::size_t>(w->shape()[1]);
  if (bias != nullptr) state.add(bias->as<float>(), 1);
  state.through_matrix(op.transpose_b ? columns : rows, [&](std::size_t in, std::size_t out) {
    return op.transpose_b ? values[out * columns + in] : values[in * columns + out];
  });
  return true;
}

// A 1×1 convolution of one place is a matrix.
bool through_convolution(const Graph& graph, const Node& node, const Conv2D& op, Backwards& state) {
  const Tensor* filter = constant(graph, node.inputs[1]);
  const Tensor* bias = node.inputs.size() > 2 ? constant(graph, node.inputs[2]) : nullptr;
  const Shape& in = graph.node(node.inputs[0]).output.shape;
  if (filter == nullptr || op.activation != Activation::kNone || !(op.padding == Padding{}) ||
      (node.inputs.size() > 2 && bias == nullptr) || in[1] != 1 || in[2] != 1 ||
      filter->shape()[0] != 1 || filter->shape()[1] != 1) {
    return false;
  }
  const auto values = filter->as<float>();
  const auto out = static_cast<std::size_t>(filter->shape()[3]);
  if (bias != nullptr) state.add(bias->as<float>(), 1);
  state.through_matrix(static_cast<std::size_t>(filter->shape()[2]),
                       [&](std::size_t i, std::size_t o) { return values[i * out + o]; });
  return true;
}

// Moves on through `value op constant`; the index of `value` among the inputs, or -1.
int through_binary(const Graph& graph, const Node& node, const Binary& op, Backwards& state) {
  const int value = constant(graph, node.inputs[0]) != nullptr ? 1 : 0;
  const Tensor* c = constant(graph, node.inputs[value == 0 ? 1 : 0]);
  if (c == nullptr) return -1;
  const auto values = c->as<float>();
  const std::int64_t elements =
      graph.node(node.inputs[static_cast<std::size_t>(value)]).output.shape.elements();
  if (elements != node.output.shape.elements() ||
      (values.size() != 1 && values.size() != state.inputs())) {
    return -1;
  }
  const auto at = [&](std::size_t i) {
    return static_cast<double>(values[values.size() == 1 ? 0 : i]);
  };
  switch (op.kind) {
    case Binary::Kind::kAdd:
      state.add(values, 1);
      return value;
    case Binary::Kind::kSub:
      if (value != 0) return -1;
      state.add(values, -1);
      return value;
    case Binary::Kind::kMul:
      state.scale(at);
      return value;
    case Binary::Kind::kDiv:
      if (value != 0) return -1;
      state.scale([&](std::size_t i) { return 1 / at(i); });
      return value;
    case Binary::Kind::kMaximum:
    case Binary::Kind::kMinimum:
      break;
  }
  return -1;
}

// An average over all places, whichever op says it.
bool is_global_average(const Node& node, const Shape& in) {
  if (in.rank() != 4 || in[0] != 1) return false;
  if (node.output.shape.elements() != in[3]) return false;
  const Op& op = std::get<Op>(node.body);
  if (const auto* pool = std::get_if<Pool>(&op)) {
    // One window that reaches over the whole image; what it reaches beyond does not count.
    return pool->kind == Pool::Kind::kAverage && pool->kernel_h - pool->padding.top >= in[1] &&
           pool->kernel_w - pool->padding.left >= in[2];
  }
  if (const auto* mean = std::get_if<Mean>(&op)) {
    std::vector<int> axes = mean->axes;
    std::sort(axes.begin(), axes.end());
    return axes == std::vector<int>{1, 2};
  }
  return false;
}

}  // namespace

std::vector<double> ClassMapPlan::map(std::span<const float> values, int k) const {
  const auto places = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  const auto depth = static_cast<std::size_t>(channels);
  const double* w = weights.data() + static_cast<std::size_t>(k) * depth;
  std::vector<double> out(places, 0.0);
  for (std::size_t p = 0; p < places; ++p) {
    for (std::size_t c = 0; c < depth; ++c) {
      out[p] += w[c] * static_cast<double>(values[p * depth + c]);
    }
  }
  return out;
}

Result<ClassMapPlan> plan_class_map(const Graph& graph, const std::string& output) {
  const auto last = graph.find(output);
  const auto* softmax = last ? std::get_if<Op>(&graph.node(*last).body) : nullptr;
  if (softmax == nullptr || !std::holds_alternative<Softmax>(*softmax)) {
    return unsupported("heat map: " + printable(output) +
                       " is no softmax: only classifiers that end in one can show where they look");
  }
  NodeId id = graph.node(*last).inputs[0];
  const std::int64_t classes = graph.node(id).output.shape.elements();
  ClassMapPlan plan;
  plan.logits = graph.node(id).name;
  plan.classes = static_cast<int>(classes);
  Backwards state(static_cast<std::size_t>(classes));
  while (true) {
    const Node& node = graph.node(id);
    const auto* op = std::get_if<Op>(&node.body);
    int next = -1;
    if (op != nullptr) {
      const Shape& in = graph.node(node.inputs[0]).output.shape;
      if (is_global_average(node, in)) {
        plan.activation = graph.node(node.inputs[0]).name;
        plan.rows = static_cast<int>(in[1]);
        plan.columns = static_cast<int>(in[2]);
        plan.channels = static_cast<int>(in[3]);
        state.scale([&](std::size_t) { return 1.0 / static_cast<double>(in[1] * in[2]); });
        plan.weights = std::move(state.weights());
        plan.bias = std::move(state.bias());
        return plan;
      }
      const auto* unary = std::get_if<Unary>(op);
      if (std::holds_alternative<Reshape>(*op) || std::holds_alternative<Reorder>(*op) ||
          (unary != nullptr && unary->kind == Unary::Kind::kIdentity)) {
        next = 0;
      } else if (const auto* matmul = std::get_if<MatMul>(op)) {
        next = through_matmul(graph, node, *matmul, state) ? 0 : -1;
      } else if (const auto* conv = std::get_if<Conv2D>(op)) {
        next = through_convolution(graph, node, *conv, state) ? 0 : -1;
      } else if (const auto* binary = std::get_if<Binary>(op)) {
        next = through_binary(graph, node, *binary, state);
      }
    }
    if (next < 0) {
      return unsupported("heat map: node " + printable(node.name) +
                         " stands between the last pool and the scores and is not linear: only "
                         "classifiers without such a one can show where they look");
    }
    id = node.inputs[static_cast<std::size_t>(next)];
  }
}

}  // namespace graft
