#include "train/network_choice.h"

#include <string>
#include <utility>

#include "model/custom_network.h"

namespace graft {
namespace {

Result<ModelSpec> choose_spec(const RetrainOptions& options) {
  GRAFT_ASSIGN(ModelSpec spec, find_model(options.architecture));
  return with_feature(std::move(spec), options.feature);
}

}  // namespace

BackboneOptions backbone_options(const RetrainOptions& options) {
  BackboneOptions backbone;
  backbone.backend = options.backend;
  backbone.precision = options.precision;
  backbone.decode.apply_exif_orientation = options.apply_exif_orientation;
  backbone.decode.rule = options.decode_rule;
  return backbone;
}

Result<ChosenNetwork> choose_network(const RetrainOptions& options, RunObserver& observer) {
  ChosenNetwork chosen;
  if (options.custom.is_given()) {
    if (options.feature != FeatureKind::kOriginal) {
      return invalid_argument(
          "--feature: is for the networks of --architecture: with --graph, name the tensor with "
          "--bottleneck_layer");
    }
    GRAFT_ASSIGN(OpenedNetwork opened, open_custom_network(options.custom));
    for (const std::string& warning : opened.warnings) observer.on_warning(warning);
    observer.on_message(opened.chosen);
    chosen.spec = opened.spec;
    chosen.backbone = Backbone::create(std::move(opened.spec), std::move(opened.bytes),
                                       backbone_options(options), std::move(opened.def));
  } else {
    GRAFT_ASSIGN(chosen.spec, choose_spec(options));
  }
  const char* const other_features = options.precision == Precision::kInt8 ? "--precision=int8"
                                     : options.decode_rule != DecodeRule::kTensorFlow
                                         ? "--decode=fast"
                                         : nullptr;
  if (other_features != nullptr) {
    if (options.bottleneck_format == CacheFormat::kText) {
      return invalid_argument(
          std::string("--bottleneck_format=text: TensorFlow's text files hold what float32 and its "
                      "own decoding give: leave it or ") +
          other_features + " out");
    }
    chosen.spec.has_text_caches = false;
  }
  if (options.bottleneck_format == CacheFormat::kText && !chosen.spec.has_text_caches) {
    return invalid_argument(
        "--bottleneck_format=text: TensorFlow's text files hold another feature "
        "than " +
        chosen.spec.feature_tensor + ": leave one of the two out");
  }
  return chosen;
}

}  // namespace graft
