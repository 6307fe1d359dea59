// For tests only: graphs as files hold them, an oracle that keeps every value, how far rounding may
// take a result, and random networks. Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "graph/import.h"
#include "graph/program.h"
#include "tensor/tensor.h"
#include "wire/graph_def.pb.h"

namespace graft {

// The value, where a test cannot go on without it.
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

NodeId add_constant(Graph& graph, const std::string& name, Tensor value);
NodeId add_input(Graph& graph, const Shape& shape);  // f32, called "x"
Shape input_shape(const Graph& graph);               // its first input's
int count_ops(const Graph& graph);

using Dims = std::vector<std::int64_t>;

Tensor f32(const Shape& shape, const std::vector<float>& values);
Tensor u8(const Shape& shape, const std::vector<std::uint8_t>& values);

// One attribute a call.
class NodeDefBuilder {
 public:
  explicit NodeDefBuilder(wire::NodeDef* node) : node_(node) {}
  NodeDefBuilder& text(const std::string& name, const std::string& value);
  NodeDefBuilder& integer(const std::string& name, std::int64_t value);
  NodeDefBuilder& number(const std::string& name, float value);
  NodeDefBuilder& flag(const std::string& name, bool value);
  NodeDefBuilder& type(const std::string& name, wire::DataType value);
  NodeDefBuilder& integers(const std::string& name, const Dims& values);
  NodeDefBuilder& shape(const std::string& name, const Dims& dims);
  NodeDefBuilder& tensor(const std::string& name, const wire::TensorProto& value);
  // Tensors whose elements stand in tensor_content …
  NodeDefBuilder& f32(const std::string& name, const Dims& dims, const std::vector<float>& values);
  NodeDefBuilder& i32(const std::string& name, const Dims& dims,
                      const std::vector<std::int32_t>& values);
  NodeDefBuilder& i64(const std::string& name, const Dims& dims,
                      const std::vector<std::int64_t>& values);
  // … and such whose elements stand in the list of their type.
  NodeDefBuilder& f32_values(const std::string& name, const Dims& dims,
                             const std::vector<float>& values);
  NodeDefBuilder& i32_values(const std::string& name, const Dims& dims,
                             const std::vector<std::int32_t>& values);
  NodeDefBuilder& i64_values(const std::string& name, const Dims& dims,
                             const std::vector<std::int64_t>& values);

 private:
  wire::AttrValue& attribute(const std::string& name);
  wire::NodeDef* node_;
};

class GraphDefBuilder {
 public:
  NodeDefBuilder node(const std::string& op, const std::string& name,
                      const std::vector<std::string>& inputs);
  // The commonest nodes.
  void placeholder(const std::string& name, const Dims& dims);  // f32
  void constant(const std::string& name, const Dims& dims, const std::vector<float>& values);
  void integers(const std::string& name, const Dims& dims, const std::vector<std::int32_t>& values);
  const wire::GraphDef& def() const { return def_; }

 private:
  wire::GraphDef def_;
};

std::string bytes_of(const wire::GraphDef& def);
std::span<const std::byte> as_bytes(const std::string& text);
// The same nodes in another order.
wire::GraphDef shuffled(const wire::GraphDef& def, Rng& rng);
// nullptr when there is none.
wire::NodeDef* find_node(wire::GraphDef& def, const std::string& name);

// Numbers in [low, high).
Tensor random_f32(const Shape& shape, Rng& rng, float low = -1, float high = 1);

// A graph of one op, or a few, as TensorFlow writes it (make_expected.py).
struct TensorFlowCase {
  std::string name;
  wire::GraphDef def;                                         // from the placeholder "x" to "y"
  std::vector<std::pair<std::string, std::string>> defaults;  // {node, attribute} at its default
  Tensor input, expected;
  int ulps = 0;  // how far an approximation of TensorFlow's may be from the right number
};
std::vector<TensorFlowCase> tensorflow_cases();
ImportOptions from_x_to_y();

// All outputs of one run in a workspace of its own.
std::vector<Tensor> run(const Program& program, const Tensor& input);
std::vector<Tensor> run(const Program& program, const Tensor& input, Program::Workspace& workspace);

// The value of every node by the reference kernels, each in memory of its own and computed at run
// time: what rewrites, plans and arenas must not change.
std::vector<Tensor> evaluate_all(const Graph& graph, const Tensor& input);

// By node and element: how far two float32 evaluations of the graph may be apart, whatever the
// order of their sums and whichever per-channel factors were multiplied beforehand. A value made of
// sums, products and functions with |f(a) - f(b)| <= |a - b| in k roundings is within k·2^-24·S of
// the exact one, S being the same graph on absolute values (Higham, Accuracy and Stability of
// Numerical Algorithms, 2nd ed., section 3.1); two evaluations are within twice that. Divisors and
// roots must be of positive constants.
std::vector<std::vector<float>> rounding_bounds(const Graph& graph, const Tensor& input);

// Empty when every element is within its bound, else the first that is not.
std::string beyond(const Tensor& got, const Tensor& expected, std::span<const float> bounds);
bool same_bits(const Tensor& a, const Tensor& b);

// A network of about `ops` ops over one rank-4 input "in": chains of convolutions, scales, shifts,
// norms and activations, with branches, joins, pools and aliases. The last value and a few others
// are marked as outputs. rounding_bounds() holds for it.
Graph random_graph(Rng& rng, int ops);

}  // namespace graft
