#include "graph/test_damage.h"

#include <algorithm>
#include <array>
#include <limits>

#include "graph/import.h"
#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {

// A network of many ops behind one another.
wire::GraphDef small_network() {
  GraphDefBuilder b;
  b.placeholder("x", {-1, 4, 4, 2});
  b.constant("w", {3, 3, 2, 3}, std::vector<float>(54, 0.25F));
  b.constant("c", {3}, {1, 2, 3});
  b.node("Conv2D", "conv", {"x", "w"})
      .type("T", wire::DT_FLOAT)
      .integers("strides", {1, 2, 2, 1})
      .text("padding", "SAME");
  b.node("FusedBatchNorm", "norm", {"conv", "c", "c", "c", "c"}).flag("is_training", false);
  b.node("Relu6", "active", {"norm:0"});
  b.node("Identity", "same", {"active"});
  b.integers("axes", {2}, {1, 2});
  b.node("Mean", "pooled", {"same", "axes"}).flag("keep_dims", true);
  b.node("Squeeze", "flat", {"pooled"}).integers("squeeze_dims", {1, 2});
  b.node("Softmax", "y", {"flat"});
  return b.def();
}

// The same from a placeholder of [N,C,H,W] on, with two operands that import shapes anew.
wire::GraphDef small_channels_first_network() {
  GraphDefBuilder b;
  b.placeholder("x", {-1, 3, 4, 4});
  b.constant("shift", {3, 1, 1}, {0.5F, 0.25F, 0.125F});
  b.constant("w", {3, 3, 3, 2}, std::vector<float>(54, 0.25F));
  b.constant("c", {2}, {1, 2});
  b.constant("scale", {1, 2, 1, 1}, {3, 4});
  b.node("Sub", "shifted", {"x", "shift"});
  b.integers("pads", {4, 2}, {0, 0, 0, 0, 1, 1, 1, 1});
  b.node("Pad", "padded", {"shifted", "pads"});
  b.node("Conv2D", "conv", {"padded", "w"})
      .integers("strides", {1, 1, 2, 2})
      .text("padding", "VALID")
      .text("data_format", "NCHW");
  b.node("FusedBatchNorm", "norm", {"conv", "c", "c", "c", "c"})
      .flag("is_training", false)
      .text("data_format", "NCHW");
  b.node("Mul", "scaled", {"norm", "scale"});
  b.integers("axis", {}, {1});
  b.node("ConcatV2", "joined", {"scaled", "norm", "axis"});
  b.integers("to_last", {4}, {0, 2, 3, 1});
  b.node("Transpose", "image", {"joined", "to_last"});
  b.integers("shape", {2}, {-1, 16});
  b.node("Reshape", "flat", {"image", "shape"});
  b.node("Softmax", "y", {"flat"});
  return b.def();
}

std::vector<wire::GraphDef> sound_graphs() {
  std::vector<wire::GraphDef> defs = {small_network(), small_channels_first_network()};
  for (const TensorFlowCase& test : tensorflow_cases()) defs.push_back(test.def);
  return defs;
}

void GraphMutator::change(wire::GraphDef& def) {
  if (def.node_size() == 0) return;
  wire::NodeDef& node = *def.mutable_node(pick(def.node_size()));
  switch (rng_.below(10)) {
    case 0:
      return change_nodes(def);
    case 1:
      node.set_op(def.node(pick(def.node_size())).op());
      return;
    case 2:
    case 3:
      return change_inputs(def, node);
    default:
      return change_attribute(node);
  }
}

int GraphMutator::pick(int size) {
  return static_cast<int>(rng_.below(static_cast<std::uint32_t>(size)));
}

std::int64_t GraphMutator::number() {
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::array<std::int64_t, 18> kOdd = {
      -1,    0,       1,          2,          3,         -2,        5,     17,     255,
      65536, 1 << 30, 2147483647, 2147483648, 1LL << 32, 1LL << 62, kMost, kLeast, kLeast + 1};
  return kOdd[rng_.below(kOdd.size())];
}

float GraphMutator::real() {
  constexpr std::array<float, 8> kOdd = {0,
                                         -1,
                                         1e-45F,
                                         3e38F,
                                         -3e38F,
                                         std::numeric_limits<float>::quiet_NaN(),
                                         std::numeric_limits<float>::infinity(),
                                         1e-20F};
  return kOdd[rng_.below(kOdd.size())];
}

wire::DataType GraphMutator::type() {
  constexpr std::array kTypes = {wire::DT_FLOAT,  wire::DT_DOUBLE, wire::DT_INT32, wire::DT_INT64,
                                 wire::DT_QUINT8, wire::DT_QINT8,  wire::DT_BOOL,  wire::DT_STRING,
                                 wire::DT_HALF,   wire::DT_INVALID};
  return kTypes[rng_.below(kTypes.size())];
}

void GraphMutator::change_nodes(wire::GraphDef& def) {
  const int a = pick(def.node_size());
  switch (rng_.below(4)) {
    case 0:
      def.mutable_node()->DeleteSubrange(a, 1);
      return;
    case 1:
      *def.add_node() = wire::NodeDef(def.node(a));
      return;
    case 2:
      def.mutable_node()->SwapElements(a, pick(def.node_size()));
      return;
    default:
      def.mutable_node(a)->set_name(def.node(pick(def.node_size())).name());
  }
}

void GraphMutator::change_inputs(const wire::GraphDef& def, wire::NodeDef& node) {
  const std::string& other = def.node(pick(def.node_size())).name();
  if (node.input_size() == 0 || rng_.below(4) == 0) {
    node.add_input(other);
    return;
  }
  std::string& input = *node.mutable_input(pick(node.input_size()));
  switch (rng_.below(5)) {
    case 0:
      node.mutable_input()->RemoveLast();
      return;
    case 1:
      input = "^" + input;
      return;
    case 2:
      input += ":1";
      return;
    case 3:
      node.mutable_input()->SwapElements(0, node.input_size() - 1);
      return;
    default:
      input = other;
  }
}

void GraphMutator::change_shape(wire::TensorShapeProto& shape) {
  if (shape.dim_size() == 0 || rng_.below(5) == 0) {
    shape.add_dim()->set_size(number());
  } else if (rng_.below(6) == 0) {
    shape.mutable_dim()->RemoveLast();
  } else if (rng_.below(8) == 0) {
    shape.set_unknown_rank(true);
  } else {
    shape.mutable_dim(pick(shape.dim_size()))->set_size(number());
  }
}

void GraphMutator::change_tensor(wire::TensorProto& tensor) {
  std::string& content = *tensor.mutable_tensor_content();
  switch (rng_.below(7)) {
    case 0:
      tensor.set_dtype(type());
      return;
    case 1:
      content.resize(rng_.below(2 * static_cast<std::uint32_t>(content.size()) + 9));
      return;
    case 2:
      if (!content.empty()) {
        content[rng_.below(static_cast<std::uint32_t>(content.size()))] =
            static_cast<char>(rng_.below(256));
      }
      return;
    case 3:
      content.clear();
      return;
    case 4:
      tensor.add_float_val(real());
      tensor.add_int_val(static_cast<std::int32_t>(number()));
      tensor.add_int64_val(number());
      content.clear();
      return;
    default:
      change_shape(*tensor.mutable_tensor_shape());
  }
}

void GraphMutator::change_attribute(wire::NodeDef& node) {
  auto& attributes = *node.mutable_attr();
  if (attributes.empty() || rng_.below(16) == 0) {
    attributes["T"].set_type(type());
    return;
  }
  // In the order of their names: a map has none that is the same on every machine.
  std::vector<std::string> names;
  for (const auto& entry : attributes) names.push_back(entry.first);
  std::ranges::sort(names);
  const std::string& name = names[rng_.below(static_cast<std::uint32_t>(names.size()))];
  if (rng_.below(12) == 0) {
    attributes.erase(name);
    return;
  }
  wire::AttrValue& value = attributes[name];
  switch (value.value_case()) {
    case wire::AttrValue::kS:
      value.set_s(std::array{"VALID", "SAME", "NHWC", "NCHW"}[rng_.below(4)]);
      return;
    case wire::AttrValue::kI:
      value.set_i(number());
      return;
    case wire::AttrValue::kF:
      value.set_f(real());
      return;
    case wire::AttrValue::kB:
      value.set_b(!value.b());
      return;
    case wire::AttrValue::kType:
      value.set_type(type());
      return;
    case wire::AttrValue::kShape:
      return change_shape(*value.mutable_shape());
    case wire::AttrValue::kTensor:
      return change_tensor(*value.mutable_tensor());
    default: {
      auto& list = *value.mutable_list();
      if (list.i_size() == 0 || rng_.below(6) == 0) {
        list.add_i(number());
      } else {
        list.set_i(pick(list.i_size()), number());
      }
    }
  }
}

void GraphMutator::mix(wire::GraphDef& def, const wire::GraphDef& other) {
  if (other.node_size() == 0) return;
  const int first = pick(other.node_size());
  const int count = 1 + pick(std::min(8, other.node_size() - first));
  for (int i = first; i < first + count; ++i) *def.add_node() = other.node(i);
}

Result<void> use_untrusted(const wire::GraphDef& def, const std::string& backend) {
  ImportOptions options = from_x_to_y();
  options.max_constant_bytes = 1 << 20;
  options.max_filled_bytes = 1 << 20;
  GRAFT_ASSIGN(const Graph graph, import_graph_def(def, options));
  constexpr std::uint64_t kMaxWork = 4 << 20;
  GRAFT_ASSIGN(const Graph simple, simplify(graph, options.outputs, kMaxWork));
  CompileOptions compile;
  compile.backend = backend;
  compile.max_arena_bytes = 4 << 20;
  compile.max_work = kMaxWork;
  GRAFT_ASSIGN(const Program program, Program::compile(simple, options.outputs, compile));
  if (program.input().bytes() > 4 << 20) return unsupported("an input that is read by nobody");
  run(program, Tensor(program.input()));
  return {};
}

}  // namespace graft
