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
  // Of the official files of June 2017, where they were at hand; else 0 and empty.
  std::uint64_t archive_bytes = 0;
  const char* archive_sha256 = "";
  const char* float_sha256 = "";
  const char* quantized_sha256 = "";
};
struct Width {
  const char* name;
  double parameters_m;
  int pooled;                                  // channels of the last convolution
  std::uint64_t float_bytes, quantized_bytes;  // official graph files, all sizes alike; 0: not seen
  std::array<Size, 4> sizes;
};

// Howard et al., "MobileNets", 2017, and the accuracy of the checkpoints published in June 2017.
constexpr std::array<Width, 4> kMobileNets{{
    {"1.0",
     4.24,
     1024,
     0,
     0,
     {{{224, 569, 70.7}, {192, 418, 69.3}, {160, 291, 67.2}, {128, 186, 64.1}}}},
    {"0.75",
     2.59,
     768,
     0,
     2969694,
     {{{224, 317, 68.4, 0, "", "",
        "5870f323860a793cce6a7d3a31b558535fe375528334ea0dfb23d5060b94a714"},
       {192, 233, 67.4, 0, "", "",
        "a44d0bbb8ff94b994729cb57ffbc2dda90b09f050470ce794c7d26f98c91253a"},
       {160, 162, 65.2, 0, "", "",
        "4f4b12fbb684914f9296c6febb5ff671da09da80e431bd3031611b7c5608e9b2"},
       {128, 104, 61.8, 0, "", "",
        "83bbf85dee6f3b78f097ea5bd668a925d44dbf16ad1729a4021246b06274e9d0"}}}},
    {"0.50",
     1.34,
     512,
     0,
     1651524,
     {{{224, 150, 64.0, 0, "", "",
        "42eed25cc25407e8f11dcbbf7a089a9d12747ddd20599aaa9ba194a829e97653"},
       {192, 110, 62.1, 0, "", "",
        "564b65b05d24c19107f13f0c076548f2f182892db1e31d1bd51c1661a0c2d189"},
       {160, 77, 59.9, 0, "", "",
        "72e92a4b245384603dbad3359c72828fd1ed2ce76666b11b7f518d2a67b575b9"},
       {128, 49, 56.2, 0, "", "",
        "9a9bd86e05abdc2c5a77f831e9c307cc3895acd70d847db256074d54b4420be7"}}}},
    {"0.25",
     0.47,
     256,
     1998252,
     941805,
     {{{224, 41, 50.6, 2621521, "1cddeede49eb35af36061aaa66bf643b81f7ea89abc85f6ffef8f0bf00891756",
        "bf56de7d43277493cbf251dc97e5ce3332725f2d134cf62418d666278f9b5ff7",
        "afd3860980c05c339d823c575f87b4cc54cc03ab151855809a59186ef719b0d7"},
       {192, 34, 49.0, 2618689, "a3872bf6231336e3e66778e95a2b6abf88d26cbaf3e772c6ea6ec2a422b95be6",
        "1bc748dd780c677c59370659e5484e038e17b48de45520a54fc5cb9568198f29",
        "ce3850cbcde8ddb036da0fe16985d9c2ccb37f1a4f4c49b98b2ce774508022a9"},
       {160, 21, 46.0, 2621767, "2b2eb36110bc63f4cf749ef114063f45651be7e9d9eacb315eeedc023ab8a2f5",
        "45e57efffce7921acdbafc9c9e5cb660144a91908bf61e5753810a7424923f1e",
        "9dd991eefdfeadbe3d33355554416807aa5f2e1349bd927c9c2dc2c4b0d72fd1"},
       {128, 14, 41.3, 2617289, "30af63cf9039861bc03f86c7b8092fab754d51b27f042830c456ddbfa2b72fce",
        "76fec915bb13a76014a1863ff0976f848d8506388a76fe571e7b366541cc812f",
        "221cd63ad56dec7eec4e1868f0009ccac6c0ce6c32bba57234c62987a9124ff7"}}}},
}};

FileSize size_or(std::uint64_t seen, double derived) {
  return seen > 0 ? FileSize{seen, true} : FileSize{static_cast<std::uint64_t>(derived), false};
}

// What a graph file comes to: four bytes a parameter and 0.11 MB of names, as the files of 0.25
// show. Quantized, a byte a parameter and 0.4 MB: names, and the small tensors, which stay float.
FileSize graph_size(const Width& width, bool quantized) {
  const double parameters = width.parameters_m * 1e6;
  return quantized ? size_or(width.quantized_bytes, parameters + 0.4e6)
                   : size_or(width.float_bytes, 4 * parameters + 0.11e6);
}

// An archive holds both graph files; gzip leaves nine tenths of the float one, three quarters of
// the other.
FileSize archive_size(const Width& width, const Size& size) {
  return size_or(size.archive_bytes, 0.92 * static_cast<double>(graph_size(width, false).bytes) +
                                         0.75 * static_cast<double>(graph_size(width, true).bytes));
}

constexpr const char* kKnown =
    "mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], inception_v3 or "
    "untrained_mobilenet_0.25_128";

ModelSpec mobilenet(const Width& width, const Size& size, bool quantized) {
  const std::string shape = std::string(width.name) + "_" + std::to_string(size.pixels);
  ModelSpec spec;
  spec.architecture = "mobilenet_" + shape + (quantized ? "_quantized" : "");
  spec.input_size = size.pixels;
  spec.width_multiplier = std::stod(width.name);
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
  spec.sha256 = size.archive_sha256;
  spec.graph_sha256 = quantized ? size.quantized_sha256 : size.float_sha256;
  spec.archive_size = archive_size(width, size);
  spec.graph_size = graph_size(width, quantized);
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
  // As many published logs of its download and checksum lists of its graph have them.
  spec.graph_sha256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6";
  spec.archive_size = {88931400, true};
  spec.graph_size = {95673916, true};
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
  spec.graph_sha256.clear();
  spec.archive_size = {};
  spec.graph_size.exact = false;
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

double ranking_top1(const ModelSpec& spec) {
  if (!spec.quantized) return spec.top1;
  for (const ModelSpec& other : all_models()) {
    if (other.folder == spec.folder && !other.quantized) return other.top1;
  }
  return 0;
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

std::string architecture_named_by(std::string_view name) {
  std::string rest = to_lower_ascii(name);
  // "x (1).tgz", "x (1)": the second download of a browser.
  if (const std::size_t copy = rest.find(" ("); copy != std::string::npos) rest.resize(copy);
  bool shortened = true;
  while (shortened) {
    shortened = false;
    for (const std::string_view end : {".tgz", ".gz", ".tar", ".zip", ".pb", "_frozen", "_graph",
                                       "_quantized", "_quant", "_float"}) {
      if (!rest.ends_with(end)) continue;
      rest.resize(rest.size() - end.size());
      shortened = true;
    }
  }
  const std::string tidy = tidied(rest);
  for (const ModelSpec& spec : all_models()) {
    if (spec.quantized || spec.untrained) continue;
    if (spec.architecture == tidy || spec.folder == rest) return spec.architecture;
  }
  return "";
}

std::vector<std::string> lines_to_type(std::string_view architecture) {
  const std::string name = to_lower_ascii(trim(architecture));
  if (!has_hole(name) && !has_unexpanded_variable(name)) return {};
  return {"IMAGE_SIZE=224", "ARCHITECTURE=\"mobilenet_0.50_${IMAGE_SIZE}\""};
}

}  // namespace graft
