#include "graph/graph.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace graft {

std::optional<NodeId> Graph::find(std::string_view name) const {
  if (name.ends_with(":0")) name.remove_suffix(2);
  const auto it = by_name_.find(std::string(name));
  if (it == by_name_.end()) return std::nullopt;
  return it->second;
}

bool Graph::add_alias(std::string name, NodeId id) {
  if (!by_name_.try_emplace(name, id).second) return false;
  aliases_.emplace_back(std::move(name), id);
  return true;
}

void Graph::mark_output(NodeId id) {
  if (std::ranges::find(outputs_, id) == outputs_.end()) outputs_.push_back(id);
}

void Graph::set_outputs(const std::vector<NodeId>& ids) {
  outputs_.clear();
  for (const NodeId id : ids) mark_output(id);
}

Result<NodeId> Graph::append(Node node) {
  if (nodes_.size() >= static_cast<std::size_t>(std::numeric_limits<NodeId>::max())) {
    return unsupported("graph: more than 2^31 nodes");
  }
  const auto id = static_cast<NodeId>(nodes_.size());
  if (!by_name_.try_emplace(node.name, id).second) {
    return corrupt("node \"" + printable(node.name) + "\": the name is used twice");
  }
  nodes_.push_back(std::move(node));
  return id;
}

Result<NodeId> Graph::add_input(std::string name, TensorSpec spec) {
  if (spec.shape.elements() < 1) {
    return invalid_argument("node \"" + printable(name) + "\": an input of shape " +
                            spec.shape.to_string() + " has no elements");
  }
  return append({std::move(name), Input{}, {}, spec});
}

Result<NodeId> Graph::add_constant(std::string name, std::shared_ptr<const Tensor> value) {
  const TensorSpec spec = value->spec();
  return append({std::move(name), Constant{std::move(value)}, {}, spec});
}

Result<NodeId> Graph::add_op(std::string name, Op op, std::vector<NodeId> inputs) {
  std::vector<TensorSpec> specs;
  specs.reserve(inputs.size());
  for (const NodeId id : inputs) specs.push_back(node(id).output);
  auto output = infer_output(op, specs);
  if (!output.ok()) {
    return with_context("node \"" + printable(name) + "\"", std::move(output).error());
  }
  return append({std::move(name), std::move(op), std::move(inputs), *output});
}

}  // namespace graft
