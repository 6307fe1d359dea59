// GraphDef → Graph. The file is untrusted: every name, shape, attribute and size is checked, memory
// and time are bounded by the file's own size, and only the ops of an allow-list are accepted.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "wire/graph_def.pb.h"

namespace graft {

struct ImportOptions {
  // Tensor names ("input", "input:0"). Only nodes between these are looked at, so a decode part
  // before the input or an unsupported tail after the outputs does not matter. An input may be any
  // node: it is cut there and fed instead.
  std::string input;
  std::vector<std::string> outputs;
  // Shape to feed when the file leaves a dimension open (or to override the batch): dims of -1 in
  // the file take these. Empty: unknown dims become 1.
  std::vector<std::int64_t> input_shape;
  // Only shapes will be read of the graph: outputs may then be channels first (see below).
  bool only_shapes = false;
  std::uint64_t max_constant_bytes = std::uint64_t{1} << 30;  // all constants together
  // Of these, elements that the file does not hold: one value repeated over a whole shape.
  std::uint64_t max_filled_bytes = std::uint64_t{16} << 20;
};

// Nodes may stand in any order. kCorrupt / kUnsupported / kInvalidArgument name the node.
// Constants are evaluated as far as they go (Identity, Dequantize, batch-norm arithmetic) when
// simplify() runs, not here: this is a faithful translation.
// What the file has as [N,C,H,W] (behind a Transpose [0,3,1,2], or an input declared with 1 or 3
// channels in second place) the graph holds as [N,H,W,C], with the ops that NHWC has; input_shape
// is NHWC, too. kUnsupported: an op or an output that reads the elements in the file's order.
Result<Graph> import_graph_def(const wire::GraphDef& def, const ImportOptions& options);
// The same, but constants are not copied: they stay in `def`, which the graph keeps alive.
Result<Graph> import_graph_def(const std::shared_ptr<const wire::GraphDef>& def,
                               const ImportOptions& options);

// Bytes → GraphDef, bounded (kCorrupt with what is wrong; 2 GiB and nesting 100 at most).
Result<wire::GraphDef> parse_graph_def(std::span<const std::byte> bytes);

// A GraphDef's nodes in topological order (stable: file order where it is already one); kCorrupt
// names a node of a cycle, a missing input or a duplicate name.
Result<std::vector<int>> topological_order(const wire::GraphDef& def);

// What `inspect` prints, from the GraphDef alone.
struct OpCount {
  std::string op;
  int count = 0;
};
struct GraphSummary {
  int nodes = 0;
  std::vector<OpCount> ops;          // most frequent first
  std::vector<std::string> inputs;   // Placeholder nodes "input f32 [1,224,224,3]"
  std::vector<std::string> outputs;  // nodes that nothing reads
  std::uint64_t constant_bytes = 0;
};
Result<GraphSummary> summarize(const wire::GraphDef& def);

}  // namespace graft
