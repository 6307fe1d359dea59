#include "graph/attributes.h"

#include <algorithm>
#include <string>

#include "graph/topology.h"

namespace graft {

std::optional<DType> dtype_of(wire::DataType type) {
  switch (type) {
    case wire::DT_FLOAT:
      return DType::kF32;
    case wire::DT_DOUBLE:
      return DType::kF64;
    case wire::DT_INT32:
      return DType::kI32;
    case wire::DT_INT64:
      return DType::kI64;
    case wire::DT_UINT8:
    case wire::DT_QUINT8:
      return DType::kU8;
    case wire::DT_INT8:
    case wire::DT_QINT8:
      return DType::kI8;
    case wire::DT_BOOL:
      return DType::kBool;
    default:
      return std::nullopt;
  }
}

Result<Shape> shape_of(const wire::TensorShapeProto& proto) {
  if (proto.unknown_rank()) return corrupt("the shape's rank is unknown");
  std::vector<std::int64_t> dims;
  for (const auto& dim : proto.dim()) {
    if (dim.size() < 0) return corrupt("the shape has the dimension " + std::to_string(dim.size()));
    if (dims.size() == static_cast<std::size_t>(Shape::kMaxRank)) {
      return unsupported("the shape has " + std::to_string(proto.dim_size()) +
                         " dimensions, at most " + std::to_string(Shape::kMaxRank) +
                         " can be handled");
    }
    dims.push_back(dim.size());
  }
  auto shape = Shape::make(dims);
  if (!shape.ok()) return corrupt(shape.error().message);
  return shape;
}

Result<void> Attributes::expect_known(std::span<const std::string_view> known) const {
  for (const auto& [name, value] : node_->attr()) {
    if (name.starts_with('_') || std::ranges::find(known, name) != known.end()) continue;
    return unsupported(describe(*node_) + ": attribute " + quoted(name) +
                       " is not known for this op: use a graph of ops that inspect lists as known");
  }
  return {};
}

std::string Attributes::subject(std::string_view name) const {
  return describe(*node_) + ": attribute " + std::string(name);
}

Error Attributes::missing(std::string_view name) const {
  return corrupt(subject(name) + " is missing: get a good copy");
}

const wire::AttrValue* Attributes::find(std::string_view name) const {
  const auto it = node_->attr().find(std::string(name));
  return it == node_->attr().end() ? nullptr : &it->second;
}

Result<const wire::AttrValue*> Attributes::get(std::string_view name,
                                               wire::AttrValue::ValueCase kind) const {
  const wire::AttrValue* value = find(name);
  if (value != nullptr && value->value_case() != kind) {
    return corrupt(subject(name) + " has the wrong type: get a good copy");
  }
  return value;
}

Result<std::string_view> Attributes::text(std::string_view name,
                                          std::optional<std::string_view> absent) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kS));
  if (value != nullptr) return std::string_view(value->s());
  if (absent) return *absent;
  return missing(name);
}

Result<bool> Attributes::flag(std::string_view name, std::optional<bool> absent) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kB));
  if (value != nullptr) return value->b();
  if (absent) return *absent;
  return missing(name);
}

Result<std::int64_t> Attributes::integer(std::string_view name) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kI));
  if (value == nullptr) return missing(name);
  return value->i();
}

Result<float> Attributes::number(std::string_view name, std::optional<float> absent) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kF));
  if (value != nullptr) return value->f();
  if (absent) return *absent;
  return missing(name);
}

Result<wire::DataType> Attributes::type(std::string_view name,
                                        std::optional<wire::DataType> absent) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kType));
  if (value != nullptr) return value->type();
  if (absent) return *absent;
  return missing(name);
}

Result<std::vector<std::int64_t>> Attributes::integers(std::string_view name) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kList));
  if (value == nullptr) return std::vector<std::int64_t>{};
  return std::vector<std::int64_t>(value->list().i().begin(), value->list().i().end());
}

Result<const wire::TensorShapeProto*> Attributes::shape(std::string_view name) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kShape));
  return value == nullptr ? nullptr : &value->shape();
}

Result<const wire::TensorProto*> Attributes::tensor(std::string_view name) const {
  GRAFT_ASSIGN(const wire::AttrValue* value, get(name, wire::AttrValue::kTensor));
  if (value == nullptr) return missing(name);
  return &value->tensor();
}

}  // namespace graft
