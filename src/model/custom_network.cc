#include "model/custom_network.h"

#include <cmath>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "graph/classifier_parts.h"
#include "graph/import.h"
#include "model/layer_names.h"

namespace graft {
namespace {

constexpr std::int64_t kMaxFeatureWidth = std::int64_t{1} << 20;  // as the feature cache has it
// Pixels of -1 to 1: what TensorFlow's own networks are mostly trained on.
constexpr float kUsualMean = 127.5F, kUsualStd = 127.5F;

std::string values_text(const Shape& shape) {
  return format_count(static_cast<std::uint64_t>(shape.elements())) + " values";
}

// Finds, one after the other, what open_custom_network() promises.
class Opening {
 public:
  Opening(const CustomNetwork& custom, OpenedNetwork& network)
      : custom_(custom), network_(network), subject_(printable(custom.graph)) {}

  Result<void> run() {
    ModelSpec& spec = network_.spec;
    spec.architecture = printable(file_name(custom_.graph));
    spec.graph_file = file_name(custom_.graph);
    spec.has_text_caches = false;
    relative_ = relative_of(network_.def);
    GRAFT_TRY(find_input());
    GRAFT_TRY(find_size());
    GRAFT_TRY(find_preprocessing());
    auto feature = find_feature();
    if (!feature.ok()) return std::move(feature).error();
    network_.chosen = subject_ + ": photos enter at " + printable(input_) + " (" +
                      std::to_string(spec.width()) + "x" + std::to_string(spec.height()) +
                      ", mean " + float_text(spec.norm.mean) + ", std " +
                      float_text(spec.norm.std) + "), the feature is " +
                      printable(without_port(spec.feature_tensor)) + " (" +
                      format_count(static_cast<std::uint64_t>(spec.feature_width)) + " values)";
    return {};
  }

 private:
  Result<void> find_input() {
    const wire::GraphDef& def = network_.def;
    if (!custom_.input_layer.empty()) {
      GRAFT_ASSIGN(input_, resolve_layer(def, "--input_layer", custom_.input_layer, custom_.graph));
    } else if (relative_ != nullptr) {
      input_ = without_port(relative_->input_tensor);
    } else {
      const std::vector<PhotoInput> inputs = photo_inputs(def);
      if (inputs.empty()) {
        return invalid_argument(subject_ +
                                ": has no placeholder that photos could enter at: name "
                                "the tensor with --input_layer (graft inspect shows the graph)");
      }
      if (inputs.size() > 1) {
        std::string names;
        for (const PhotoInput& input : inputs) {
          names += (names.empty() ? "" : ", ") + printable(input.node);
        }
        return invalid_argument(subject_ + ": photos could enter at " + names +
                                ": name one with --input_layer");
      }
      input_ = inputs[0].node;
    }
    network_.spec.input_tensor = input_ + ":0";
    return {};
  }

  Result<void> find_size() {
    std::int64_t height = 0, width = 0;
    for (const wire::NodeDef& node : network_.def.node()) {
      if (node.name() != input_) continue;
      const PhotoInput declared = photo_input(node);
      height = declared.height;
      width = declared.width;
    }
    const bool is_relatives =
        relative_ != nullptr && input_ == without_port(relative_->input_tensor);
    if (height == 0 && is_relatives) height = relative_->height();
    if (width == 0 && is_relatives) width = relative_->width();
    // One given alone means a square.
    if (custom_.input_height || custom_.input_width) {
      height = custom_.input_height.value_or(custom_.input_width.value_or(0));
      width = custom_.input_width.value_or(custom_.input_height.value_or(0));
    }
    if (height == 0 || width == 0) {
      return invalid_argument(subject_ + ": " + printable(input_) +
                              " does not say the size of its photos: give --input_height and "
                              "--input_width as it was trained");
    }
    if (std::min(height, width) < 1 || std::max(height, width) > kMaxInputSide) {
      return invalid_argument(subject_ + ": photos of " + std::to_string(width) + "x" +
                              std::to_string(height) +
                              " cannot be: give --input_height and --input_width in pixels");
    }
    network_.spec.input_size = static_cast<int>(height);
    network_.spec.input_width = static_cast<int>(width);
    return {};
  }

  Result<void> find_preprocessing() {
    Normalization& norm = network_.spec.norm;
    norm = relative_ != nullptr ? relative_->norm : Normalization{kUsualMean, kUsualStd};
    if (relative_ == nullptr && !(custom_.input_mean && custom_.input_std)) {
      network_.warnings.push_back(
          subject_ +
          ": does not say how its photos are prepared: mean 127.5 and std 127.5 (-1 to "
          "1) are taken where not given; give --input_mean and --input_std as it was trained");
    }
    norm.mean = custom_.input_mean.value_or(norm.mean);
    norm.std = custom_.input_std.value_or(norm.std);
    if (!std::isfinite(norm.mean) || !std::isfinite(norm.std) || norm.std == 0) {
      return invalid_argument(
          "--input_mean, --input_std: not usable numbers: give 127.5 and 127.5 "
          "for pixels of -1 to 1");
    }
    return {};
  }

  Result<void> find_feature() {
    const std::vector<std::int64_t> shape{1, network_.spec.height(), network_.spec.width(), 3};
    if (!custom_.bottleneck_layer.empty()) {
      GRAFT_ASSIGN(const std::string node, resolve_layer(network_.def, "--bottleneck_layer",
                                                         custom_.bottleneck_layer, custom_.graph));
      ImportOptions import;
      import.input = input_;
      import.outputs = {node};
      import.input_shape = shape;
      auto graph = import_graph_def(network_.def, import);
      if (!graph.ok()) return with_context(subject_, std::move(graph).error());
      const TensorSpec& output = graph->node(graph->outputs()[0]).output;
      if (output.dtype != DType::kF32 || output.shape.elements() > kMaxFeatureWidth) {
        return invalid_argument("--bottleneck_layer " + printable(node) + ": is " +
                                std::string(name_of(output.dtype)) + " " +
                                output.shape.to_string() +
                                ", which is no feature: name one of the vectors that graft inspect "
                                "lists");
      }
      take(node, output.shape);
      return {};
    }
    auto found = feature_candidates(network_.def, input_, shape);
    if (!found.ok()) return with_context(subject_, std::move(found).error());
    if (!found->clear) {
      std::string list;
      for (const FeatureCandidate& candidate : found->all) {
        list += (list.empty() ? "" : ", ") + printable(candidate.node) + " (" +
                values_text(candidate.shape) + ")";
      }
      return invalid_argument(subject_ +
                              ": which layer gives the feature is not clear, it could be " + list +
                              ": name one with --bottleneck_layer");
    }
    const FeatureCandidate& feature = found->all.front();
    take(feature.node, feature.shape);
    return {};
  }

  void take(const std::string& node, const Shape& shape) {
    ModelSpec& spec = network_.spec;
    spec.feature_tensor = node + ":0";
    spec.feature_width = static_cast<int>(shape.elements());
    spec.flatten_feature = !(shape.rank() == 2 && shape[0] == 1);
  }

  const CustomNetwork& custom_;
  OpenedNetwork& network_;
  const std::string subject_;
  const ModelSpec* relative_ = nullptr;
  std::string input_;
};

}  // namespace

const ModelSpec* relative_of(const wire::GraphDef& def) {
  std::unordered_set<std::string_view> names;
  for (const wire::NodeDef& node : def.node()) names.insert(node.name());
  for (const ModelSpec& spec : all_models()) {
    if (names.contains(without_port(spec.input_tensor)) &&
        names.contains(without_port(spec.feature_tensor))) {
      return &spec;
    }
  }
  return nullptr;
}

Result<OpenedNetwork> open_custom_network(const CustomNetwork& custom) {
  OpenedNetwork network;
  GRAFT_ASSIGN(MappedFile file, MappedFile::open(custom.graph));
  network.bytes.origin = custom.graph;
  network.bytes.mapped = std::make_shared<const MappedFile>(std::move(file));
  auto def = parse_graph_def(network.bytes.graph_def());
  if (!def.ok()) return with_context(printable(custom.graph), std::move(def).error());
  network.def = std::move(def).value();
  GRAFT_TRY(Opening(custom, network).run());
  return network;
}

}  // namespace graft
