// For tests only: damage to graphs, and all that is done with a damaged one. Thread rule: pure
// functions; a GraphMutator belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "wire/graph_def.pb.h"

namespace graft {

// Graphs of many ops and of each op alone, all from "x" to "y".
std::vector<wire::GraphDef> sound_graphs();
// The first of them: a network of many ops behind one another. The second: one of [N,C,H,W].
wire::GraphDef small_network();
wire::GraphDef small_channels_first_network();

// Changes that keep the file well formed, so that they come further than flipped bytes do.
class GraphMutator {
 public:
  explicit GraphMutator(std::uint64_t seed) : rng_(seed, 22) {}
  void change(wire::GraphDef& def);  // one change
  // Some nodes of another graph come in, under their names.
  void mix(wire::GraphDef& def, const wire::GraphDef& other);

 private:
  int pick(int size);
  std::int64_t number();
  float real();
  wire::DataType type();
  void change_nodes(wire::GraphDef& def);
  void change_inputs(const wire::GraphDef& def, wire::NodeDef& node);
  void change_shape(wire::TensorShapeProto& shape);
  void change_tensor(wire::TensorProto& tensor);
  void change_attribute(wire::NodeDef& node);

  Rng rng_;
};

// All that the program does with a network's file, from "x" to "y": import, simplify, compile, one
// run; with caps of a few MiB. The error is that of the step which refused.
Result<void> use_untrusted(const wire::GraphDef& def, const std::string& backend);

}  // namespace graft
