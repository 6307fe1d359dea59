// A node's attributes, read with their types checked. Internal to the graph room.
// Thread rule: pure functions; an Attributes must not outlive its NodeDef.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"
#include "wire/graph_def.pb.h"

namespace graft {

// Element types that the engine holds; quint8 is u8, qint8 is i8. Nothing for the others.
std::optional<DType> dtype_of(wire::DataType type);

// Fully known dimensions. kCorrupt: negative or unknown dimensions, more than 2^62 elements;
// kUnsupported: rank above Shape::kMaxRank. Messages name no node.
Result<Shape> shape_of(const wire::TensorShapeProto& proto);

// Every getter: kCorrupt, naming the node, when the attribute has another type than asked for, or
// is absent and has no default.
class Attributes {
 public:
  explicit Attributes(const wire::NodeDef& node) : node_(&node) {}

  // kUnsupported unless each attribute is in `known` or starts with '_' (annotations of
  // TensorFlow's own that change no value): one that is not understood might change what the node
  // computes.
  Result<void> expect_known(std::span<const std::string_view> known) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  Result<std::string_view> text(std::string_view name,
                                std::optional<std::string_view> absent = {}) const;
  Result<bool> flag(std::string_view name, std::optional<bool> absent = {}) const;
  Result<std::int64_t> integer(std::string_view name) const;
  Result<float> number(std::string_view name, std::optional<float> absent = {}) const;
  Result<wire::DataType> type(std::string_view name,
                              std::optional<wire::DataType> absent = {}) const;
  // An absent list is empty.
  Result<std::vector<std::int64_t>> integers(std::string_view name) const;
  // nullptr when absent.
  Result<const wire::TensorShapeProto*> shape(std::string_view name) const;
  Result<const wire::TensorProto*> tensor(std::string_view name) const;

  // "node "x" (Conv2D): attribute strides: <what>".
  std::string subject(std::string_view name) const;

 private:
  const wire::AttrValue* find(std::string_view name) const;
  Result<const wire::AttrValue*> get(std::string_view name, wire::AttrValue::ValueCase kind) const;
  Error missing(std::string_view name) const;

  const wire::NodeDef* node_;
};

}  // namespace graft
