// Names and edges of a GraphDef, checked. Internal to the graph room.
// Thread rule: pure functions over an unchanging GraphDef, which must outlive the results.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "wire/graph_def.pb.h"

namespace graft {

// What an input string of a node means: "^name" a control edge, "name" and "name:0" the first
// output, "name:2" the third.
struct TensorRef {
  std::string_view node;
  int output = 0;
  bool control = false;
};
TensorRef parse_tensor_ref(std::string_view text);

// `node "a/b" (Conv2D)`, shortened and printable, for the front of messages.
std::string describe(const wire::NodeDef& node);
std::string quoted(std::string_view name);

// Node name → position. kCorrupt: a node without a name, or two with the same.
using NodeIndex = std::unordered_map<std::string_view, int>;
Result<NodeIndex> index_nodes(const wire::GraphDef& def);

// Orders `selected` so that every node comes after those of edges[node] (positions in the same
// numbering, each one selected too); ties by position. kCorrupt names a node of a cycle.
Result<std::vector<int>> order_nodes(const wire::GraphDef& def, std::span<const int> selected,
                                     std::span<const std::vector<int>> edges);

}  // namespace graft
