#include "cli/network_options.h"

#include "base/text.h"
#include "cli/models.h"

namespace graft {

void declare_network(Options& options, RetrainOptions& run, const std::string& architecture_help) {
  declare_architecture(options, run.architecture, architecture_help);
  options.choice<FeatureKind>(
      "feature", run.feature,
      {{"original", FeatureKind::kOriginal},
       {"logits", FeatureKind::kLogits},
       {"pooled", FeatureKind::kPooled}},
      "Which values the new layer learns from: TensorFlow's script takes a MobileNet's logits and "
      "Inception's pooled values.");
  options.choice<Precision>(
      "precision", run.precision, {{"float32", Precision::kFloat32}, {"int8", Precision::kInt8}},
      "int8: the network in whole numbers, 1.4 to 3 times as fast on processors with VNNI, "
      "calibrated on your own photos; features differ a little and are cached apart.");
}

void declare_decoding(Options& options, RetrainOptions& run) {
  options.flag("exif", run.apply_exif_orientation,
               "Turn phone photos upright (TensorFlow does not).");
  options.choice<DecodeRule>(
      "decode", run.decode_rule,
      {{"exact", DecodeRule::kTensorFlow}, {"fast", DecodeRule::kAreaMean}},
      "exact: as TensorFlow does. fast: large JPEGs come at 1/2, 1/4 or 1/8 of their size, and of "
      "photos of twice the network's size or more each value is the mean of its area instead of a "
      "point in it; features differ and are cached apart.");
}

void declare_custom_network(Options& options, RetrainOptions& run) {
  CustomNetwork& custom = run.custom;
  options.group("A network of your own, in place of --architecture");
  options.text("graph", custom.graph, "FILE",
               "A frozen TensorFlow classifier (.pb); graft inspect shows its layers.");
  options.text("input_layer", custom.input_layer, "NAME",
               "Where photos enter. Left out: its only placeholder.");
  options.text("bottleneck_layer", custom.bottleneck_layer, "NAME",
               "What the new layer learns from. Left out: what its last layer takes.");
  options.integer("input_height", custom.input_height,
                  "Height of its photos, where it leaves it open.", 1, 8192);
  options.integer("input_width", custom.input_width, "Width of its photos.", 1, 8192);
  options.number("input_mean", custom.input_mean, "Subtracted from each pixel value.", -1e6, 1e6);
  options.number("input_std", custom.input_std, "Divides what is left.", 1e-6, 1e6);
}

std::optional<int> check_network(const Options& options, const RetrainOptions& run,
                                 Console& console) {
  if (!options.given("graph")) {
    for (const char* name : {"input_layer", "bottleneck_layer", "input_height", "input_width",
                             "input_mean", "input_std"}) {
      if (options.given(name)) {
        return console.fail(invalid_argument(std::string("--") + name +
                                             ": belongs to a network of your own: name it with "
                                             "--graph, or leave the option out"));
      }
    }
    return check_architecture(run.architecture, console);
  }
  if (options.given("architecture")) {
    return console.fail(
        invalid_argument("--graph, --architecture: both name a network: leave one of the two out"));
  }
  if (!run.custom.is_given()) {
    return console.fail(invalid_argument(
        "--graph: its value is empty (a shell variable that was never set?): name a .pb file"));
  }
  return std::nullopt;
}

}  // namespace graft
