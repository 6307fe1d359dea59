// How each op of TensorFlow becomes ours: one small function an op, found by name in one table.
// Internal to the graph room. Thread rule: the table is constant; a NodeImport serves one node.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/attributes.h"
#include "graph/constants.h"
#include "graph/graph.h"
#include "graph/topology.h"
#include "wire/graph_def.pb.h"

namespace graft {

// What a node of the file became. channels_first: the file has it as [N,C,H,W], the graph holds it
// as [N,H,W,C] (channels_first.h).
struct ImportedValue {
  NodeId id = -1;
  bool channels_first = false;
};

// What the nodes of a file share while they are imported.
struct ImportState {
  const NodeIndex& names;  // of all nodes of the file
  ConstantBudget budget;
  Graph graph;
  std::shared_ptr<const void> owner;  // of the file's nodes; nullptr: constants are copied
};

// One node on its way into the graph.
class NodeImport {
 public:
  NodeImport(const wire::NodeDef& def, std::span<const ImportedValue> inputs, ImportState& state)
      : attributes(def), def_(def), inputs_(inputs), state_(state) {
    for (const ImportedValue& input : inputs) gives_channels_first_ |= input.channels_first;
  }

  const Attributes attributes;

  std::span<const ImportedValue> inputs() const { return inputs_; }
  NodeId input(std::size_t i) const { return inputs_[i].id; }
  bool channels_first(std::size_t i) const { return inputs_[i].channels_first; }
  // An input as the graph holds it, and its shape as the file has it.
  const TensorSpec& spec(std::size_t i) const { return state_.graph.node(input(i)).output; }
  Shape shape_in_file(std::size_t i) const;
  // The elements of an i32 or i64 input whose value the file holds ("axis", "shape", …).
  Result<std::vector<std::int64_t>> integers(std::size_t i, std::string_view what) const;
  // kCorrupt unless attribute `name`, where present, names the element type of input 0.
  Result<void> expect_type(std::string_view name) const;

  // What the node becomes. Unless told otherwise, it is channels first if any input is.
  void set_channels_first(bool first) { gives_channels_first_ = first; }
  bool gives_channels_first() const { return gives_channels_first_; }
  Result<NodeId> op(Op op, std::vector<NodeId> inputs);
  Result<NodeId> op_of_all(Op op);  // over all the inputs in their order
  Result<NodeId> constant(const wire::TensorProto& value);
  Result<NodeId> alias(NodeId id);
  // A value under another shape, in front of what the node becomes.
  Result<NodeId> reshaped(NodeId id, const Shape& shape);

  // Errors that name the node; what: "stride 0".
  Error bad(std::string_view what) const;
  Error not_handled(std::string_view what) const;

 private:
  const wire::NodeDef& def_;
  std::span<const ImportedValue> inputs_;
  ImportState& state_;
  bool gives_channels_first_ = false;
};

// Which inputs of an op may be channels first; import_node() refuses the others by name.
enum class ChannelsFirst : std::uint8_t { kNone, kFirstInput, kAnyInput };

struct OpImporter {
  std::string_view op;
  int least_inputs = 0, most_inputs = 0;     // data inputs
  std::vector<std::string_view> attributes;  // understood, or known to change no value here
  Result<NodeId> (*import)(NodeImport& node) = nullptr;
  ChannelsFirst channels_first = ChannelsFirst::kNone;
};

// nullptr when the op is not on the list.
const OpImporter* find_importer(std::string_view op);

// The table's parts, by subject.
std::span<const OpImporter> source_importers();  // Const, Identity …      import_sources.cc
std::span<const OpImporter> window_importers();  // convolutions, pools    import_windows.cc
std::span<const OpImporter> math_importers();    // element-wise, norms    import_math.cc
std::span<const OpImporter> shape_importers();   // Reshape, Concat …      import_shapes.cc

// kUnsupported unless data_format (NHWC where absent) says of input 0 what is known of it.
Result<void> expect_data_format(const NodeImport& node);
// An axis counted from the front; from the end when negative. kCorrupt when outside the rank.
Result<int> checked_axis(const NodeImport& node, std::int64_t axis, int rank);

}  // namespace graft
