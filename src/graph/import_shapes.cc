// Ops that move elements or change shapes. Their axes and sizes must be constants of the file.
#include <algorithm>
#include <limits>
#include <string>

#include "graph/import_ops.h"

namespace graft {
namespace {

Result<Shape> shape_from(const NodeImport& node, std::span<const std::int64_t> dims) {
  auto shape = Shape::make(dims);
  if (!shape.ok()) return node.bad(shape.error().message);
  return shape;
}

// At most one -1, which takes what the other dimensions leave.
Result<NodeId> import_reshape(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_ASSIGN(std::vector<std::int64_t> dims, node.integers(1, "the new shape"));
  const auto open = std::ranges::find(dims, -1);
  if (open != dims.end()) {
    *open = 1;
    GRAFT_ASSIGN(const Shape rest, shape_from(node, dims));
    const std::int64_t elements = node.spec(0).shape.elements();
    if (rest.elements() < 1 || elements % rest.elements() != 0) {
      return node.bad("its input of shape " + node.spec(0).shape.to_string() +
                      " cannot take a shape that holds " + std::to_string(rest.elements()) +
                      " elements a slice");
    }
    *open = elements / rest.elements();
  }
  GRAFT_ASSIGN(const Shape shape, shape_from(node, dims));
  return node.op(Reshape{shape}, {node.input(0)});
}

Result<NodeId> import_squeeze(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  const bool old_name = node.attributes.has("squeeze_dims");
  GRAFT_ASSIGN(const std::vector<std::int64_t> listed,
               node.attributes.integers(old_name ? "squeeze_dims" : "axis"));
  const Shape& x = node.spec(0).shape;
  std::vector<bool> dropped(static_cast<std::size_t>(x.rank()), false);
  for (const std::int64_t value : listed) {
    GRAFT_ASSIGN(const int axis, checked_axis(node, value, x.rank()));
    if (x[axis] != 1) {
      return node.bad("axis " + std::to_string(axis) + " of its input " + x.to_string() +
                      " is not 1");
    }
    dropped[static_cast<std::size_t>(axis)] = true;
  }
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool drop = listed.empty() ? x[axis] == 1 : dropped[static_cast<std::size_t>(axis)];
    if (!drop) dims.push_back(x[axis]);
  }
  GRAFT_ASSIGN(const Shape shape, shape_from(node, dims));
  return node.op_of_all(Reshape{shape});
}

Result<NodeId> concat_along(NodeImport& node, std::size_t axis_input, std::vector<NodeId> parts) {
  GRAFT_ASSIGN(const std::vector<std::int64_t> axis, node.integers(axis_input, "the axis"));
  if (axis.size() != 1) return node.bad("the axis is not one number");
  if (node.attributes.has("N")) {
    GRAFT_ASSIGN(const std::int64_t count, node.attributes.integer("N"));
    if (count != static_cast<std::int64_t>(parts.size())) {
      return node.bad("attribute N says " + std::to_string(count) + " inputs, there are " +
                      std::to_string(parts.size()));
    }
  }
  const std::size_t first = axis_input == 0 ? 1 : 0;
  GRAFT_ASSIGN(const int checked, checked_axis(node, axis[0], node.spec(first).shape.rank()));
  return node.op(Concat{checked}, std::move(parts));
}

Result<NodeId> import_concat(NodeImport& node) {  // axis, then the parts
  const auto in = node.inputs();
  return concat_along(node, 0, {in.begin() + 1, in.end()});
}

Result<NodeId> import_concat_v2(NodeImport& node) {  // the parts, then the axis
  const auto in = node.inputs();
  return concat_along(node, in.size() - 1, {in.begin(), in.end() - 1});
}

Result<NodeId> import_pad(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  const Shape& table = node.spec(1).shape;
  if (table.rank() != 2 || table[0] != node.spec(0).shape.rank() || table[1] != 2) {
    return node.bad("paddings of shape " + table.to_string() + " do not fit an input of shape " +
                    node.spec(0).shape.to_string());
  }
  GRAFT_ASSIGN(const std::vector<std::int64_t> amounts, node.integers(1, "the padding"));
  for (const std::int64_t amount : amounts) {
    if (amount < 0 || amount > std::numeric_limits<int>::max()) {
      return node.bad("a padding of " + std::to_string(amount) + " cannot be");
    }
  }
  Pad pad;
  for (std::size_t i = 0; i + 1 < amounts.size(); i += 2) {
    pad.axes.push_back({static_cast<int>(amounts[i]), static_cast<int>(amounts[i + 1])});
  }
  return node.op(std::move(pad), {node.input(0)});
}

Result<NodeId> import_mean(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_ASSIGN(const std::vector<std::int64_t> listed, node.integers(1, "the axes"));
  Mean mean;
  GRAFT_ASSIGN(mean.keep_dims, node.attributes.flag("keep_dims", false));
  for (const std::int64_t value : listed) {
    GRAFT_ASSIGN(const int axis, checked_axis(node, value, node.spec(0).shape.rank()));
    mean.axes.push_back(axis);
  }
  std::ranges::sort(mean.axes);
  return node.op(std::move(mean), {node.input(0)});
}

}  // namespace

std::span<const OpImporter> shape_importers() {
  constexpr int kMostParts = 1 << 16;
  static const std::vector<OpImporter> table = {
      {"Reshape", 2, 2, {"T", "Tshape"}, import_reshape},
      {"Squeeze", 1, 1, {"T", "squeeze_dims", "axis"}, import_squeeze},
      {"Concat", 2, kMostParts, {"T", "N"}, import_concat},
      {"ConcatV2", 2, kMostParts, {"T", "N", "Tidx"}, import_concat_v2},
      {"Pad", 2, 2, {"T", "Tpaddings"}, import_pad},
      {"Mean", 2, 2, {"T", "Tidx", "keep_dims"}, import_mean},
  };
  return table;
}

}  // namespace graft
