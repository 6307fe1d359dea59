#include "graph/topology.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <queue>

#include "base/text.h"
#include "graph/import.h"

namespace graft {
namespace {

constexpr std::size_t kMaxShownName = 200;

// Among nodes that all wait for another waiting node, following the waits must end in a cycle.
int node_of_cycle(int start, std::span<const int> waiting,
                  std::span<const std::vector<int>> edges) {
  int node = start;
  std::vector<bool> seen(edges.size(), false);
  while (!seen[static_cast<std::size_t>(node)]) {
    seen[static_cast<std::size_t>(node)] = true;
    for (const int source : edges[static_cast<std::size_t>(node)]) {
      if (waiting[static_cast<std::size_t>(source)] > 0) {
        node = source;
        break;
      }
    }
  }
  return node;
}

}  // namespace

TensorRef parse_tensor_ref(std::string_view text) {
  TensorRef ref;
  if (text.starts_with('^')) {
    ref.control = true;
    text.remove_prefix(1);
  }
  ref.node = text;
  const std::size_t colon = text.rfind(':');
  if (ref.control || colon == std::string_view::npos) return ref;
  int output = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, output);
  if (parsed.ec == std::errc{} && parsed.ptr == end && output >= 0) {
    ref.node = text.substr(0, colon);
    ref.output = output;
  }
  return ref;
}

std::string quoted(std::string_view name) {
  return "\"" + printable_start(name, kMaxShownName) + "\"";
}

std::string describe(const wire::NodeDef& node) {
  const std::string_view op = node.op();
  return "node " + quoted(node.name()) + " (" + printable_start(op, kMaxShownName) + ")";
}

Result<NodeIndex> index_nodes(const wire::GraphDef& def) {
  NodeIndex index;
  index.reserve(static_cast<std::size_t>(def.node_size()));
  for (int i = 0; i < def.node_size(); ++i) {
    const std::string& name = def.node(i).name();
    if (name.empty()) {
      return corrupt("graph: node " + std::to_string(i) + " has no name: get a good copy");
    }
    if (!index.try_emplace(name, i).second) {
      return corrupt(describe(def.node(i)) + ": the name is used twice: get a good copy");
    }
  }
  return index;
}

Result<std::vector<int>> order_nodes(const wire::GraphDef& def, std::span<const int> selected,
                                     std::span<const std::vector<int>> edges) {
  std::vector<int> waiting(edges.size(), 0);
  std::vector<std::vector<int>> readers(edges.size());
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (const int node : selected) {
    const auto& sources = edges[static_cast<std::size_t>(node)];
    waiting[static_cast<std::size_t>(node)] = static_cast<int>(sources.size());
    for (const int source : sources) readers[static_cast<std::size_t>(source)].push_back(node);
    if (sources.empty()) ready.push(node);
  }
  std::vector<int> order;
  order.reserve(selected.size());
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const int reader : readers[static_cast<std::size_t>(node)]) {
      if (--waiting[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
    }
  }
  if (order.size() == selected.size()) return order;
  const auto stuck = std::ranges::find_if(
      selected, [&](int node) { return waiting[static_cast<std::size_t>(node)] > 0; });
  const int culprit = node_of_cycle(*stuck, waiting, edges);
  return corrupt(describe(def.node(culprit)) +
                 ": its value depends on itself (a cycle): get a good copy");
}

Result<std::vector<int>> topological_order(const wire::GraphDef& def) {
  GRAFT_ASSIGN(const NodeIndex index, index_nodes(def));
  std::vector<int> all(static_cast<std::size_t>(def.node_size()));
  std::vector<std::vector<int>> edges(all.size());
  for (int i = 0; i < def.node_size(); ++i) {
    all[static_cast<std::size_t>(i)] = i;
    for (const std::string& input : def.node(i).input()) {
      const auto source = index.find(parse_tensor_ref(input).node);
      if (source == index.end()) {
        return corrupt(describe(def.node(i)) + ": its input " + quoted(input) +
                       " does not exist: get a good copy");
      }
      edges[static_cast<std::size_t>(i)].push_back(source->second);
    }
  }
  return order_nodes(def, all, edges);
}

}  // namespace graft
