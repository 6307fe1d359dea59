#include "model/identify.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "graph/import.h"
#include "model/export.h"

namespace graft {
namespace {

// MobileNet V1 of width 1.0 ends in this many channels (Howard et al., 2017, table 1).
constexpr double kLastChannels = 1024;
constexpr const char* kMobileNetInput = "input";
constexpr const char* kMobileNetFeature = "MobilenetV1/Predictions/Reshape";
constexpr const char* kPool = "MobilenetV1/Logits/AvgPool_1a/AvgPool";
constexpr const char* kMobilenetLogits = "MobilenetV1/Logits/Conv2d_1c_1x1/BiasAdd";

bool has_node(const wire::GraphDef& def, std::string_view name) {
  return std::any_of(def.node().begin(), def.node().end(),
                     [name](const wire::NodeDef& node) { return node.name() == name; });
}

bool has_op(const wire::GraphDef& def, std::string_view op) {
  return std::any_of(def.node().begin(), def.node().end(),
                     [op](const wire::NodeDef& node) { return node.op() == op; });
}

// Trained biases are never all zero.
bool last_layer_untrained(const Graph& graph) {
  const auto logits = graph.find(kMobilenetLogits);
  if (!logits || graph.node(*logits).inputs.size() < 2) return false;
  const auto* biases = std::get_if<Constant>(&graph.node(graph.node(*logits).inputs.back()).body);
  if (biases == nullptr || biases->value->dtype() != DType::kF32) return false;
  const auto values = biases->value->as<float>();
  return std::all_of(values.begin(), values.end(), [](float value) { return value == 0.0F; });
}

Result<ModelSpec> identify_mobilenet(const wire::GraphDef& def) {
  ImportOptions options;
  options.input = kMobileNetInput;
  options.outputs = {kMobileNetFeature};
  GRAFT_ASSIGN(const Graph graph, import_graph_def(def, options));
  const auto input = graph.find(kMobileNetInput);
  const auto pool = graph.find(kPool);
  const Error unknown = unsupported(
      "has MobileNet's nodes, but none of the codelab's 16 shapes: graft inspect shows what it is");
  if (!input || !pool || graph.node(*input).output.shape.rank() != 4 ||
      graph.node(*pool).output.shape.rank() != 4) {
    return unknown;
  }
  const auto pixels = graph.node(*input).output.shape[1];
  const auto channels = static_cast<double>(graph.node(*pool).output.shape[3]);
  const bool quantized = has_op(def, "Dequantize");
  const bool untrained = !quantized && last_layer_untrained(graph);
  std::optional<ModelSpec> found;
  for (const ModelSpec& spec : all_models()) {
    if (spec.feature_tensor.substr(0, spec.feature_tensor.find(':')) != kMobileNetFeature ||
        spec.quantized != quantized || spec.input_size != pixels ||
        channels != std::round(kLastChannels * spec.width_multiplier)) {
      continue;
    }
    // The built-in network has the shape of one of the others and stands behind it in the table.
    if (!spec.untrained || untrained) found = spec;
  }
  if (!found) return unknown;
  return *found;
}

}  // namespace

Result<ModelSpec> identify_network(const wire::GraphDef& def) {
  if (embedded_side_file(def).ok() || has_node(def, "final_training_ops/weights/final_weights")) {
    return unsupported(
        "is a classifier that was retrained already, not a pretrained network: use it with graft "
        "label --graph");
  }
  if (has_node(def, "Mul") && has_node(def, "pool_3/_reshape") && has_node(def, "mixed_10/join")) {
    return find_model("inception_v3");
  }
  if (has_node(def, kMobileNetInput) && has_node(def, kMobileNetFeature)) {
    return identify_mobilenet(def);
  }
  return unsupported(
      "is none of the codelab's networks (no nodes of MobileNet V1 or Inception V3): graft inspect "
      "shows what it is");
}

}  // namespace graft
