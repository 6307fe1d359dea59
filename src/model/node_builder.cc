#include "model/node_builder.h"

namespace graft {

wire::NodeDef& add_node(wire::GraphDef& graph, const std::string& name, const char* op,
                        std::initializer_list<std::string> inputs) {
  wire::NodeDef& node = *graph.add_node();
  node.set_name(name);
  node.set_op(op);
  for (const std::string& input : inputs) node.add_input(input);
  const bool typed_by_dtype =
      node.op() == "Const" || node.op() == "Placeholder" || node.op() == "PlaceholderWithDefault";
  if (!typed_by_dtype) (*node.mutable_attr())["T"].set_type(wire::DT_FLOAT);
  return node;
}

void set_dtype(wire::NodeDef& node, wire::DataType dtype) {
  (*node.mutable_attr())["dtype"].set_type(dtype);
}

void set_bool(wire::NodeDef& node, const char* attribute, bool value) {
  (*node.mutable_attr())[attribute].set_b(value);
}

void set_text(wire::NodeDef& node, const char* attribute, std::string_view value) {
  (*node.mutable_attr())[attribute].set_s(value.data(), value.size());
}

void set_ints(wire::NodeDef& node, const char* attribute,
              std::initializer_list<std::int64_t> list) {
  auto& values = *(*node.mutable_attr())[attribute].mutable_list();
  for (const std::int64_t value : list) values.add_i(value);
}

void set_shape(wire::NodeDef& node, std::initializer_list<std::int64_t> dims) {
  auto& shape = *(*node.mutable_attr())["shape"].mutable_shape();
  for (const std::int64_t dim : dims) shape.add_dim()->set_size(dim);
}

wire::NodeDef& add_constant(wire::GraphDef& graph, const std::string& name, const Tensor& value) {
  wire::NodeDef& constant = add_node(graph, name, "Const", {});
  const wire::DataType dtype = value.dtype() == DType::kI32 ? wire::DT_INT32 : wire::DT_FLOAT;
  set_dtype(constant, dtype);
  wire::TensorProto& tensor = *(*constant.mutable_attr())["value"].mutable_tensor();
  tensor.set_dtype(dtype);
  tensor.mutable_tensor_shape();
  for (const std::int64_t dim : value.shape().dims()) {
    tensor.mutable_tensor_shape()->add_dim()->set_size(dim);
  }
  const TensorView view = value.view();
  tensor.set_tensor_content(view.data, view.spec.bytes());
  return constant;
}

std::string add_variable(wire::GraphDef& graph, const std::string& name, const Tensor& value) {
  add_constant(graph, name, value);
  wire::NodeDef& read = add_node(graph, name + "/read", "Identity", {name});
  (*read.mutable_attr())["_class"].mutable_list()->add_s("loc:@" + name);
  return read.name();
}

}  // namespace graft
