#include "model/spec.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace graft {
namespace {

struct Size {
  int pixels;
  double multiply_adds_m;
  double top1;
};
struct Width {
  const char* name;
  double parameters_m;
  int pooled;  // channels of the last convolution
  std::array<Size, 4> sizes;
};

// Howard et al., "MobileNets", 2017, and the accuracy of the checkpoints published in June 2017.
constexpr std::array<Width, 4> kMobileNets{{
    {"1.0", 4.24, 1024, {{{224, 569, 70.7}, {192, 418, 69.3}, {160, 291, 67.2}, {128, 186, 64.1}}}},
    {"0.75", 2.59, 768, {{{224, 317, 68.4}, {192, 233, 67.4}, {160, 162, 65.2}, {128, 104, 61.8}}}},
    {"0.50", 1.34, 512, {{{224, 150, 64.0}, {192, 110, 62.1}, {160, 77, 59.9}, {128, 49, 56.2}}}},
    {"0.25", 0.47, 256, {{{224, 41, 50.6}, {192, 34, 49.0}, {160, 21, 46.0}, {128, 14, 41.3}}}},
}};

constexpr const char* kKnown =
    "mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], inception_v3 or "
    "untrained_mobilenet_0.25_128";

ModelSpec mobilenet(const Width& width, const Size& size, bool quantized) {
  const std::string shape = std::string(width.name) + "_" + std::to_string(size.pixels);
  ModelSpec spec;
  spec.architecture = "mobilenet_" + shape + (quantized ? "_quantized" : "");
  spec.input_size = size.pixels;
  spec.norm = {127.5F, 127.5F};
  spec.input_tensor = "input:0";
  spec.feature_tensor = "MobilenetV1/Predictions/Reshape:0";
  spec.feature_width = 1001;
  spec.logits = {spec.feature_tensor, spec.feature_width};
  spec.pooled = {"MobilenetV1/Logits/AvgPool_1a/AvgPool:0", width.pooled, true};
  spec.folder = "mobilenet_v1_" + shape;
  spec.archive_file = spec.folder + "_frozen.tgz";
  spec.url = "http://download.tensorflow.org/models/" + spec.archive_file;
  spec.graph_file = quantized ? "quantized_graph.pb" : "frozen_graph.pb";
  if (shape == "0.25_128") {
    spec.sha256 = "30af63cf9039861bc03f86c7b8092fab754d51b27f042830c456ddbfa2b72fce";
  }
  spec.quantized = quantized;
  spec.multiply_adds_m = size.multiply_adds_m;
  spec.parameters_m = width.parameters_m;
  // The accuracy of the weight-quantized files was never published.
  spec.top1 = quantized ? 0 : size.top1;
  return spec;
}

ModelSpec inception_v3() {
  ModelSpec spec;
  spec.architecture = "inception_v3";
  spec.input_size = 299;
  spec.norm = {128.0F, 128.0F};
  spec.input_tensor = "Mul:0";
  spec.feature_tensor = "pool_3/_reshape:0";
  spec.feature_width = 2048;
  spec.logits = {"softmax/logits:0", 1008};
  spec.pooled = {spec.feature_tensor, spec.feature_width};
  spec.folder = "inception-2015-12-05";
  spec.archive_file = spec.folder + ".tgz";
  spec.url = "http://download.tensorflow.org/models/image/imagenet/" + spec.archive_file;
  spec.graph_file = "classify_image_graph_def.pb";
  spec.multiply_adds_m = 5700;
  spec.parameters_m = 23.9;
  spec.top1 = 77.9;
  return spec;
}

ModelSpec untrained() {
  ModelSpec spec = mobilenet(kMobileNets[3], kMobileNets[3].sizes[3], false);
  spec.architecture = "untrained_" + spec.architecture;
  spec.folder = "graft_untrained_0.25_128";
  spec.archive_file.clear();
  spec.url.clear();
  spec.sha256.clear();
  spec.untrained = true;
  spec.top1 = 0;
  return spec;
}

std::vector<ModelSpec> make_table() {
  std::vector<ModelSpec> table;
  for (const bool quantized : {false, true}) {
    for (const Width& width : kMobileNets) {
      for (const Size& size : width.sizes) table.push_back(mobilenet(width, size, quantized));
    }
  }
  table.push_back(inception_v3());
  table.push_back(untrained());
  return table;
}

// "mobilenet_0.50_", "mobilenet__224": text around a variable that was never set.
bool has_hole(const std::string& name) {
  return name.empty() || name == "mobilenet" || name.front() == '_' || name.back() == '_' ||
         name.find("__") != std::string::npos;
}

// "mobilenet_0.50_${IMAGE_SIZE}": text that the shell was expected to replace and did not.
bool has_unexpanded_variable(const std::string& name) {
  return name.find_first_of("$%{}") != std::string::npos;
}

// What people call the same networks, spelled our way: "mobilenet_v1_0.5_224",
// "mobilenet_1.00_224".
std::string tidied(const std::string& name) {
  std::string tidy;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('_', begin), name.size());
    std::string part = name.substr(begin, end - begin);
    begin = end + 1;
    if (part == "v1") continue;
    if (part == "0.5" || part == "50" || part == "050") part = "0.50";
    if (part == "1" || part == "1.00" || part == "100") part = "1.0";
    if (part == "75" || part == "075" || part == ".75") part = "0.75";
    if (part == "25" || part == "025" || part == ".25") part = "0.25";
    tidy += (tidy.empty() ? "" : "_") + part;
  }
  return tidy;
}

}  // namespace

std::span<const ModelSpec> all_models() {
  static const std::vector<ModelSpec> table = make_table();
  return table;
}

Result<ModelSpec> find_model(std::string_view architecture) {
  // The original lower-cases, too.
  const std::string name = to_lower_ascii(trim(architecture));
  std::vector<std::string> names;
  for (const ModelSpec& spec : all_models()) {
    if (spec.architecture == name) return spec;
    names.push_back(spec.architecture);
  }
  const std::string subject = "--architecture \"" + printable(architecture) + "\": ";
  if (has_unexpanded_variable(name)) {
    return invalid_argument(subject +
                            "the shell left a variable as it stands (single quotes, or not a POSIX "
                            "shell): write the name out, as in --architecture=mobilenet_0.50_224");
  }
  if (has_hole(name)) {
    return invalid_argument(subject +
                            "a part is missing, so a shell variable was probably never set (a new "
                            "terminal forgets them): set it and repeat the command, or write the "
                            "name out, as in --architecture=mobilenet_0.50_224");
  }
  std::string near = nearest(tidied(name), names);
  if (near.empty() && name.find("mobilenet") != std::string::npos) near = "mobilenet_0.50_224";
  if (near.empty() && name.find("inception") != std::string::npos) near = "inception_v3";
  return invalid_argument(subject + "no such network: " +
                          (near.empty() ? "use " : "did you mean " + near + "? Known are ") +
                          kKnown);
}

Result<ModelSpec> with_feature(ModelSpec spec, FeatureKind kind) {
  if (kind == FeatureKind::kOriginal) return spec;
  const bool logits = kind == FeatureKind::kLogits;
  const FeaturePoint& point = logits ? spec.logits : spec.pooled;
  if (point.tensor.empty()) {
    return invalid_argument(std::string("--feature=") + (logits ? "logits" : "pooled") + ": " +
                            spec.architecture + " has no such feature: leave the option out");
  }
  spec.has_text_caches = point.tensor == spec.feature_tensor;
  spec.feature_tensor = point.tensor;
  spec.feature_width = point.width;
  spec.flatten_feature = point.flatten;
  return spec;
}

std::vector<std::string> lines_to_type(std::string_view architecture) {
  const std::string name = to_lower_ascii(trim(architecture));
  if (!has_hole(name) && !has_unexpanded_variable(name)) return {};
  return {"IMAGE_SIZE=224", "ARCHITECTURE=\"mobilenet_0.50_${IMAGE_SIZE}\""};
}

}  // namespace graft
