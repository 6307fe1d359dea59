#include "graph/classifier_parts.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "graph/channels_first.h"
#include "graph/import.h"
#include "graph/import_ops.h"
#include "graph/topology.h"

namespace graft {
namespace {

constexpr std::size_t kMostCandidates = 16;
constexpr std::size_t kLongestTail = 64;  // nodes followed behind the last layer

bool is_any_of(std::string_view op, std::initializer_list<std::string_view> ops) {
  return std::ranges::find(ops, op) != ops.end();
}

bool is_layer(const wire::NodeDef& node) {
  return is_any_of(node.op(), {"Conv2D", "DepthwiseConv2dNative", "MatMul"});
}

bool hands_on(const wire::NodeDef& node) {
  return is_any_of(node.op(), {"Identity", "StopGradient", "CheckNumerics"});
}

// Who reads whom, and what the input reaches.
class Structure {
 public:
  static Result<Structure> of(const wire::GraphDef& def, const std::string& input) {
    GRAFT_ASSIGN(const std::vector<int> order, topological_order(def));
    GRAFT_ASSIGN(const NodeIndex index, index_nodes(def));
    const auto start = index.find(parse_tensor_ref(input).node);
    if (start == index.end()) {
      return invalid_argument("tensor " + quoted(input) + ": the graph has no such node");
    }
    Structure s(def);
    for (const int node : order) {
      for (const std::string& text : def.node(node).input()) {
        const TensorRef ref = parse_tensor_ref(text);
        if (ref.control || node == start->second) continue;
        const int source = index.at(ref.node);
        if (!s.is_reached(source)) continue;
        s.reached_[at(node)] = true;
        s.sources_[at(node)].push_back(source);
        if (std::ranges::find(s.readers_[at(source)], node) == s.readers_[at(source)].end()) {
          s.readers_[at(source)].push_back(node);
        }
      }
      if (node == start->second) s.reached_[at(node)] = true;
    }
    for (const int node : order) {
      if (s.is_reached(node)) s.order_.push_back(node);
    }
    return s;
  }

  // Layers behind which the input reaches no other, in topological order.
  std::vector<int> last_layers() const {
    std::vector<bool> layer_follows(reached_.size(), false);
    std::vector<int> last;
    for (auto node = order_.rbegin(); node != order_.rend(); ++node) {
      for (const int reader : readers_[at(*node)]) {
        if (is_layer(def_.node(reader)) || layer_follows[at(reader)]) {
          layer_follows[at(*node)] = true;
        }
      }
      const bool fed = sources_[at(*node)].empty();
      if (is_layer(def_.node(*node)) && !fed && !layer_follows[at(*node)]) last.push_back(*node);
    }
    std::ranges::reverse(last);
    return last;
  }

  // What a layer takes, before the nodes that only hand it on.
  int taken_by(int layer) const {
    int node = sources_[at(layer)].front();
    while (hands_on(def_.node(node)) && !sources_[at(node)].empty()) {
      node = sources_[at(node)].front();
    }
    return node;
  }

  // The nodes behind a layer, as long as there is one way only and its ops are handled, up to a
  // softmax.
  std::vector<int> tail_of(int layer) const {
    std::vector<int> tail;
    for (int node = layer; readers_[at(node)].size() == 1 && tail.size() < kLongestTail;) {
      node = readers_[at(node)].front();
      const wire::NodeDef& def = def_.node(node);
      if (def.op() == "Softmax" || find_importer(def.op()) == nullptr) break;
      tail.push_back(node);
    }
    return tail;
  }

 private:
  explicit Structure(const wire::GraphDef& def)
      : def_(def),
        reached_(static_cast<std::size_t>(def.node_size()), false),
        sources_(reached_.size()),
        readers_(reached_.size()) {}
  static std::size_t at(int node) { return static_cast<std::size_t>(node); }
  bool is_reached(int node) const { return reached_[at(node)]; }

  const wire::GraphDef& def_;
  std::vector<bool> reached_;
  std::vector<std::vector<int>> sources_, readers_;  // among the reached
  std::vector<int> order_;                           // the reached, sources first
};

// The shapes of these nodes.
Result<std::vector<Shape>> shapes_of(const wire::GraphDef& def, const std::string& input,
                                     std::span<const std::int64_t> input_shape,
                                     const std::vector<int>& nodes) {
  ImportOptions import;
  import.input = input;
  import.input_shape.assign(input_shape.begin(), input_shape.end());
  import.only_shapes = true;
  for (const int node : nodes) import.outputs.push_back(def.node(node).name());
  GRAFT_ASSIGN(const Graph graph, import_graph_def(def, import));
  std::vector<Shape> shapes;
  for (const NodeId id : graph.outputs()) shapes.push_back(graph.node(id).output.shape);
  return shapes;
}

}  // namespace

PhotoInput photo_input(const wire::NodeDef& node) {
  PhotoInput input{node.name(), 0, 0};
  const auto shape = node.attr().find("shape");
  if (!is_any_of(node.op(), {"Placeholder", "PlaceholderWithDefault"})) return input;
  if (shape == node.attr().end() || shape->second.shape().dim_size() != 4) return input;
  std::vector<std::int64_t> dims;
  for (const auto& dim : shape->second.shape().dim()) dims.push_back(dim.size());
  const std::size_t rows = declares_channels_first(dims) ? 2 : 1;
  input.height = std::max<std::int64_t>(dims[rows], 0);
  input.width = std::max<std::int64_t>(dims[rows + 1], 0);
  return input;
}

std::vector<PhotoInput> photo_inputs(const wire::GraphDef& def) {
  std::vector<PhotoInput> inputs;
  for (const wire::NodeDef& node : def.node()) {
    if (node.op() != "Placeholder") continue;
    const auto type = node.attr().find("dtype");
    if (type == node.attr().end() || type->second.type() != wire::DT_FLOAT) continue;
    const auto shape = node.attr().find("shape");
    const bool said = shape != node.attr().end() && !shape->second.shape().unknown_rank() &&
                      shape->second.shape().dim_size() != 0;
    if (!said || shape->second.shape().dim_size() == 4) inputs.push_back(photo_input(node));
  }
  return inputs;
}

bool is_vector(const Shape& shape) {
  return shape.rank() > 0 && shape.elements() == shape[shape.rank() - 1];
}

Result<FeatureCandidates> feature_candidates(const wire::GraphDef& def, const std::string& input,
                                             std::span<const std::int64_t> input_shape) {
  GRAFT_ASSIGN(const Structure structure, Structure::of(def, input));
  const std::vector<int> layers = structure.last_layers();
  if (layers.empty()) {
    return invalid_argument("graph: no convolution or matrix product lies behind " + quoted(input) +
                            ": name the input that photos enter");
  }
  FeatureCandidates found;
  if (layers.size() > 1) {
    std::vector<int> taken;
    for (const int layer : layers) {
      const int node = structure.taken_by(layer);
      if (std::ranges::find(taken, node) != taken.end()) continue;
      taken.push_back(node);
      found.all.push_back(
          {def.node(node).name(), {}, "what " + quoted(def.node(layer).name()) + " takes"});
      if (taken.size() == kMostCandidates) break;
    }
    GRAFT_ASSIGN(const auto shapes, shapes_of(def, input, input_shape, taken));
    for (std::size_t i = 0; i < shapes.size(); ++i) found.all[i].shape = shapes[i];
    found.clear = shapes.size() == 1 && is_vector(shapes[0]);
    return found;
  }

  const std::string last = "the last layer, " + quoted(def.node(layers[0]).name());
  std::vector<int> nodes = structure.tail_of(layers[0]);
  nodes.insert(nodes.begin(), {structure.taken_by(layers[0]), layers[0]});
  GRAFT_ASSIGN(const auto shapes, shapes_of(def, input, input_shape, nodes));
  const auto candidate = [&](std::size_t i, const std::string& what) {
    return FeatureCandidate{def.node(nodes[i]).name(), shapes[i], what};
  };
  if (is_vector(shapes[0])) {
    found.clear = true;
    found.all.push_back(candidate(0, "what " + last + ", takes"));
    std::size_t end = nodes.size();
    while (end > 1 && !is_vector(shapes[end - 1])) --end;
    if (end > 1) found.all.push_back(candidate(end - 1, "what " + last + ", gives"));
    return found;
  }
  const auto first = std::ranges::find_if(shapes.begin() + 1, shapes.end(), is_vector);
  if (first != shapes.end()) {
    found.clear = true;
    found.all.push_back(candidate(static_cast<std::size_t>(first - shapes.begin()),
                                  "the first vector behind " + last));
  } else {
    found.all.push_back(candidate(0, "what " + last + ", takes"));
  }
  return found;
}

}  // namespace graft
