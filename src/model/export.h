// retrained_graph.pb in the structure that retrain.py writes, its labels file, and its side file.
// Source of the structure: docs/formats/retrained_graph.md. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/head.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"

namespace graft {

// backbone (all its nodes, topologically sorted) + input_1/BottleneckInputPlaceholder +
// final_training_ops/… + final_tensor_name (Softmax). backbone == nullptr: the head alone, fed through
// a plain Placeholder of the same name (features without a model at hand).
// kInvalidArgument: final_tensor_name collides with a backbone node or is not a valid node name.
Result<wire::GraphDef> build_retrained_graph(const wire::GraphDef* backbone, const ModelSpec& spec,
                                             const Head& head,
                                             const std::string& final_tensor_name);

// What travels with a graph so that preprocessing cannot mismatch: <graph without .pb>.json.
struct SideFile {
  std::string architecture;
  std::string backbone_fingerprint;
  std::string input_tensor, feature_tensor, output_tensor;
  int input_height = 0, input_width = 0;
  float mean = 0, std = 0;
  bool apply_exif_orientation = false;
  std::vector<std::string> labels;
  std::string graph_sha256;  // of the .pb beside it; another graph there is noticed
};
std::string side_file_path(const std::string& graph_path);
Result<SideFile> read_side_file(const std::string& graph_path);  // kNotFound when there is none
std::string to_json(const SideFile& side);

// Writes graph and side file (atomically each, graph first). Returns the graph's SHA-256.
Result<std::string> save_retrained_graph(const wire::GraphDef& graph, SideFile side,
                                         const std::string& graph_path);
// One label a line, trailing newline (a label with a newline is written printable()).
Result<void> save_labels(const std::vector<std::string>& labels, const std::string& path);
Result<std::vector<std::string>> read_labels(const std::string& path);

}  // namespace graft
