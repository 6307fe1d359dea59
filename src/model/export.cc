#include "model/export.h"

#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "graph/import.h"
#include "model/node_builder.h"
#include "wire/serialize.h"

namespace graft {
namespace {

constexpr const char* kScope = "final_training_ops";

std::string node_of(const std::string& tensor) {
  return tensor.substr(0, tensor.rfind(':'));
}

// [A-Za-z0-9.][A-Za-z0-9_.\-/]*, TensorFlow's rule for node names, without empty scopes.
bool is_node_name(std::string_view name) {
  constexpr std::string_view kFirst =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.";
  if (name.empty() || kFirst.find(name.front()) == std::string_view::npos) return false;
  if (name.back() == '/' || name.find("//") != std::string_view::npos) return false;
  for (const char c : name) {
    if (kFirst.find(c) == std::string_view::npos && c != '_' && c != '-' && c != '/') return false;
  }
  return true;
}

// Names of nodes and of the scopes around them, which TensorFlow keeps apart from each other.
class NameSet {
 public:
  void add(std::string_view name) {
    names_.emplace(name);
    for (std::size_t slash = name.find('/'); slash != std::string_view::npos;
         slash = name.find('/', slash + 1)) {
      names_.emplace(name.substr(0, slash));
    }
  }
  bool contains(const std::string& name) const { return names_.contains(name); }

 private:
  std::unordered_set<std::string> names_;
};

// [1,1,1,F], or whatever holds F values a photo, as [-1,F]. Returns the node's name.
std::string add_flattened(wire::GraphDef& graph, const std::string& name, const std::string& of,
                          int features) {
  Tensor shape(DType::kI32, Shape{2});
  shape.as<std::int32_t>()[0] = -1;
  shape.as<std::int32_t>()[1] = features;
  add_constant(graph, name + "/shape", shape);
  wire::NodeDef& flat = add_node(graph, name, "Reshape", {of, name + "/shape"});
  (*flat.mutable_attr())["Tshape"].set_type(wire::DT_INT32);
  return name;
}

Result<void> check_final_name(const std::string& name, const NameSet& taken) {
  const std::string subject = "--final_tensor_name \"" + printable(name) + "\": ";
  if (name.find(':') != std::string::npos) {
    return invalid_argument(subject +
                            "is a tensor's name: give the node's, without what follows "
                            "the colon");
  }
  if (!is_node_name(name)) {
    return invalid_argument(subject +
                            "TensorFlow does not take it as a node's name: use letters, digits and "
                            "_ . - /, beginning with a letter or digit, as in final_result");
  }
  if (taken.contains(name)) {
    return invalid_argument(subject +
                            "the network already has a node or scope of that name: choose another, "
                            "as final_result");
  }
  return {};
}

}  // namespace

Result<wire::GraphDef> build_retrained_graph(const wire::GraphDef* backbone, const ModelSpec& spec,
                                             const Head& head,
                                             const std::string& final_tensor_name) {
  wire::GraphDef graph;
  NameSet taken;
  if (backbone != nullptr) {
    GRAFT_ASSIGN(const std::vector<int> order, topological_order(*backbone));
    graph.mutable_node()->Reserve(static_cast<int>(order.size()) + 8);
    for (const int index : order) {
      const wire::NodeDef& node = backbone->node(index);
      taken.add(node.name());
      *graph.add_node() = node;
    }
    if (backbone->has_versions()) *graph.mutable_versions() = backbone->versions();
    if (taken.contains(kScope)) {
      return corrupt(std::string("the network already has ") + kScope +
                     ": it is a retrained graph: retrain from the original network");
    }
    if (!taken.contains(node_of(spec.feature_tensor))) {
      return corrupt("the network has no node " + node_of(spec.feature_tensor) + ": it is not " +
                     spec.architecture);
    }
  } else {
    taken.add(node_of(spec.input_tensor));  // so that the placeholder's name is the same
  }

  std::string scope = "input";
  for (int n = 1; taken.contains(scope); ++n) scope = "input_" + std::to_string(n);
  const std::string placeholder = scope + "/BottleneckInputPlaceholder";
  std::string feature = node_of(spec.feature_tensor);
  if (backbone != nullptr && spec.flatten_feature) {
    feature = add_flattened(graph, scope + "/BottleneckFlat", feature, head.features());
    taken.add(feature + "/shape");
  }
  wire::NodeDef& bottleneck =
      backbone != nullptr ? add_node(graph, placeholder, "PlaceholderWithDefault", {feature})
                          : add_node(graph, placeholder, "Placeholder", {});
  set_dtype(bottleneck, wire::DT_FLOAT);
  set_shape(bottleneck, {-1, head.features()});
  taken.add(placeholder);

  const std::string prefix = std::string(kScope) + "/";
  const std::string weights = add_variable(graph, prefix + "weights/final_weights", head.weights);
  const std::string biases = add_variable(graph, prefix + "biases/final_biases", head.biases);
  const std::string product = prefix + "Wx_plus_b/MatMul";
  const std::string sum = prefix + "Wx_plus_b/add";
  for (const std::string& name : {weights, biases, product, sum}) taken.add(name);
  GRAFT_TRY(check_final_name(final_tensor_name, taken));

  wire::NodeDef& matmul = add_node(graph, product, "MatMul", {placeholder, weights});
  set_bool(matmul, "transpose_a", false);
  set_bool(matmul, "transpose_b", false);
  add_node(graph, sum, "Add", {product, biases});
  add_node(graph, final_tensor_name, "Softmax", {sum});
  return graph;
}

Result<std::string> save_retrained_graph(wire::GraphDef graph, SideFile side,
                                         const std::string& graph_path) {
  GRAFT_TRY(embed_side_file(graph, side));
  auto serialized = wire::serialize(graph);
  if (!serialized.ok()) return with_context(printable(graph_path), std::move(serialized).error());
  side.graph_sha256 = hex(sha256(as_bytes(*serialized)));
  GRAFT_TRY(write_atomically(graph_path, std::string_view(*serialized)));
  GRAFT_TRY(write_atomically(side_file_path(graph_path), std::string_view(to_json(side))));
  return side.graph_sha256;
}

Result<void> save_labels(const std::vector<std::string>& labels, const std::string& path) {
  std::string text;
  for (const std::string& label : labels) {
    text += label.find_first_of("\r\n") == std::string::npos ? label : printable(label);
    text += '\n';
  }
  return write_atomically(path, std::string_view(text));
}

Result<std::vector<std::string>> read_labels(const std::string& path) {
  GRAFT_ASSIGN(const std::string text, read_text_file(path));
  std::vector<std::string> labels = split_lines(text);
  if (labels.empty()) {
    return corrupt(printable(path) +
                   ": holds no label: give the labels file that was written with "
                   "the graph");
  }
  return labels;
}

}  // namespace graft
