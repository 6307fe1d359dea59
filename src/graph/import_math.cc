// Element-wise ops, matrix products and normalisations.
#include <string>

#include "graph/import_ops.h"
#include "graph/topology.h"

namespace graft {
namespace {

template <Binary::Kind kKind>
Result<NodeId> import_binary(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  return node.op_of_all(Binary{kKind});
}

template <Unary::Kind kKind>
Result<NodeId> import_unary(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  return node.op_of_all(Unary{kKind});
}

// A vector over the last axis: NHWC's broadcasting does the same.
Result<NodeId> import_bias_add(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_TRY(expect_nhwc(node));
  const Shape& x = node.spec(0).shape;
  const Shape& bias = node.spec(1).shape;
  if (x.rank() < 2 || bias.rank() != 1 || bias[0] != x[x.rank() - 1]) {
    return node.bad("a bias of shape " + bias.to_string() + " does not fit an input of shape " +
                    x.to_string());
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
  GRAFT_TRY(expect_nhwc(node));
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
  static const std::vector<std::string_view> fused_norm = {
      "T", "U", "epsilon", "exponential_avg_factor", "data_format", "is_training"};
  static const std::vector<OpImporter> table = {
      {"Add", 2, 2, {"T"}, import_binary<B::kAdd>},
      {"AddV2", 2, 2, {"T"}, import_binary<B::kAdd>},
      {"Sub", 2, 2, {"T"}, import_binary<B::kSub>},
      {"Mul", 2, 2, {"T"}, import_binary<B::kMul>},
      {"RealDiv", 2, 2, {"T"}, import_binary<B::kDiv>},
      {"Maximum", 2, 2, {"T"}, import_binary<B::kMaximum>},
      {"Minimum", 2, 2, {"T"}, import_binary<B::kMinimum>},
      {"Relu", 1, 1, {"T"}, import_unary<U::kRelu>},
      {"Relu6", 1, 1, {"T"}, import_unary<U::kRelu6>},
      {"Rsqrt", 1, 1, {"T"}, import_unary<U::kRsqrt>},
      {"Sqrt", 1, 1, {"T"}, import_unary<U::kSqrt>},
      {"Exp", 1, 1, {"T"}, import_unary<U::kExp>},
      {"Neg", 1, 1, {"T"}, import_unary<U::kNeg>},
      {"Square", 1, 1, {"T"}, import_unary<U::kSquare>},
      {"Sigmoid", 1, 1, {"T"}, import_unary<U::kSigmoid>},
      {"Tanh", 1, 1, {"T"}, import_unary<U::kTanh>},
      {"BiasAdd", 2, 2, {"T", "data_format"}, import_bias_add},
      {"MatMul", 2, 2, {"T", "transpose_a", "transpose_b"}, import_mat_mul},
      {"Softmax", 1, 1, {"T"}, import_softmax},
      {"BatchNormWithGlobalNormalization",
       5,
       5,
       {"T", "variance_epsilon", "scale_after_normalization"},
       import_batch_norm_with_global_normalization},
      {"FusedBatchNorm", 5, 5, fused_norm, import_fused_batch_norm},
      {"FusedBatchNormV2", 5, 5, fused_norm, import_fused_batch_norm},
      {"FusedBatchNormV3", 5, 5, fused_norm, import_fused_batch_norm},
      {"Dequantize", 3, 3, {"T", "mode", "narrow_range", "axis", "dtype"}, import_dequantize},
  };
  return table;
}

}  // namespace graft
