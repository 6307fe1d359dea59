#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/text.h"
#include "graph/attributes.h"
#include "graph/import.h"
#include "graph/topology.h"

namespace graft {
namespace {

std::uint64_t stored_bytes(const wire::TensorProto& value) {
  std::uint64_t bytes = value.tensor_content().size();
  bytes += 4 * static_cast<std::uint64_t>(value.float_val_size());
  bytes += 8 * static_cast<std::uint64_t>(value.double_val_size());
  bytes += 4 * static_cast<std::uint64_t>(value.int_val_size());
  bytes += 8 * static_cast<std::uint64_t>(value.int64_val_size());
  bytes += static_cast<std::uint64_t>(value.bool_val_size());
  for (const std::string& text : value.string_val()) bytes += text.size();
  return bytes;
}

// "input f32 [1,224,224,3]"; open dimensions are "?".
std::string input_line(const wire::NodeDef& node) {
  std::string line = printable(node.name());
  const auto dtype = node.attr().find("dtype");
  const auto known = dtype == node.attr().end() ? std::nullopt : dtype_of(dtype->second.type());
  line += known ? " " + std::string(name_of(*known)) : " ?";
  const auto shape = node.attr().find("shape");
  if (shape == node.attr().end() || shape->second.shape().unknown_rank()) return line + " [...]";
  line += " [";
  for (int axis = 0; axis < shape->second.shape().dim_size(); ++axis) {
    if (axis > 0) line += ',';
    const std::int64_t dim = shape->second.shape().dim(axis).size();
    line += dim < 0 ? "?" : std::to_string(dim);
  }
  return line + "]";
}

}  // namespace

Result<GraphSummary> summarize(const wire::GraphDef& def) {
  if (def.node_size() == 0) return corrupt("graph: holds no nodes");
  GRAFT_ASSIGN(const NodeIndex index, index_nodes(def));
  GraphSummary summary;
  summary.nodes = def.node_size();
  std::map<std::string, int> counts;
  std::unordered_set<std::string_view> read;
  for (const wire::NodeDef& node : def.node()) {
    ++counts[printable(node.op())];
    for (const std::string& input : node.input()) {
      const TensorRef ref = parse_tensor_ref(input);
      if (!ref.control) read.insert(ref.node);
    }
    const auto value = node.attr().find("value");
    if (value != node.attr().end()) summary.constant_bytes += stored_bytes(value->second.tensor());
    if (node.op() == "Placeholder") summary.inputs.push_back(input_line(node));
  }
  // Nothing reads a check either: it is there to fail.
  const auto gives_result = [](const std::string& op) {
    return op != "Const" && op != "NoOp" && op != "CheckNumerics";
  };
  for (const wire::NodeDef& node : def.node()) {
    if (gives_result(node.op()) && !read.contains(node.name())) {
      summary.outputs.push_back(printable(node.name()));
    }
  }
  for (const auto& [op, count] : counts) summary.ops.push_back({op, count});
  std::ranges::stable_sort(summary.ops, std::ranges::greater{}, &OpCount::count);
  return summary;
}

}  // namespace graft
