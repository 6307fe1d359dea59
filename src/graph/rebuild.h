// What every rewrite shares: writing a new graph from an old one. Internal to the graph room.
// Thread rule: one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace graft {

// The node's op, or its constant's value in float32; nullptr if it has none.
const Op* op_of(const Graph& graph, NodeId id);
const Tensor* f32_constant(const Graph& graph, NodeId id);

// Who reads each value, and which values must stay.
class Uses {
 public:
  explicit Uses(const Graph& graph);
  // True when one op alone reads the value, once, and nobody outside asks for it.
  bool private_to_one_reader(NodeId id) const {
    return readers_[static_cast<std::size_t>(id)] == 1 && !kept_[static_cast<std::size_t>(id)];
  }

 private:
  std::vector<int> readers_;
  std::vector<bool> kept_;
};

class Rebuild {
 public:
  explicit Rebuild(const Graph& old) : old_(old), now_(old.nodes().size(), kGone) {}

  static constexpr NodeId kGone = -1;
  // Where an old value is in the new graph, or kGone.
  NodeId now(NodeId old) const { return now_[static_cast<std::size_t>(old)]; }
  std::vector<NodeId> now(const std::vector<NodeId>& old) const;
  // Copies a node; its inputs must be there already.
  Result<void> keep(NodeId old);
  // The value of `old` is from now on `id`, a node of graph().
  void replace(NodeId old, NodeId id) { now_[static_cast<std::size_t>(old)] = id; }
  Graph& graph() { return graph_; }
  // `wanted`, with a number behind it if the old or the new graph has it already.
  std::string unused_name(const std::string& wanted) const;
  // Aliases and output marks follow the values that are still there.
  Graph finish() &&;

 private:
  const Graph& old_;
  Graph graph_;
  std::vector<NodeId> now_;
};

}  // namespace graft
