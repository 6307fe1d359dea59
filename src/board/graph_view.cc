#include "board/graph_view.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/text.h"
#include "graph/import.h"

namespace graft {
namespace {

constexpr int kMaxNodes = 50000;
constexpr double kBoxWidth = 150, kBoxHeight = 36, kGapX = 30, kGapY = 50, kMargin = 20;

std::string shape_text(const wire::TensorShapeProto& shape) {
  if (shape.unknown_rank()) return "";
  std::string out = "[";
  for (const auto& dim : shape.dim()) {
    if (out.size() > 1) out += ",";
    out += dim.size() < 0 ? "?" : std::to_string(dim.size());
  }
  return out + "]";
}

// The shape that a node's own attributes tell of.
std::string shape_of(const wire::NodeDef& node) {
  if (const auto found = node.attr().find("_output_shapes");
      found != node.attr().end() && found->second.list().shape_size() > 0) {
    return shape_text(found->second.list().shape(0));
  }
  if (const auto found = node.attr().find("shape"); found != node.attr().end()) {
    return shape_text(found->second.shape());
  }
  if (const auto found = node.attr().find("value");
      found != node.attr().end() && node.op() == "Const") {
    return shape_text(found->second.tensor().tensor_shape());
  }
  return "";
}

// "^name" and "name:1" → "name".
std::string source_name(std::string_view input) {
  if (input.starts_with('^')) input.remove_prefix(1);
  return std::string(input.substr(0, input.rfind(':')));
}

// Longest path from the boxes that nothing leads to. Edges against the order of a depth-first
// search close a cycle and do not count.
std::vector<std::size_t> layers_of(std::size_t boxes,
                                   const std::vector<std::vector<std::size_t>>& followers) {
  enum : std::uint8_t { kNew, kOpen, kDone };
  std::vector<std::uint8_t> mark(boxes, kNew);
  std::vector<std::size_t> order;  // reversed topological order
  std::set<std::pair<std::size_t, std::size_t>> back;
  for (std::size_t root = 0; root < boxes; ++root) {
    if (mark[root] != kNew) continue;
    std::vector<std::pair<std::size_t, std::size_t>> path = {{root, 0}};
    mark[root] = kOpen;
    while (!path.empty()) {
      auto& [box, next] = path.back();
      if (next == followers[box].size()) {
        mark[box] = kDone;
        order.push_back(box);
        path.pop_back();
        continue;
      }
      const std::size_t to = followers[box][next++];
      if (mark[to] == kOpen) back.emplace(box, to);
      if (mark[to] == kNew) {
        mark[to] = kOpen;
        path.emplace_back(to, 0);
      }
    }
  }
  std::vector<std::size_t> layer(boxes, 0);
  for (auto box = order.rbegin(); box != order.rend(); ++box) {
    for (const std::size_t to : followers[*box]) {
      if (!back.contains({*box, to})) layer[to] = std::max(layer[to], layer[*box] + 1);
    }
  }
  return layer;
}

}  // namespace

Result<GraphSkeleton> skeleton_of(std::span<const std::byte> graph_def) {
  GRAFT_ASSIGN(const wire::GraphDef def, parse_graph_def(graph_def));
  if (def.node_size() > kMaxNodes) {
    return unsupported("graph: has " + std::to_string(def.node_size()) +
                       " nodes, more than are drawn: look at a smaller one");
  }
  GraphSkeleton skeleton;
  for (const auto& node : def.node()) {
    GraphSkeleton::Node drawn{node.name(), node.op(), shape_of(node), {}};
    for (const std::string& input : node.input()) drawn.inputs.push_back(source_name(input));
    skeleton.nodes.push_back(std::move(drawn));
  }
  return skeleton;
}

LaidOut lay_out(std::size_t boxes, std::span<const std::pair<std::size_t, std::size_t>> edges,
                double box_width, double box_height) {
  std::vector<std::vector<std::size_t>> followers(boxes), leaders(boxes);
  for (const auto& [from, to] : edges) {
    followers[from].push_back(to);
    leaders[to].push_back(from);
  }
  const std::vector<std::size_t> layer = layers_of(boxes, followers);
  std::vector<std::vector<std::size_t>> rows;
  for (std::size_t box = 0; box < boxes; ++box) {
    if (rows.size() <= layer[box]) rows.resize(layer[box] + 1);
    rows[layer[box]].push_back(box);
  }
  // Within a row by the mean position of what leads to it, from above to below.
  std::vector<double> position(boxes, 0);
  for (auto& row : rows) {
    std::vector<std::pair<double, std::size_t>> wanted;
    for (const std::size_t box : row) {
      double sum = 0;
      for (const std::size_t from : leaders[box]) sum += position[from];
      wanted.emplace_back(leaders[box].empty() ? static_cast<double>(wanted.size())
                                               : sum / static_cast<double>(leaders[box].size()),
                          box);
    }
    std::stable_sort(wanted.begin(), wanted.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      row[i] = wanted[i].second;
      position[row[i]] = static_cast<double>(i) - static_cast<double>(wanted.size() - 1) / 2;
    }
  }
  std::size_t widest = 1;
  for (const auto& row : rows) widest = std::max(widest, row.size());
  LaidOut out;
  out.width = 2 * kMargin + static_cast<double>(widest) * (box_width + kGapX) - kGapX;
  out.height = 2 * kMargin + static_cast<double>(rows.size()) * (box_height + kGapY) - kGapY;
  for (std::size_t box = 0; box < boxes; ++box) {
    out.places.emplace_back(out.width / 2 - box_width / 2 + position[box] * (box_width + kGapX),
                            kMargin + static_cast<double>(layer[box]) * (box_height + kGapY));
  }
  return out;
}

Result<Json> graph_view(const GraphSkeleton& graph, const std::string& scope) {
  const std::string prefix = scope.empty() ? "" : scope + "/";
  struct Child {
    std::string op, shape;
    std::size_t nodes = 0;
    bool scope = false;
  };
  std::vector<std::string> names;
  std::map<std::string, std::size_t> index;
  std::vector<Child> children;
  std::map<std::string, std::size_t> child_of;  // node → child
  for (const auto& node : graph.nodes) {
    if (!node.name.starts_with(prefix)) continue;
    const std::size_t slash = node.name.find('/', prefix.size());
    const std::string name = node.name.substr(0, slash);
    const auto [found, added] = index.emplace(name, names.size());
    if (added) {
      names.push_back(name);
      children.emplace_back();
    }
    Child& child = children[found->second];
    ++child.nodes;
    child.scope = child.scope || slash != std::string::npos;
    child.op = slash == std::string::npos ? node.op : child.op;
    if (slash == std::string::npos) child.shape = node.shape;
    child_of[node.name] = found->second;
  }
  if (names.empty()) {
    return not_found("scope " + printable(scope) + ": no node lies in it: ask for \"\" first");
  }
  std::set<std::pair<std::size_t, std::size_t>> edges;
  for (const auto& node : graph.nodes) {
    const auto to = child_of.find(node.name);
    if (to == child_of.end()) continue;
    for (const std::string& input : node.inputs) {
      const auto from = child_of.find(input);
      if (from != child_of.end() && from->second != to->second) {
        edges.emplace(from->second, to->second);
      }
    }
  }
  const std::vector<std::pair<std::size_t, std::size_t>> list(edges.begin(), edges.end());
  const LaidOut places = lay_out(names.size(), list, kBoxWidth, kBoxHeight);
  Json nodes = Json::array(), lines = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    nodes.push_back({{"name", printable(names[i])},
                     {"op", children[i].scope ? "" : printable(children[i].op)},
                     {"scope", children[i].scope},
                     {"nodes", children[i].nodes},
                     {"shape", children[i].shape},
                     {"x", places.places[i].first},
                     {"y", places.places[i].second},
                     {"w", kBoxWidth},
                     {"h", kBoxHeight}});
  }
  for (const auto& [from, to] : list) {
    const auto& a = places.places[from];
    const auto& b = places.places[to];
    lines.push_back({{"from", printable(names[from])},
                     {"to", printable(names[to])},
                     {"points",
                      {{a.first + kBoxWidth / 2, a.second + kBoxHeight},
                       {b.first + kBoxWidth / 2, b.second}}}});
  }
  return Json{{"scope", printable(scope)},
              {"nodes", std::move(nodes)},
              {"edges", std::move(lines)},
              {"width", places.width},
              {"height", places.height}};
}

}  // namespace graft
