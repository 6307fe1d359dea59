// A network as data: nodes in topological order, each one op over earlier values. Names are the
// GraphDef's, so that "MobilenetV1/Predictions/Reshape" can be asked for by its name.
// Non-goals: execution (Program), files (import.h). Thread rule: immutable once built.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "kernels/op.h"
#include "tensor/tensor.h"

namespace graft {

using NodeId = std::int32_t;

struct Input {};   // fed at run time
struct Constant {  // shared, so that rewrites copy graphs cheaply
  std::shared_ptr<const Tensor> value;
};
using NodeBody = std::variant<Input, Constant, Op>;

struct Node {
  std::string name;
  NodeBody body;
  std::vector<NodeId> inputs;  // ids of earlier nodes
  TensorSpec output;           // dense
};

class Graph {
 public:
  // Appends a node; its output spec is inferred (ops) or given by the value (constants). Errors:
  // infer_output's, or a duplicate name, all naming the node.
  Result<NodeId> add_input(std::string name, TensorSpec spec);
  Result<NodeId> add_constant(std::string name, std::shared_ptr<const Tensor> value);
  Result<NodeId> add_op(std::string name, Op op, std::vector<NodeId> inputs);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  std::optional<NodeId> find(std::string_view name) const;  // accepts "name" and "name:0"
  // A second name for a value (an Identity that import removed keeps its name this way). False, and
  // nothing changed, when the name is taken.
  bool add_alias(std::string name, NodeId id);
  const std::vector<std::pair<std::string, NodeId>>& aliases() const { return aliases_; }

  // Values that every rewrite keeps, under their names. cut_at() marks them; while none is marked,
  // the values that no op reads are kept. Marking twice is marking once.
  void mark_output(NodeId id);
  void set_outputs(const std::vector<NodeId>& ids);  // these and no others
  const std::vector<NodeId>& outputs() const { return outputs_; }

 private:
  Result<NodeId> append(Node node);

  std::vector<Node> nodes_;
  std::vector<std::pair<std::string, NodeId>> aliases_;
  std::vector<NodeId> outputs_;
  std::unordered_map<std::string, NodeId> by_name_;
};

}  // namespace graft
