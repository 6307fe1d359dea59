// retrained_graph.pb in the structure that retrain.py writes, its labels file, and its side file.
// Source of the structure: docs/formats/retrained_graph.md. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/quantize.h"
#include "image/decode.h"
#include "model/head.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"

namespace graft {

// backbone (all its nodes, topologically sorted) + input_1/BottleneckInputPlaceholder (behind
// input_1/BottleneckFlat where spec.flatten_feature) + final_training_ops/… + final_tensor_name
// (Softmax, the last node). The "input_1" is TensorFlow's way of naming: "input" where the backbone
// has no node of that name (Inception), else the first free "input_N". backbone == nullptr: the
// head alone, fed through a plain Placeholder of the same name (features without a model at hand).
// kInvalidArgument: final_tensor_name collides with another node or scope, or is not a valid node
// name. kCorrupt: the backbone's errors of topological_order, or it is itself a retrained graph.
Result<wire::GraphDef> build_retrained_graph(const wire::GraphDef* backbone, const ModelSpec& spec,
                                             const Head& head,
                                             const std::string& final_tensor_name);

// What travels with a graph so that preprocessing cannot mismatch: written inside the graph (as an
// attribute of the output node that TensorFlow ignores), which is what counts, and for people and
// other programs as <graph without .pb>.json. Layout: docs/formats/side_file.md.
// What decided which photos were kept from the training, so that an evaluation can keep to it. Only
// in the file beside the graph: whoever is given the graph need not know the folders of its maker.
struct SplitRecord {
  std::string image_dir;           // as it was spelled, which the original's rule hashes; printable
  std::string absolute_image_dir;  // printable
  double testing_percentage = 0, validation_percentage = 0;
  std::string split_key;  // "path" or "relative", as --split_key has it
  std::uint64_t split_seed = 0;
};

struct SideFile {
  std::string architecture;
  std::string backbone_fingerprint;  // SHA-256 of the backbone's GraphDef, hex; empty: head alone
  std::string input_tensor, feature_tensor, output_tensor;  // "input:0", …, "final_result:0"
  int input_height = 0, input_width = 0;
  float mean = 0, std = 0;
  bool apply_exif_orientation = false;
  DecodeRule decode_rule = DecodeRule::kTensorFlow;
  std::vector<std::string> labels;  // as printable() gives them
  // What the features it was trained on were computed by; empty: float32.
  ActivationRanges int8_ranges;
  std::string graph_sha256;  // of the .pb beside it; another graph there is noticed
  std::optional<SplitRecord> split;
};
std::string side_file_path(const std::string& graph_path);
// kNotFound when there is none; kCorrupt: not such a JSON file, or a size, mean or std that cannot
// be.
Result<SideFile> read_side_file(const std::string& graph_path);
std::string to_json(const SideFile& side);

// The facts inside the graph, without graph_sha256 (a file cannot hold its own hash) and split.
// kInvalidArgument: no node makes side.output_tensor.
Result<void> embed_side_file(wire::GraphDef& graph, const SideFile& side);
// kNotFound: the graph holds none (TensorFlow wrote it); kCorrupt as read_side_file.
Result<SideFile> embedded_side_file(const wire::GraphDef& graph);

// Embeds side in the graph, writes graph and side file (atomically each, graph first; a kill
// between the two leaves an old side file that Classifier notices). Returns the graph's SHA-256.
// Hand the graph over with std::move to spare a copy. kIo: the old files are untouched.
Result<std::string> save_retrained_graph(wire::GraphDef graph, SideFile side,
                                         const std::string& graph_path);

// One label a line, trailing newline (a label with a newline is written printable()).
Result<void> save_labels(const std::vector<std::string>& labels, const std::string& path);
// kNotFound; kCorrupt: no label at all.
Result<std::vector<std::string>> read_labels(const std::string& path);

}  // namespace graft
