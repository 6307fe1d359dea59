// The side file's JSON, and the same inside the graph. Layout: docs/formats/side_file.md.
#include <cmath>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "model/calibration.h"
#include "model/export.h"

namespace graft {
namespace {

constexpr const char* kSideFileFormat = "graft-classifier";
constexpr int kSideFileVersion = 1;
constexpr const char* kAttribute = "_graft_classifier";
constexpr const char* kFast = "fast";  // as --decode spells it; exact goes without saying
constexpr const char* kInt8 = "int8";  // float32 goes without saying

Json json_of(const SideFile& side) {
  Json labels = Json::array();
  for (const std::string& label : side.labels) labels.push_back(printable(label));
  Json json;
  json["format"] = kSideFileFormat;
  json["version"] = kSideFileVersion;
  json["architecture"] = side.architecture;
  json["backbone_sha256"] = side.backbone_fingerprint;
  json["input"] = {{"tensor", side.input_tensor},
                   {"height", side.input_height},
                   {"width", side.input_width},
                   {"mean", side.mean},
                   {"std", side.std},
                   {"apply_exif_orientation", side.apply_exif_orientation}};
  if (side.decode_rule == DecodeRule::kAreaMean) json["input"]["decode"] = kFast;
  json["feature_tensor"] = side.feature_tensor;
  json["output_tensor"] = side.output_tensor;
  json["labels"] = std::move(labels);
  if (!side.int8_ranges.empty()) {
    json["precision"] = kInt8;
    json["ranges"] = ranges_json(side.int8_ranges);
  }
  return json;
}

std::optional<std::string> text_at(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

std::optional<double> number_at(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number()) return std::nullopt;
  return it->get<double>();
}

// nullopt when a part is missing or makes no sense: the split is then simply not known.
std::optional<SplitRecord> split_at(const Json& json) {
  const auto it = json.find("split");
  if (it == json.end() || !it->is_object()) return std::nullopt;
  const auto image_dir = text_at(*it, "image_dir");
  const auto absolute = text_at(*it, "absolute_image_dir");
  const auto testing = number_at(*it, "testing_percentage");
  const auto validation = number_at(*it, "validation_percentage");
  const auto key = text_at(*it, "split_key");
  const auto seed = it->find("split_seed");
  if (!image_dir || !absolute || !testing || !validation || !key || seed == it->end() ||
      !seed->is_number_unsigned() || (key != "path" && key != "relative")) {
    return std::nullopt;
  }
  if (!(*testing >= 0 && *validation >= 0 && *testing + *validation <= 100)) return std::nullopt;
  return SplitRecord{*image_dir,  *absolute, *testing,
                     *validation, *key,      seed->get<std::uint64_t>()};
}

// What is wrong, as the end of a message; nullptr: nothing.
const char* fill(const Json& json, SideFile& side) {
  if (!json.is_object() || text_at(json, "format") != kSideFileFormat) {
    return "is not a description of a classifier";
  }
  if (number_at(json, "version") != kSideFileVersion)
    return "is of a version that this program cannot read";
  const auto input = json.find("input");
  const auto labels = json.find("labels");
  if (input == json.end() || !input->is_object()) return "has no \"input\"";
  if (labels == json.end() || !labels->is_array()) return "has no \"labels\"";
  side.architecture = text_at(json, "architecture").value_or("");
  side.backbone_fingerprint = text_at(json, "backbone_sha256").value_or("");
  side.feature_tensor = text_at(json, "feature_tensor").value_or("");
  side.graph_sha256 = text_at(json, "graph_sha256").value_or("");
  side.split = split_at(json);
  const auto input_tensor = text_at(*input, "tensor");
  const auto output_tensor = text_at(json, "output_tensor");
  if (!input_tensor || input_tensor->empty()) return "names no input tensor";
  if (!output_tensor || output_tensor->empty()) return "names no output tensor";
  side.input_tensor = *input_tensor;
  side.output_tensor = *output_tensor;
  const double height = number_at(*input, "height").value_or(0);
  const double width = number_at(*input, "width").value_or(0);
  if (!(height >= 1 && height <= kMaxInputSide && width >= 1 && width <= kMaxInputSide)) {
    return "has an input size that cannot be";
  }
  side.input_height = static_cast<int>(height);
  side.input_width = static_cast<int>(width);
  side.mean = static_cast<float>(number_at(*input, "mean").value_or(NAN));
  side.std = static_cast<float>(number_at(*input, "std").value_or(NAN));
  if (!std::isfinite(side.mean)) return "has no usable mean";
  if (!std::isfinite(side.std) || side.std == 0) return "has no usable std";
  const auto exif = input->find("apply_exif_orientation");
  side.apply_exif_orientation = exif != input->end() && exif->is_boolean() && exif->get<bool>();
  if (input->find("decode") != input->end()) {
    if (text_at(*input, "decode") != kFast) return "has photos decoded in an unknown way";
    side.decode_rule = DecodeRule::kAreaMean;
  }
  for (const Json& label : *labels) {
    if (!label.is_string()) return "has a label that is not text";
    side.labels.push_back(label.get<std::string>());
  }
  if (json.find("precision") == json.end()) return nullptr;
  if (text_at(json, "precision") != kInt8)
    return "has a precision that this program cannot compute";
  auto ranges = ranges_of(json.value("ranges", Json()));
  if (!ranges) return "has no usable ranges for int8";
  side.int8_ranges = *std::move(ranges);
  return nullptr;
}

Result<SideFile> parse_side_file(std::string_view text, const std::string& subject) {
  auto json = parse_json(text);
  if (!json.ok()) return with_context(subject, std::move(json).error());
  SideFile side;
  if (const char* problem = fill(*json, side); problem != nullptr) {
    return corrupt(subject + ": " + problem + ": write it anew by retraining, or remove it");
  }
  return side;
}

}  // namespace

std::string side_file_path(const std::string& graph_path) {
  constexpr std::string_view kSuffix = ".pb";
  std::string_view stem = graph_path;
  if (stem.size() > kSuffix.size() && stem.ends_with(kSuffix)) stem.remove_suffix(kSuffix.size());
  return std::string(stem) + ".json";
}

std::string to_json(const SideFile& side) {
  Json json = json_of(side);
  if (side.split) {
    json["split"] = {{"image_dir", side.split->image_dir},
                     {"absolute_image_dir", side.split->absolute_image_dir},
                     {"testing_percentage", side.split->testing_percentage},
                     {"validation_percentage", side.split->validation_percentage},
                     {"split_key", side.split->split_key},
                     {"split_seed", side.split->split_seed}};
  }
  json["graph_sha256"] = side.graph_sha256;
  return dump_json(json) + "\n";
}

Result<SideFile> read_side_file(const std::string& graph_path) {
  const std::string path = side_file_path(graph_path);
  GRAFT_ASSIGN(const std::string text, read_text_file(path));
  return parse_side_file(text, printable(path));
}

Result<void> embed_side_file(wire::GraphDef& graph, const SideFile& side) {
  const std::string name = side.output_tensor.substr(0, side.output_tensor.rfind(':'));
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    if (graph.node(i).name() != name) continue;
    (*graph.mutable_node(i)->mutable_attr())[kAttribute].set_s(dump_json(json_of(side), -1));
    return {};
  }
  return invalid_argument("output tensor \"" + printable(side.output_tensor) +
                          "\": no node of the graph makes it");
}

Result<SideFile> embedded_side_file(const wire::GraphDef& graph) {
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const auto& attributes = graph.node(i).attr();
    const auto it = attributes.find(kAttribute);
    if (it == attributes.end()) continue;
    return parse_side_file(it->second.s(), std::string("attribute ") + kAttribute + " of node " +
                                               printable(graph.node(i).name()));
  }
  return not_found("the graph holds no description of its classifier");
}

}  // namespace graft
