#include "graph/rebuild.h"

#include <utility>

namespace graft {

const Op* op_of(const Graph& graph, NodeId id) {
  return std::get_if<Op>(&graph.node(id).body);
}

const Tensor* f32_constant(const Graph& graph, NodeId id) {
  const auto* constant = std::get_if<Constant>(&graph.node(id).body);
  const bool f32 = constant != nullptr && constant->value->dtype() == DType::kF32;
  return f32 ? constant->value.get() : nullptr;
}

Uses::Uses(const Graph& graph)
    : readers_(graph.nodes().size(), 0), kept_(graph.nodes().size(), false) {
  for (const Node& node : graph.nodes()) {
    for (const NodeId id : node.inputs) ++readers_[static_cast<std::size_t>(id)];
  }
  for (const NodeId id : graph.outputs()) kept_[static_cast<std::size_t>(id)] = true;
}

std::vector<NodeId> Rebuild::now(const std::vector<NodeId>& old) const {
  std::vector<NodeId> ids;
  ids.reserve(old.size());
  for (const NodeId id : old) ids.push_back(now(id));
  return ids;
}

Result<void> Rebuild::keep(NodeId old) {
  const Node& node = old_.node(old);
  NodeId id = kGone;
  if (const auto* constant = std::get_if<Constant>(&node.body)) {
    GRAFT_ASSIGN(id, graph_.add_constant(node.name, constant->value));
  } else if (const auto* op = std::get_if<Op>(&node.body)) {
    GRAFT_ASSIGN(id, graph_.add_op(node.name, *op, now(node.inputs)));
  } else {
    GRAFT_ASSIGN(id, graph_.add_input(node.name, node.output));
  }
  replace(old, id);
  return {};
}

std::string Rebuild::unused_name(const std::string& wanted) const {
  std::string name = wanted;
  for (int i = 1; old_.find(name) || graph_.find(name); ++i) {
    name = wanted + "_" + std::to_string(i);
  }
  return name;
}

Graph Rebuild::finish() && {
  for (const auto& [name, id] : old_.aliases()) {
    if (now(id) != kGone) graph_.add_alias(name, now(id));
  }
  for (const NodeId id : old_.outputs()) {
    if (now(id) != kGone) graph_.mark_output(now(id));
  }
  return std::move(graph_);
}

}  // namespace graft
