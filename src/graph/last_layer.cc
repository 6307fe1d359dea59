#include "graph/last_layer.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "graph/rebuild.h"

namespace graft {
namespace {

// Past what only gives another shape.
NodeId source_of(const Graph& graph, NodeId id) {
  for (;;) {
    const Op* const op = op_of(graph, id);
    const auto* unary = op == nullptr ? nullptr : std::get_if<Unary>(op);
    const bool same =
        op != nullptr && (std::holds_alternative<Reshape>(*op) ||
                          (unary != nullptr && unary->kind == Unary::Kind::kIdentity));
    if (!same) return id;
    id = graph.node(id).inputs[0];
  }
}

// The product of a row with a matrix that the op is, if it is one.
std::optional<MatMul> as_product(const Op& op, const Shape& x, const Shape& weights) {
  if (const auto* product = std::get_if<MatMul>(&op)) {
    return product->transpose_a ? std::nullopt : std::optional(*product);
  }
  const auto* conv = std::get_if<Conv2D>(&op);
  const bool one_pixel = conv != nullptr && x.elements() == x[3] && weights[0] == 1 &&
                         weights[1] == 1 && conv->padding == Padding{};
  return one_pixel ? std::optional(MatMul{false, false, conv->activation}) : std::nullopt;
}

// The product on its own. Errors: one constant in two places, which would need two names.
Result<LastLayer> apart(const Graph& graph, const Node& node, const MatMul& product,
                        std::int64_t photos) {
  const Node& before = graph.node(node.inputs[0]);
  const std::int64_t channels = before.output.shape.elements();
  LastLayer last{before.name, channels, {}, node.name};
  GRAFT_ASSIGN(const NodeId x,
               last.layer.add_input("photos", {DType::kF32, {photos, channels}, Layout::kDense}));
  std::vector<NodeId> inputs{x};
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor& weights = *f32_constant(graph, node.inputs[i]);
    const bool filter = i == 1 && weights.shape().rank() == 4;
    const Shape shape =
        filter ? Shape{channels, weights.shape().elements() / channels} : weights.shape();
    auto value = std::make_shared<const Tensor>(Tensor::from(shape, weights.as<float>()));
    GRAFT_ASSIGN(const NodeId id,
                 last.layer.add_constant(graph.node(node.inputs[i]).name, std::move(value)));
    inputs.push_back(id);
  }
  GRAFT_TRY(last.layer.add_op(node.name, product, std::move(inputs)));
  return last;
}

}  // namespace

std::optional<LastLayer> last_layer(const Graph& graph, const std::string& output,
                                    std::int64_t photos) {
  const std::optional<NodeId> asked = graph.find(output);
  if (!asked) return std::nullopt;
  const Node& node = graph.node(source_of(graph, *asked));
  const auto* const op = std::get_if<Op>(&node.body);
  if (op == nullptr || node.inputs.size() < 2) return std::nullopt;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (f32_constant(graph, node.inputs[i]) == nullptr) return std::nullopt;
  }
  const TensorSpec& x = graph.node(node.inputs[0]).output;
  if (x.dtype != DType::kF32 || node.output.dtype != DType::kF32 || x.shape[0] != 1) {
    return std::nullopt;
  }
  const auto product = as_product(*op, x.shape, graph.node(node.inputs[1]).output.shape);
  if (!product) return std::nullopt;
  auto last = apart(graph, node, *product, photos);
  return last.ok() ? std::optional(std::move(last).value()) : std::nullopt;
}

}  // namespace graft
