#include "graph/import_ops.h"

#include <memory>
#include <string>
#include <unordered_map>

#include "graph/channels_first.h"
#include "graph/topology.h"

namespace graft {

Shape NodeImport::shape_in_file(std::size_t i) const {
  return channels_first(i) ? file_shape(spec(i).shape) : spec(i).shape;
}

Result<std::vector<std::int64_t>> NodeImport::integers(std::size_t i, std::string_view what) const {
  const Node& source = state_.graph.node(input(i));
  const auto* constant = std::get_if<Constant>(&source.body);
  if (constant == nullptr) {
    return not_handled(std::string(what) + " is computed at run time (by " + quoted(source.name) +
                       "), only a constant is handled");
  }
  const Tensor& value = *constant->value;
  if (value.dtype() == DType::kI32) {
    const auto elements = value.as<std::int32_t>();
    return std::vector<std::int64_t>(elements.begin(), elements.end());
  }
  if (value.dtype() == DType::kI64) {
    const auto elements = value.as<std::int64_t>();
    return std::vector<std::int64_t>(elements.begin(), elements.end());
  }
  return bad(std::string(what) + " is of type " + std::string(name_of(value.dtype())) +
             ", not an integer");
}

Result<void> NodeImport::expect_type(std::string_view name) const {
  if (!attributes.has(name)) return {};
  GRAFT_ASSIGN(const wire::DataType type, attributes.type(name));
  const auto dtype = dtype_of(type);
  if (!dtype) {
    return not_handled("its element type is TensorFlow's number " +
                       std::to_string(static_cast<int>(type)) + ", which is not handled");
  }
  if (*dtype == spec(0).dtype) return {};
  return bad("attribute " + std::string(name) + " says " + std::string(name_of(*dtype)) +
             ", its input is " + std::string(name_of(spec(0).dtype)));
}

Result<NodeId> NodeImport::op(Op op, std::vector<NodeId> inputs) {
  return state_.graph.add_op(def_.name(), std::move(op), std::move(inputs));
}

Result<NodeId> NodeImport::op_of_all(Op op) {
  std::vector<NodeId> ids;
  ids.reserve(inputs_.size());
  for (const ImportedValue& value : inputs_) ids.push_back(value.id);
  return this->op(std::move(op), std::move(ids));
}

Result<NodeId> NodeImport::constant(const wire::TensorProto& value) {
  auto tensor = tensor_of(value, state_.owner, state_.budget);
  if (!tensor.ok()) return with_context(describe(def_), std::move(tensor).error());
  return state_.graph.add_constant(def_.name(), *std::move(tensor));
}

Result<NodeId> NodeImport::alias(NodeId id) {
  if (!state_.graph.add_alias(def_.name(), id)) return bad("the name is used twice");
  return id;
}

Result<NodeId> NodeImport::reshaped(NodeId id, const Shape& shape) {
  const std::string wanted = def_.name() + "/reshaped";
  std::string name = wanted;
  for (int i = 1; state_.names.contains(name); ++i) name = wanted + "_" + std::to_string(i);
  return state_.graph.add_op(std::move(name), Reshape{shape}, {id});
}

Error NodeImport::bad(std::string_view what) const {
  return corrupt(describe(def_) + ": " + std::string(what));
}

Error NodeImport::not_handled(std::string_view what) const {
  return unsupported(describe(def_) + ": " + std::string(what));
}

Result<void> expect_data_format(const NodeImport& node) {
  GRAFT_ASSIGN(const std::string_view format, node.attributes.text("data_format", "NHWC"));
  const std::string label = "data_format " + quoted(format);
  if (format != "NHWC" && format != "NCHW") {
    return node.not_handled(label + " is not handled, NHWC and NCHW are");
  }
  if (node.channels_first(0) == (format == "NCHW")) return {};
  const std::string input = "its input of shape " + node.shape_in_file(0).to_string();
  if (node.channels_first(0)) {
    return node.not_handled(label + ", but " + input +
                            " is channels first: export the graph with one data_format");
  }
  return node.not_handled(label + ", but " + input +
                          " is not known to be channels first: export the graph with NHWC, or its "
                          "placeholder as [batch, 3, height, width]");
}

Result<int> checked_axis(const NodeImport& node, std::int64_t axis, int rank) {
  const std::int64_t from_front = axis < 0 ? axis + rank : axis;
  if (axis >= -rank && from_front < rank) return static_cast<int>(from_front);
  return node.bad("axis " + std::to_string(axis) + " is outside a tensor of rank " +
                  std::to_string(rank));
}

const OpImporter* find_importer(std::string_view op) {
  static const auto* const table = [] {
    auto* by_name = new std::unordered_map<std::string_view, const OpImporter*>;
    for (const auto part :
         {source_importers(), window_importers(), math_importers(), shape_importers()}) {
      for (const OpImporter& importer : part) by_name->emplace(importer.op, &importer);
    }
    return by_name;
  }();
  const auto it = table->find(op);
  return it == table->end() ? nullptr : it->second;
}

}  // namespace graft
