// Constants, and the ops that hand their input on unchanged.
#include "graph/constants.h"
#include "graph/import_ops.h"

namespace graft {
namespace {

Result<NodeId> import_const(NodeImport& node) {
  GRAFT_ASSIGN(const wire::TensorProto* value, node.attributes.tensor("value"));
  GRAFT_ASSIGN(const wire::DataType dtype, node.attributes.type("dtype", value->dtype()));
  if (dtype != value->dtype()) return node.bad("attribute dtype is not the type of its value");
  return node.constant(*value);
}

Result<NodeId> import_pass_through(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  return node.alias(node.input(0));
}

// Fed by nobody, it hands on its default: the way retrained graphs join backbone and head.
Result<NodeId> import_placeholder_with_default(NodeImport& node) {
  GRAFT_TRY(node.expect_type("dtype"));
  GRAFT_ASSIGN(const wire::TensorShapeProto* shape, node.attributes.shape("shape"));
  const Shape actual = node.shape_in_file(0);
  if (shape != nullptr && !shape->unknown_rank()) {
    bool fits = shape->dim_size() == actual.rank();
    for (int axis = 0; fits && axis < actual.rank(); ++axis) {
      const std::int64_t dim = shape->dim(axis).size();
      fits = dim == -1 || dim == actual[axis];
    }
    if (!fits) {
      return node.bad("its default of shape " + actual.to_string() +
                      " does not fit its attribute shape");
    }
  }
  return node.alias(node.input(0));
}

Result<NodeId> import_unfed_placeholder(NodeImport& node) {
  return node.not_handled("is read but not fed: name it as the input");
}

}  // namespace

std::span<const OpImporter> source_importers() {
  constexpr auto first = ChannelsFirst::kFirstInput;
  static const std::vector<OpImporter> table = {
      {"Const", 0, 0, {"dtype", "value"}, import_const},
      {"Placeholder", 0, 0, {"dtype", "shape"}, import_unfed_placeholder},
      {"PlaceholderWithDefault", 1, 1, {"dtype", "shape"}, import_placeholder_with_default, first},
      {"Identity", 1, 1, {"T"}, import_pass_through, first},
      {"StopGradient", 1, 1, {"T"}, import_pass_through, first},
      {"CheckNumerics", 1, 1, {"T", "message"}, import_pass_through, first},
  };
  return table;
}

}  // namespace graft
