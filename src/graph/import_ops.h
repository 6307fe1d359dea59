// How each op of TensorFlow becomes ours: one small function an op, found by name in one table.
// Internal to the graph room. Thread rule: the table is constant; a NodeImport serves one node.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/attributes.h"
#include "graph/constants.h"
#include "graph/graph.h"
#include "wire/graph_def.pb.h"

namespace graft {

// One node on its way into the graph.
class NodeImport {
 public:
  NodeImport(const wire::NodeDef& def, std::span<const NodeId> inputs, Graph& graph,
             ConstantBudget& budget)
      : attributes(def), def_(def), inputs_(inputs), graph_(graph), budget_(budget) {}

  const Attributes attributes;

  NodeId input(std::size_t i) const { return inputs_[i]; }
  std::span<const NodeId> inputs() const { return inputs_; }
  const TensorSpec& spec(std::size_t i) const { return graph_.node(inputs_[i]).output; }
  // The elements of an i32 or i64 input whose value the file holds ("axis", "shape", …).
  Result<std::vector<std::int64_t>> integers(std::size_t i, std::string_view what) const;
  // kCorrupt unless attribute `name`, where present, names the element type of input 0.
  Result<void> expect_type(std::string_view name) const;

  // What the node becomes.
  Result<NodeId> op(Op op, std::vector<NodeId> inputs);
  Result<NodeId> op_of_all(Op op);  // over all the inputs in their order
  Result<NodeId> constant(const wire::TensorProto& value);
  Result<NodeId> alias(NodeId id);

  // Errors that name the node; what: "stride 0".
  Error bad(std::string_view what) const;
  Error not_handled(std::string_view what) const;

 private:
  const wire::NodeDef& def_;
  std::span<const NodeId> inputs_;
  Graph& graph_;
  ConstantBudget& budget_;
};

struct OpImporter {
  std::string_view op;
  int least_inputs = 0, most_inputs = 0;     // data inputs
  std::vector<std::string_view> attributes;  // understood, or known to change no value here
  Result<NodeId> (*import)(NodeImport& node) = nullptr;
};

// nullptr when the op is not on the list.
const OpImporter* find_importer(std::string_view op);

// The table's parts, by subject.
std::span<const OpImporter> source_importers();  // Const, Identity …      import_sources.cc
std::span<const OpImporter> window_importers();  // convolutions, pools    import_windows.cc
std::span<const OpImporter> math_importers();    // element-wise, norms    import_math.cc
std::span<const OpImporter> shape_importers();   // Reshape, Concat …      import_shapes.cc

// kUnsupported unless data_format is absent or NHWC: filters and channels would mean other axes.
Result<void> expect_nhwc(const NodeImport& node);
// An axis counted from the front; from the end when negative. kCorrupt when outside the rank.
Result<int> checked_axis(const NodeImport& node, std::int64_t axis, int rank);

}  // namespace graft
