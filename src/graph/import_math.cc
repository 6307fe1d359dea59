// Element-wise ops, matrix products and normalisations.
#include <string>

#include "graph/import_ops.h"
#include "graph/topology.h"

namespace graft {
namespace {

// An operand that is not channels first beside one that is. TensorFlow aligns shapes at their last
// axes, so that one number for each channel of [N,C,H,W] is [C,1,1] or [1,C,1,1]; beside [N,H,W,C]
// it is [C].
Result<NodeId> beside_channels_first(NodeImport& node, std::size_t i) {
  const Shape& own = node.spec(i).shape;
  if (own.elements() == 1 && own.rank() <= 4) return node.input(i);
  const bool for_each_channel =
      (own.rank() == 3 || own.rank() == 4) && own.elements() == own[own.rank() - 3];
  if (for_each_channel) return node.reshaped(node.input(i), Shape{own.elements()});
  return node.not_handled("an operand of shape " + own.to_string() + " beside the channels-first " +
                          node.shape_in_file(1 - i).to_string() +
                          " is not handled, one of shape [1,channels,1,1] is: export the graph "
                          "with NHWC");
}

Result<NodeId> binary_of(NodeImport& node, Binary::Kind kind) {
  GRAFT_TRY(node.expect_type("T"));
  std::vector<NodeId> operands = {node.input(0), node.input(1)};
  if (node.channels_first(0) != node.channels_first(1)) {
    const std::size_t other = node.channels_first(0) ? 1 : 0;
    GRAFT_ASSIGN(operands[other], beside_channels_first(node, other));
  }
  return node.op(Binary{kind}, std::move(operands));
}

template <Binary::Kind kKind>
Result<NodeId> import_binary(NodeImport& node) {
  return binary_of(node, kKind);
}

template <Unary::Kind kKind>
Result<NodeId> import_unary(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  return node.op_of_all(Unary{kKind});
}

// A vector over the channels: broadcasting over the last axis does the same.
Result<NodeId> import_bias_add(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_TRY(expect_data_format(node));
  const Shape& x = node.spec(0).shape;
  const Shape& bias = node.spec(1).shape;
  if (x.rank() < 2 || bias.rank() != 1 || bias[0] != x[x.rank() - 1]) {
    return node.bad("a bias of shape " + bias.to_string() + " does not fit an input of shape " +
                    node.shape_in_file(0).to_string());
  }
  return node.op_of_all(Binary{Binary::Kind::kAdd});
}

Result<NodeId> import_mat_mul(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  MatMul op;
  GRAFT_ASSIGN(op.transpose_a, node.attributes.flag("transpose_a", false));
  GRAFT_ASSIGN(op.transpose_b, node.attributes.flag("transpose_b", false));
  return node.op_of_all(op);
}

Result<NodeId> import_softmax(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  return node.op_of_all(Softmax{});
}

// Inputs t, mean, variance, beta, gamma: the order of our own op.
Result<NodeId> import_batch_norm_with_global_normalization(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  BatchNorm op;
  GRAFT_ASSIGN(op.epsilon, node.attributes.number("variance_epsilon"));
  GRAFT_ASSIGN(op.scale, node.attributes.flag("scale_after_normalization"));
  if (!(op.epsilon >= 0.0F)) return node.bad("attribute variance_epsilon is negative");
  return node.op_of_all(op);
}

// Inputs x, scale, offset, mean, variance.
Result<NodeId> import_fused_batch_norm(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_TRY(expect_data_format(node));
  GRAFT_ASSIGN(const bool is_training, node.attributes.flag("is_training", true));
  if (is_training) {
    return node.not_handled("is in training mode: freeze the graph for inference");
  }
  BatchNorm op;
  op.scale = true;
  GRAFT_ASSIGN(op.epsilon, node.attributes.number("epsilon", 1e-4F));
  if (!(op.epsilon >= 0.0F)) return node.bad("attribute epsilon is negative");
  return node.op(op, {node.input(0), node.input(3), node.input(4), node.input(2), node.input(1)});
}

Result<NodeId> import_dequantize(NodeImport& node) {
  GRAFT_ASSIGN(const wire::DataType type, node.attributes.type("T"));
  if (type != wire::DT_QUINT8) return node.not_handled("only quint8 is handled");
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_ASSIGN(const std::string_view mode, node.attributes.text("mode", "MIN_COMBINED"));
  if (mode != "MIN_FIRST") {
    return node.not_handled("mode " + quoted(mode) + " is not handled, MIN_FIRST is");
  }
  GRAFT_ASSIGN(const bool narrow, node.attributes.flag("narrow_range", false));
  if (narrow) return node.not_handled("narrow_range is not handled");
  if (node.attributes.has("axis")) {
    GRAFT_ASSIGN(const std::int64_t axis, node.attributes.integer("axis"));
    if (axis != -1) return node.not_handled("a range for each slice is not handled");
  }
  GRAFT_ASSIGN(const wire::DataType result, node.attributes.type("dtype", wire::DT_FLOAT));
  if (result != wire::DT_FLOAT) return node.not_handled("only a float result is handled");
  return node.op_of_all(Dequantize{});
}

}  // namespace

std::span<const OpImporter> math_importers() {
  using B = Binary::Kind;
  using U = Unary::Kind;
  constexpr auto first = ChannelsFirst::kFirstInput;
  constexpr auto any = ChannelsFirst::kAnyInput;
  static const std::vector<std::string_view> fused_norm = {
      "T", "U", "epsilon", "exponential_avg_factor", "data_format", "is_training"};
  static const std::vector<OpImporter> table = {
      {"Add", 2, 2, {"T"}, import_binary<B::kAdd>, any},
      {"AddV2", 2, 2, {"T"}, import_binary<B::kAdd>, any},
      {"Sub", 2, 2, {"T"}, import_binary<B::kSub>, any},
      {"Mul", 2, 2, {"T"}, import_binary<B::kMul>, any},
      {"RealDiv", 2, 2, {"T"}, import_binary<B::kDiv>, any},
      {"Maximum", 2, 2, {"T"}, import_binary<B::kMaximum>, any},
      {"Minimum", 2, 2, {"T"}, import_binary<B::kMinimum>, any},
      {"Relu", 1, 1, {"T"}, import_unary<U::kRelu>, first},
      {"Relu6", 1, 1, {"T"}, import_unary<U::kRelu6>, first},
      {"Rsqrt", 1, 1, {"T"}, import_unary<U::kRsqrt>, first},
      {"Sqrt", 1, 1, {"T"}, import_unary<U::kSqrt>, first},
      {"Exp", 1, 1, {"T"}, import_unary<U::kExp>, first},
      {"Neg", 1, 1, {"T"}, import_unary<U::kNeg>, first},
      {"Square", 1, 1, {"T"}, import_unary<U::kSquare>, first},
      {"Sigmoid", 1, 1, {"T"}, import_unary<U::kSigmoid>, first},
      {"Tanh", 1, 1, {"T"}, import_unary<U::kTanh>, first},
      {"BiasAdd", 2, 2, {"T", "data_format"}, import_bias_add, first},
      {"MatMul", 2, 2, {"T", "transpose_a", "transpose_b"}, import_mat_mul},
      {"Softmax", 1, 1, {"T"}, import_softmax},
      {"BatchNormWithGlobalNormalization",
       5,
       5,
       {"T", "variance_epsilon", "scale_after_normalization"},
       import_batch_norm_with_global_normalization},
      {"FusedBatchNorm", 5, 5, fused_norm, import_fused_batch_norm, first},
      {"FusedBatchNormV2", 5, 5, fused_norm, import_fused_batch_norm, first},
      {"FusedBatchNormV3", 5, 5, fused_norm, import_fused_batch_norm, first},
      {"Dequantize", 3, 3, {"T", "mode", "narrow_range", "axis", "dtype"}, import_dequantize},
  };
  return table;
}

}  // namespace graft
