#include "graph/import.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "graph/attributes.h"
#include "graph/channels_first.h"
#include "graph/import_ops.h"
#include "graph/topology.h"
#include "wire/serialize.h"

namespace graft {
namespace {

constexpr std::size_t kMostNamesToCompare = 2000;

// The part of a GraphDef between the input and the outputs.
struct Selection {
  NodeIndex names;                      // of all nodes of the file
  int input = 0;                        // position of the node that is fed
  std::vector<int> outputs;             // positions, in the order asked for
  std::vector<int> order;               // positions, sources first
  std::vector<std::vector<int>> edges;  // data inputs by position; none for the fed node
};

std::string suggestion(const wire::GraphDef& def, std::string_view wanted) {
  if (static_cast<std::size_t>(def.node_size()) > kMostNamesToCompare || wanted.size() > 200) {
    return "";
  }
  std::vector<std::string> names;
  for (const wire::NodeDef& node : def.node()) {
    if (node.name().size() <= 200) names.push_back(node.name());
  }
  const std::string near = nearest(wanted, names);
  return near.empty() ? "" : ", did you mean " + quoted(near) + "?";
}

Result<int> find_tensor(const wire::GraphDef& def, const NodeIndex& index, std::string_view name) {
  const TensorRef ref = parse_tensor_ref(name);
  if (ref.control) return invalid_argument("tensor " + quoted(name) + ": is not a tensor's name");
  const auto it = index.find(ref.node);
  if (it == index.end()) {
    return invalid_argument("tensor " + quoted(name) + ": the graph has no such node" +
                            suggestion(def, ref.node));
  }
  if (ref.output != 0) {
    return unsupported("tensor " + quoted(name) + ": only a node's first output is handled");
  }
  return it->second;
}

// The positions of a node's data inputs.
Result<std::vector<int>> data_inputs(const wire::GraphDef& def, const NodeIndex& index,
                                     const wire::NodeDef& node) {
  std::vector<int> sources;
  for (const std::string& input : node.input()) {
    const TensorRef ref = parse_tensor_ref(input);
    if (ref.control) continue;
    const auto it = index.find(ref.node);
    if (it == index.end()) {
      return corrupt(describe(node) + ": its input " + quoted(input) +
                     " does not exist: get a good copy");
    }
    if (ref.output != 0) {
      return unsupported(describe(node) + ": reads " + quoted(input) + " of " +
                         describe(def.node(it->second)) +
                         ", but only a node's first output is handled");
    }
    sources.push_back(it->second);
  }
  return sources;
}

Result<Selection> select_nodes(const wire::GraphDef& def, const ImportOptions& options) {
  Selection selection;
  GRAFT_ASSIGN(selection.names, index_nodes(def));
  const NodeIndex& index = selection.names;
  GRAFT_ASSIGN(selection.input, find_tensor(def, index, options.input));
  if (options.outputs.empty()) return invalid_argument("graph: no output is named");
  selection.edges.resize(static_cast<std::size_t>(def.node_size()));
  std::vector<bool> seen(selection.edges.size(), false);
  std::vector<int> selected;
  const auto reach = [&](int node) {
    if (seen[static_cast<std::size_t>(node)]) return;
    seen[static_cast<std::size_t>(node)] = true;
    selected.push_back(node);
  };
  reach(selection.input);
  for (const std::string& name : options.outputs) {
    GRAFT_ASSIGN(const int output, find_tensor(def, index, name));
    selection.outputs.push_back(output);
    reach(output);
  }
  for (std::size_t next = 0; next < selected.size(); ++next) {  // grows while it is walked
    const int node = selected[next];
    if (node == selection.input) continue;
    GRAFT_ASSIGN(auto sources, data_inputs(def, index, def.node(node)));
    std::ranges::for_each(sources, reach);
    selection.edges[static_cast<std::size_t>(node)] = std::move(sources);
  }
  std::ranges::sort(selected);
  GRAFT_ASSIGN(selection.order, order_nodes(def, selected, selection.edges));
  return selection;
}

// The dimensions that the file gives a placeholder, -1 where it leaves one open; nothing when it
// gives none. A shape without dimensions is what old files write for "any".
Result<std::optional<std::vector<std::int64_t>>> declared_dims(const wire::NodeDef& node) {
  const bool placeholder = node.op() == "Placeholder" || node.op() == "PlaceholderWithDefault";
  if (!placeholder) return std::optional<std::vector<std::int64_t>>{};
  const Attributes attributes(node);
  GRAFT_ASSIGN(const wire::TensorShapeProto* shape, attributes.shape("shape"));
  if (shape == nullptr || shape->unknown_rank() || shape->dim_size() == 0) {
    return std::optional<std::vector<std::int64_t>>{};
  }
  std::vector<std::int64_t> dims;
  for (const auto& dim : shape->dim()) {
    if (dim.size() < -1 || dim.size() == 0) {
      return corrupt(attributes.subject("shape") + " has the dimension " +
                     std::to_string(dim.size()) + ": get a good copy");
    }
    dims.push_back(dim.size());
  }
  return std::optional(std::move(dims));
}

// What is fed, as the graph holds it; channels_first as ImportedValue has it.
struct FedDims {
  std::vector<std::int64_t> dims;
  bool channels_first = false;
};
struct FedValue {
  TensorSpec spec;
  bool channels_first = false;
};

Result<FedDims> fed_dims(const wire::NodeDef& node, const std::vector<std::int64_t>& wanted) {
  GRAFT_ASSIGN(auto declared, declared_dims(node));
  if (!declared) {
    if (!wanted.empty()) return FedDims{wanted};
    return invalid_argument(describe(node) +
                            ": the file does not say its shape: give the input's size");
  }
  std::vector<std::int64_t>& dims = *declared;
  const bool channels_first = declares_channels_first(dims);
  if (channels_first) std::rotate(dims.begin() + 1, dims.begin() + 2, dims.end());
  if (!wanted.empty() && wanted.size() != dims.size()) {
    return invalid_argument(describe(node) + ": takes " + std::to_string(dims.size()) +
                            " dimensions, not " + std::to_string(wanted.size()));
  }
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (wanted.empty()) {
      if (dims[axis] == -1) dims[axis] = 1;
    } else if (axis == 0 || dims[axis] == -1) {
      dims[axis] = wanted[axis];
    } else if (dims[axis] != wanted[axis]) {
      const int in_file =
          channels_first ? file_axis(static_cast<int>(axis)) : static_cast<int>(axis);
      return invalid_argument(describe(node) + ": dimension " + std::to_string(in_file) +
                              " of the file is " + std::to_string(dims[axis]) + ", not " +
                              std::to_string(wanted[axis]));
    }
  }
  return FedDims{std::move(dims), channels_first};
}

// The attribute that says a node's element type, and what TensorFlow takes in its absence. Most ops
// give what they take; these, at which a decoding part may be cut off, do not.
struct ResultType {
  std::string_view attribute;
  wire::DataType absent = wire::DT_FLOAT;
};

ResultType result_type(const wire::NodeDef& node) {
  static const std::unordered_map<std::string_view, ResultType> own = {
      {"Cast", {"DstT"}},
      {"DecodeBmp", {"dtype", wire::DT_UINT8}},
      {"DecodeGif", {"dtype", wire::DT_UINT8}},
      {"DecodeImage", {"dtype", wire::DT_UINT8}},
      {"DecodeJpeg", {"dtype", wire::DT_UINT8}},
      {"DecodePng", {"dtype", wire::DT_UINT8}},
      {"Dequantize", {"dtype"}},
      {"ResizeArea", {"dtype"}},
      {"ResizeBicubic", {"dtype"}},
      {"ResizeBilinear", {"dtype"}},
  };
  const auto it = own.find(node.op());
  if (it != own.end()) return it->second;
  return {node.attr().contains("dtype") ? "dtype" : "T"};
}

Result<FedValue> fed_value(const wire::NodeDef& node, const std::vector<std::int64_t>& wanted) {
  const Attributes attributes(node);
  const auto [type_name, absent] = result_type(node);
  GRAFT_ASSIGN(const wire::DataType type, attributes.type(type_name, absent));
  const auto dtype = dtype_of(type);
  if (!dtype) {
    return unsupported(attributes.subject(type_name) + " is TensorFlow's number " +
                       std::to_string(static_cast<int>(type)) + ", which is not handled");
  }
  GRAFT_ASSIGN(const FedDims fed, fed_dims(node, wanted));
  auto shape = Shape::make(fed.dims);
  if (!shape.ok()) {
    Error error = with_context(describe(node), std::move(shape).error());
    if (wanted.empty()) error.kind = ErrorKind::kUnsupported;  // the file asks for it
    return error;
  }
  return FedValue{{*dtype, *shape, Layout::kDense}, fed.channels_first};
}

// Ops that do not look where channels are would take other axes for the file's.
Result<void> expect_order(const NodeImport& node, ChannelsFirst taken) {
  for (std::size_t i = 0; i < node.inputs().size(); ++i) {
    const bool takes =
        taken == ChannelsFirst::kAnyInput || (taken == ChannelsFirst::kFirstInput && i == 0);
    if (takes || !node.channels_first(i)) continue;
    return node.not_handled("its input " + std::to_string(i) + " of shape " +
                            node.shape_in_file(i).to_string() +
                            " is channels first, which is not handled here: export the graph with "
                            "NHWC, or with a Transpose [0,2,3,1] in front of this node");
  }
  return {};
}

Result<ImportedValue> import_node(const wire::NodeDef& def, std::span<const ImportedValue> inputs,
                                  ImportState& state) {
  const OpImporter* importer = find_importer(def.op());
  if (importer == nullptr) {
    return unsupported(describe(def) + ": this op is not handled: use a network of handled ops");
  }
  NodeImport node(def, inputs, state);
  const auto count = static_cast<std::int64_t>(inputs.size());
  if (count < importer->least_inputs || count > importer->most_inputs) {
    return node.bad("has " + std::to_string(count) + " inputs, needs " +
                    std::to_string(importer->least_inputs) +
                    (importer->least_inputs == importer->most_inputs ? "" : " or more"));
  }
  GRAFT_TRY(node.attributes.expect_known(importer->attributes));
  GRAFT_TRY(expect_order(node, importer->channels_first));
  GRAFT_ASSIGN(const NodeId id, importer->import(node));
  return ImportedValue{id, node.gives_channels_first()};
}

// What is asked for must stand in the file's order.
Result<void> expect_readable(const wire::NodeDef& node, const ImportedValue& value,
                             const Graph& graph) {
  const Shape& held = graph.node(value.id).output.shape;
  if (!value.channels_first || same_order(held)) return {};
  return unsupported(describe(node) + ": gives the channels-first " + file_shape(held).to_string() +
                     ", which cannot be read in that order: name a layer behind the pool over all "
                     "pixels, or export the graph with NHWC");
}

Result<Graph> import_selected(const wire::GraphDef& def, std::shared_ptr<const void> owner,
                              const ImportOptions& options) {
  GRAFT_ASSIGN(const Selection selection, select_nodes(def, options));
  ImportState state{selection.names,
                    {options.max_constant_bytes, options.max_filled_bytes},
                    Graph(),
                    std::move(owner)};
  std::vector<ImportedValue> values(selection.edges.size());  // by position
  std::vector<ImportedValue> inputs;
  for (const int position : selection.order) {
    const wire::NodeDef& node = def.node(position);
    ImportedValue& value = values[static_cast<std::size_t>(position)];
    if (position == selection.input) {
      GRAFT_ASSIGN(const FedValue fed, fed_value(node, options.input_shape));
      value.channels_first = fed.channels_first;
      GRAFT_ASSIGN(value.id, state.graph.add_input(node.name(), fed.spec));
      continue;
    }
    inputs.clear();
    for (const int source : selection.edges[static_cast<std::size_t>(position)]) {
      inputs.push_back(values[static_cast<std::size_t>(source)]);
    }
    GRAFT_ASSIGN(value, import_node(node, inputs, state));
  }
  for (const int output : selection.outputs) {
    const ImportedValue& value = values[static_cast<std::size_t>(output)];
    if (!options.only_shapes) {
      GRAFT_TRY(expect_readable(def.node(output), value, state.graph));
    }
    state.graph.mark_output(value.id);
  }
  return std::move(state.graph);
}

Result<Graph> import_bounded(const wire::GraphDef& def, std::shared_ptr<const void> owner,
                             const ImportOptions& options) {
  try {
    return import_selected(def, std::move(owner), options);
  } catch (const std::bad_alloc&) {
    return unsupported("graph: not enough memory for its constants: close other programs");
  }
}

}  // namespace

Result<Graph> import_graph_def(const wire::GraphDef& def, const ImportOptions& options) {
  return import_bounded(def, nullptr, options);
}

Result<Graph> import_graph_def(const std::shared_ptr<const wire::GraphDef>& def,
                               const ImportOptions& options) {
  return import_bounded(*def, def, options);
}

Result<wire::GraphDef> parse_graph_def(std::span<const std::byte> bytes) {
  if (bytes.empty()) return corrupt("graph: the file is empty: get a good copy");
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return unsupported("graph: " + format_bytes(bytes.size()) + " is more than 2 GiB");
  }
  constexpr std::size_t kForTheMessage = 4096;
  std::unique_ptr<std::byte[]> spare;
  std::unique_ptr<wire::GraphDef> owned;
  try {
    spare = std::make_unique<std::byte[]>(kForTheMessage);
    owned = std::make_unique<wire::GraphDef>();
    wire::GraphDef& def = *owned;
    if (!wire::parse(bytes, def)) {
      return corrupt(
          "graph: the bytes are not a frozen TensorFlow graph, or a part is missing: get a good "
          "copy");
    }
    if (def.node_size() == 0) {
      return corrupt("graph: holds no nodes: give a frozen TensorFlow graph (GraphDef)");
    }
    return std::move(*owned);
  } catch (const std::bad_alloc&) {
    // A protobuf map for whose table there was no memory cannot be destroyed: it writes into the
    // one table that all empty maps share.
    (void)owned.release();
    spare.reset();
    return unsupported("graph: not enough memory to read it: close other programs");
  }
}

}  // namespace graft
