// GraphDef nodes as TensorFlow's Python layers write them, one call a node. Each appends to
// `graph`; a returned reference is good until the next append. Thread rule: one graph, one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tensor/tensor.h"
#include "wire/graph_def.pb.h"

namespace graft {

// A node of float tensors: its attribute T is set where the op has one (all but placeholders and
// constants, which take set_dtype()).
wire::NodeDef& add_node(wire::GraphDef& graph, const std::string& name, const char* op,
                        std::initializer_list<std::string> inputs);
void set_dtype(wire::NodeDef& node, wire::DataType dtype);
void set_bool(wire::NodeDef& node, const char* attribute, bool value);
void set_text(wire::NodeDef& node, const char* attribute, std::string_view value);
void set_ints(wire::NodeDef& node, const char* attribute, std::initializer_list<std::int64_t> list);
void set_shape(wire::NodeDef& node, std::initializer_list<std::int64_t> dims);  // -1: unknown

// A Const of f32 or i32 values, stored as tensor_content.
wire::NodeDef& add_constant(wire::GraphDef& graph, const std::string& name, const Tensor& value);

// A frozen variable: the Const and the Identity "<name>/read" that the variable's readers are wired
// to. Returns the Identity's name.
std::string add_variable(wire::GraphDef& graph, const std::string& name, const Tensor& value);

}  // namespace graft
