#include "graph/test_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/backend.h"
#include "wire/serialize.h"

namespace graft {
namespace {

constexpr double kUnit = 1.0 / (1 << 24);  // half a unit in the last place, relative

template <typename T>
wire::TensorProto content(wire::DataType type, const Dims& dims, const std::vector<T>& values) {
  wire::TensorProto proto;
  proto.set_dtype(type);
  for (const std::int64_t dim : dims) proto.mutable_tensor_shape()->add_dim()->set_size(dim);
  proto.mutable_tensor_content()->assign(reinterpret_cast<const char*>(values.data()),
                                         values.size() * sizeof(T));
  return proto;
}

wire::TensorProto empty(wire::DataType type, const Dims& dims) {
  return content<float>(type, dims, {});
}

Tensor compute(const Op& op, const std::vector<const Tensor*>& inputs) {
  OpSpec spec{op, {}, {}};
  std::vector<TensorView> given;
  std::vector<TensorView> unknown;
  for (const Tensor* input : inputs) {
    spec.inputs.push_back(input->spec());
    given.push_back(input->view());
    unknown.push_back({input->spec(), nullptr});
  }
  spec.output = must(infer_output(op, spec.inputs));
  const auto prepared = reference_backend().prepare(spec, unknown);
  const Kernel& kernel = *std::get<std::unique_ptr<Kernel>>(prepared);
  Tensor out(spec.output);
  AlignedBuffer scratch(kernel.scratch_bytes());
  kernel.run(given, out.view(), {scratch.data(), scratch.size()});
  return out;
}

Tensor absolute(const Tensor& tensor) {
  Tensor result = tensor.clone();
  for (float& value : result.as<float>()) value = std::fabs(value);
  return result;
}

// A node's value, the same on absolute values, and the roundings on the way to it.
struct Traced {
  Tensor value, magnitude;
  double roundings = 0;
};

// The op that does to magnitudes what `op` does to values.
Op magnitude_op(Op op) {
  if (auto* conv = std::get_if<Conv2D>(&op)) conv->activation = Activation::kNone;
  if (auto* conv = std::get_if<DepthwiseConv2D>(&op)) conv->activation = Activation::kNone;
  if (auto* product = std::get_if<MatMul>(&op)) product->activation = Activation::kNone;
  if (auto* binary = std::get_if<Binary>(&op)) {
    if (binary->kind == Binary::Kind::kSub) binary->kind = Binary::Kind::kAdd;
    if (binary->kind == Binary::Kind::kMinimum) binary->kind = Binary::Kind::kMaximum;
  }
  if (auto* unary = std::get_if<Unary>(&op)) {
    const bool bounded = unary->kind == Unary::Kind::kRelu || unary->kind == Unary::Kind::kRelu6 ||
                         unary->kind == Unary::Kind::kNeg;
    if (bounded) unary->kind = Unary::Kind::kIdentity;
  }
  return op;
}

// Roundings that the op adds to those of its inputs.
double own_roundings(const Op& op, const std::vector<const Tensor*>& inputs) {
  const auto terms = [&](std::initializer_list<int> axes, std::size_t input) {
    double count = 1;
    for (const int axis : axes) count *= static_cast<double>(inputs[input]->shape()[axis]);
    return count;
  };
  if (std::holds_alternative<Conv2D>(op)) return terms({0, 1, 2}, 1) + 2;
  if (std::holds_alternative<DepthwiseConv2D>(op)) return terms({0, 1}, 1) + 3;
  if (const auto* product = std::get_if<MatMul>(&op)) {
    return terms({product->transpose_a ? 0 : 1}, 0) + 2;
  }
  if (std::holds_alternative<BatchNorm>(op)) return 8;
  if (const auto* pool = std::get_if<Pool>(&op)) {
    return pool->kind == Pool::Kind::kMax ? 0 : pool->kernel_h * pool->kernel_w + 2;
  }
  if (const auto* mean = std::get_if<Mean>(&op)) {
    double count = 1;
    for (const int axis : mean->axes) count *= terms({axis}, 0);
    return count + 2;
  }
  if (const auto* unary = std::get_if<Unary>(&op)) {
    const bool root = unary->kind == Unary::Kind::kRsqrt || unary->kind == Unary::Kind::kSqrt;
    return root ? 4 : 0;
  }
  return std::holds_alternative<Binary>(op) || std::holds_alternative<Dequantize>(op) ? 4 : 0;
}

Traced trace_op(const Op& op, const std::vector<const Traced*>& inputs) {
  std::vector<const Tensor*> values;
  std::vector<const Tensor*> magnitudes;
  Traced result;
  for (const Traced* input : inputs) {
    values.push_back(&input->value);
    magnitudes.push_back(&input->magnitude);
    result.roundings += input->roundings;
  }
  result.roundings += own_roundings(op, values);
  result.value = compute(op, values);
  const auto* unary = std::get_if<Unary>(&op);
  const bool root =
      unary != nullptr && (unary->kind == Unary::Kind::kRsqrt || unary->kind == Unary::Kind::kSqrt);
  if (root || std::holds_alternative<Dequantize>(op)) {
    result.magnitude = absolute(result.value);
    return result;
  }
  if (std::holds_alternative<BatchNorm>(op)) {
    const Tensor mean = compute(Unary{Unary::Kind::kNeg}, {magnitudes[1]});
    magnitudes[1] = &mean;
    magnitudes[2] = values[2];
    result.magnitude = compute(op, magnitudes);
    return result;
  }
  result.magnitude = compute(magnitude_op(op), magnitudes);
  return result;
}

}  // namespace

NodeId add_constant(Graph& graph, const std::string& name, Tensor value) {
  return must(graph.add_constant(name, std::make_shared<const Tensor>(std::move(value))));
}

NodeId add_input(Graph& graph, const Shape& shape) {
  return must(graph.add_input("x", {DType::kF32, shape, Layout::kDense}));
}

Shape input_shape(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<Input>(node.body)) return node.output.shape;
  }
  return {};
}

int count_ops(const Graph& graph) {
  int count = 0;
  for (const Node& node : graph.nodes()) count += std::holds_alternative<Op>(node.body) ? 1 : 0;
  return count;
}

Tensor f32(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from(shape, values);
}

Tensor u8(const Shape& shape, const std::vector<std::uint8_t>& values) {
  Tensor tensor(DType::kU8, shape);
  std::memcpy(tensor.view().data, values.data(), values.size());
  return tensor;
}

wire::AttrValue& NodeDefBuilder::attribute(const std::string& name) {
  return (*node_->mutable_attr())[name];
}

NodeDefBuilder& NodeDefBuilder::text(const std::string& name, const std::string& value) {
  attribute(name).set_s(value);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::integer(const std::string& name, std::int64_t value) {
  attribute(name).set_i(value);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::number(const std::string& name, float value) {
  attribute(name).set_f(value);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::flag(const std::string& name, bool value) {
  attribute(name).set_b(value);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::type(const std::string& name, wire::DataType value) {
  attribute(name).set_type(value);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::integers(const std::string& name, const Dims& values) {
  auto* list = attribute(name).mutable_list();
  for (const std::int64_t value : values) list->add_i(value);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::shape(const std::string& name, const Dims& dims) {
  auto* proto = attribute(name).mutable_shape();
  for (const std::int64_t dim : dims) proto->add_dim()->set_size(dim);
  return *this;
}
NodeDefBuilder& NodeDefBuilder::tensor(const std::string& name, const wire::TensorProto& value) {
  *attribute(name).mutable_tensor() = value;
  return *this;
}
NodeDefBuilder& NodeDefBuilder::f32(const std::string& name, const Dims& dims,
                                    const std::vector<float>& values) {
  return tensor(name, content(wire::DT_FLOAT, dims, values));
}
NodeDefBuilder& NodeDefBuilder::i32(const std::string& name, const Dims& dims,
                                    const std::vector<std::int32_t>& values) {
  return tensor(name, content(wire::DT_INT32, dims, values));
}
NodeDefBuilder& NodeDefBuilder::i64(const std::string& name, const Dims& dims,
                                    const std::vector<std::int64_t>& values) {
  return tensor(name, content(wire::DT_INT64, dims, values));
}
NodeDefBuilder& NodeDefBuilder::f32_values(const std::string& name, const Dims& dims,
                                           const std::vector<float>& values) {
  wire::TensorProto proto = empty(wire::DT_FLOAT, dims);
  for (const float value : values) proto.add_float_val(value);
  return tensor(name, proto);
}
NodeDefBuilder& NodeDefBuilder::i32_values(const std::string& name, const Dims& dims,
                                           const std::vector<std::int32_t>& values) {
  wire::TensorProto proto = empty(wire::DT_INT32, dims);
  for (const std::int32_t value : values) proto.add_int_val(value);
  return tensor(name, proto);
}
NodeDefBuilder& NodeDefBuilder::i64_values(const std::string& name, const Dims& dims,
                                           const std::vector<std::int64_t>& values) {
  wire::TensorProto proto = empty(wire::DT_INT64, dims);
  for (const std::int64_t value : values) proto.add_int64_val(value);
  return tensor(name, proto);
}

NodeDefBuilder GraphDefBuilder::node(const std::string& op, const std::string& name,
                                     const std::vector<std::string>& inputs) {
  wire::NodeDef* node = def_.add_node();
  node->set_op(op);
  node->set_name(name);
  for (const std::string& input : inputs) node->add_input(input);
  return NodeDefBuilder(node);
}

void GraphDefBuilder::placeholder(const std::string& name, const Dims& dims) {
  node("Placeholder", name, {}).type("dtype", wire::DT_FLOAT).shape("shape", dims);
}

void GraphDefBuilder::constant(const std::string& name, const Dims& dims,
                               const std::vector<float>& values) {
  node("Const", name, {}).type("dtype", wire::DT_FLOAT).f32("value", dims, values);
}

void GraphDefBuilder::integers(const std::string& name, const Dims& dims,
                               const std::vector<std::int32_t>& values) {
  node("Const", name, {}).type("dtype", wire::DT_INT32).i32("value", dims, values);
}

std::string bytes_of(const wire::GraphDef& def) {
  return must(wire::serialize(def));
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

wire::GraphDef shuffled(const wire::GraphDef& def, Rng& rng) {
  wire::GraphDef result = def;
  for (int i = result.node_size() - 1; i > 0; --i) {
    const auto j = static_cast<int>(rng.below(static_cast<std::uint32_t>(i) + 1));
    result.mutable_node()->SwapElements(i, j);
  }
  return result;
}

wire::NodeDef* find_node(wire::GraphDef& def, const std::string& name) {
  for (wire::NodeDef& node : *def.mutable_node()) {
    if (node.name() == name) return &node;
  }
  return nullptr;
}

Tensor random_f32(const Shape& shape, Rng& rng, float low, float high) {
  Tensor tensor(DType::kF32, shape);
  for (float& value : tensor.as<float>()) value = rng.uniform(low, high);
  return tensor;
}

std::vector<Tensor> run(const Program& program, const Tensor& input) {
  const auto workspace = program.make_workspace();
  return run(program, input, *workspace);
}

std::vector<Tensor> run(const Program& program, const Tensor& input,
                        Program::Workspace& workspace) {
  std::vector<Tensor> results;
  std::vector<MutableTensorView> views;
  views.reserve(program.outputs().size());
  for (const TensorSpec& spec : program.outputs()) {
    results.emplace_back(spec);
    std::memset(results.back().view().data, 0xA5, spec.bytes());
  }
  for (Tensor& result : results) views.push_back(result.view());
  program.run(input.view(), views, workspace);
  return results;
}

std::vector<Tensor> evaluate_all(const Graph& graph, const Tensor& input) {
  std::vector<Tensor> values;
  values.reserve(graph.nodes().size());
  for (const Node& node : graph.nodes()) {
    if (const auto* constant = std::get_if<Constant>(&node.body)) {
      values.push_back(constant->value->clone());
    } else if (const auto* op = std::get_if<Op>(&node.body)) {
      std::vector<const Tensor*> inputs;
      for (const NodeId id : node.inputs) inputs.push_back(&values[static_cast<std::size_t>(id)]);
      values.push_back(compute(*op, inputs));
    } else {
      values.push_back(input.clone());
    }
  }
  return values;
}

std::vector<std::vector<float>> rounding_bounds(const Graph& graph, const Tensor& input) {
  std::vector<Traced> traced;
  traced.reserve(graph.nodes().size());
  std::vector<std::vector<float>> bounds;
  for (const Node& node : graph.nodes()) {
    if (const auto* op = std::get_if<Op>(&node.body)) {
      std::vector<const Traced*> inputs;
      for (const NodeId id : node.inputs) inputs.push_back(&traced[static_cast<std::size_t>(id)]);
      traced.push_back(trace_op(*op, inputs));
    } else {
      const auto* constant = std::get_if<Constant>(&node.body);
      const Tensor& value = constant == nullptr ? input : *constant->value;
      const bool real = value.dtype() == DType::kF32;
      traced.push_back({value.clone(), real ? absolute(value) : value.clone(), 0});
    }
    std::vector<float>& bound = bounds.emplace_back();
    if (node.output.dtype != DType::kF32) continue;
    // Two roundings more for a factor and a shift that a rewrite makes of constants; the sums of
    // magnitudes are themselves rounded, which one part in a thousand covers by far.
    const double steps = 2 * (traced.back().roundings + 2) * kUnit * 1.001;
    for (const float magnitude : traced.back().magnitude.as<float>()) {
      bound.push_back(static_cast<float>(steps * static_cast<double>(magnitude)));
    }
  }
  return bounds;
}

std::string beyond(const Tensor& got, const Tensor& expected, std::span<const float> bounds) {
  if (!(got.spec() == expected.spec())) {
    return "shape " + got.shape().to_string() + ", expected " + expected.shape().to_string();
  }
  const auto a = got.as<float>();
  const auto b = expected.as<float>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || std::fabs(a[i] - b[i]) <= bounds[i]) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + ", expected " +
           std::to_string(b[i]) + " ± " + std::to_string(bounds[i]);
  }
  return "";
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && std::memcmp(a.view().data, b.view().data, a.spec().bytes()) == 0;
}

}  // namespace graft
