// A network as boxes in boxes: the children of one scope, laid out from top to bottom.
// Thread rule: plain values; pure functions.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace graft {

struct GraphSkeleton {
  struct Node {
    std::string name, op, shape;      // shape: "[1,224,224,3]" or ""
    std::vector<std::string> inputs;  // names of nodes
  };
  std::vector<Node> nodes;
};
// GraphDef bytes → what is drawn of it. kCorrupt as parse_graph_def; kUnsupported: above 50,000
// nodes.
Result<GraphSkeleton> skeleton_of(std::span<const std::byte> graph_def);

// As /api/graph has it. kNotFound: no node lies in that scope ("" is the whole graph).
Result<Json> graph_view(const GraphSkeleton& graph, const std::string& scope);

struct LaidOut {
  std::vector<std::pair<double, double>> places;  // left, top of each box
  double width = 0, height = 0;
};
// Boxes in layers, each below everything that leads to it, edges that close a cycle left out of
// account; within a layer near the mean of what they hang on. edges: (from, to), indices of boxes.
// Source: Sugiyama, Tagawa, Toda 1981, in its simplest form.
LaidOut lay_out(std::size_t boxes, std::span<const std::pair<std::size_t, std::size_t>> edges,
                double box_width, double box_height);

}  // namespace graft
