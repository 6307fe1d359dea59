// Ops that move elements or change shapes. Their axes and sizes must be constants of the file.
#include <algorithm>
#include <limits>
#include <string>

#include "graph/channels_first.h"
#include "graph/import_ops.h"

namespace graft {
namespace {

Result<Shape> shape_from(const NodeImport& node, std::span<const std::int64_t> dims) {
  auto shape = Shape::make(dims);
  if (!shape.ok()) return node.bad(shape.error().message);
  return shape;
}

// Changing the shape of [N,C,H,W] reads its elements in that order, in which they are not held.
Result<void> expect_same_order(const NodeImport& node) {
  if (!node.channels_first(0) || same_order(node.spec(0).shape)) return {};
  return node.not_handled("reads the channels-first " + node.shape_in_file(0).to_string() +
                          " element by element: export the graph with NHWC, or with a pool over "
                          "all pixels or a Transpose [0,2,3,1] in front of this node");
}

// At most one -1, which takes what the other dimensions leave.
Result<NodeId> import_reshape(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_TRY(expect_same_order(node));
  node.set_channels_first(false);
  GRAFT_ASSIGN(std::vector<std::int64_t> dims, node.integers(1, "the new shape"));
  const auto open = std::ranges::find(dims, -1);
  if (open != dims.end()) {
    *open = 1;
    GRAFT_ASSIGN(const Shape rest, shape_from(node, dims));
    const std::int64_t elements = node.spec(0).shape.elements();
    if (rest.elements() < 1 || elements % rest.elements() != 0) {
      return node.bad("its input of shape " + node.shape_in_file(0).to_string() +
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
  GRAFT_TRY(expect_same_order(node));
  node.set_channels_first(false);
  const bool old_name = node.attributes.has("squeeze_dims");
  GRAFT_ASSIGN(const std::vector<std::int64_t> listed,
               node.attributes.integers(old_name ? "squeeze_dims" : "axis"));
  const Shape x = node.shape_in_file(0);
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

Result<NodeId> concat_along(NodeImport& node, std::size_t axis_input,
                            std::span<const ImportedValue> parts) {
  GRAFT_ASSIGN(const std::vector<std::int64_t> axis, node.integers(axis_input, "the axis"));
  if (axis.size() != 1) return node.bad("the axis is not one number");
  if (node.attributes.has("N")) {
    GRAFT_ASSIGN(const std::int64_t count, node.attributes.integer("N"));
    if (count != static_cast<std::int64_t>(parts.size())) {
      return node.bad("attribute N says " + std::to_string(count) + " inputs, there are " +
                      std::to_string(parts.size()));
    }
  }
  const bool channels_first = parts[0].channels_first;
  std::vector<NodeId> ids;
  ids.reserve(parts.size());
  for (const ImportedValue& part : parts) {
    if (part.channels_first != channels_first) {
      return node.not_handled(
          "joins what is channels first with what is not: export the graph with one data_format");
    }
    ids.push_back(part.id);
  }
  node.set_channels_first(channels_first);
  const std::size_t first = axis_input == 0 ? 1 : 0;
  GRAFT_ASSIGN(const int checked, checked_axis(node, axis[0], node.spec(first).shape.rank()));
  return node.op(Concat{channels_first ? held_axis(checked) : checked}, std::move(ids));
}

Result<NodeId> import_concat(NodeImport& node) {  // axis, then the parts
  return concat_along(node, 0, node.inputs().subspan(1));
}

Result<NodeId> import_concat_v2(NodeImport& node) {  // the parts, then the axis
  const auto in = node.inputs();
  return concat_along(node, in.size() - 1, in.first(in.size() - 1));
}

Result<NodeId> import_pad(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  const Shape& table = node.spec(1).shape;
  if (table.rank() != 2 || table[0] != node.spec(0).shape.rank() || table[1] != 2) {
    return node.bad("paddings of shape " + table.to_string() + " do not fit an input of shape " +
                    node.shape_in_file(0).to_string());
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
  if (node.channels_first(0)) {
    std::rotate(pad.axes.begin() + 1, pad.axes.begin() + 2, pad.axes.end());
  }
  return node.op(std::move(pad), {node.input(0)});
}

Result<NodeId> import_mean(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_ASSIGN(const std::vector<std::int64_t> listed, node.integers(1, "the axes"));
  Mean mean;
  GRAFT_ASSIGN(mean.keep_dims, node.attributes.flag("keep_dims", false));
  const bool channels_first = node.channels_first(0);
  for (const std::int64_t value : listed) {
    GRAFT_ASSIGN(const int axis, checked_axis(node, value, node.spec(0).shape.rank()));
    mean.axes.push_back(channels_first ? held_axis(axis) : axis);
  }
  std::ranges::sort(mean.axes);
  if (channels_first && !mean.keep_dims && !mean.axes.empty()) {
    // What is left stands in the file's order unless channels and sides are.
    const auto leaves = [&](int axis) { return !std::ranges::binary_search(mean.axes, axis); };
    if (leaves(3) && (leaves(1) || leaves(2))) {
      return node.not_handled("leaves channels beside rows or columns of the channels-first " +
                              node.shape_in_file(0).to_string() + ": export the graph with NHWC");
    }
    node.set_channels_first(false);
  }
  return node.op(std::move(mean), {node.input(0)});
}

// Between the two orders of an image's axes: no element moves.
Result<NodeId> import_transpose(NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_ASSIGN(const std::vector<std::int64_t> axes, node.integers(1, "the permutation"));
  const int rank = node.spec(0).shape.rank();
  std::vector<std::int64_t> sorted = axes;
  std::ranges::sort(sorted);
  bool permutes = axes.size() == static_cast<std::size_t>(rank);
  for (int axis = 0; permutes && axis < rank; ++axis) {
    permutes = sorted[static_cast<std::size_t>(axis)] == axis;
  }
  if (!permutes) {
    return node.bad("its permutation is none of the axes of " + node.shape_in_file(0).to_string());
  }
  if (axes == sorted) return node.alias(node.input(0));
  const bool channels_first = node.channels_first(0);
  const std::vector<std::int64_t> handled = channels_first ? std::vector<std::int64_t>{0, 2, 3, 1}
                                                           : std::vector<std::int64_t>{0, 3, 1, 2};
  if (axes != handled) {
    return node.not_handled(std::string("moves the axes of a ") +
                            (channels_first ? "channels-first " : "") +
                            node.shape_in_file(0).to_string() +
                            " otherwise than between NHWC and NCHW, which is not handled: "
                            "export the graph without it");
  }
  node.set_channels_first(!channels_first);
  return node.alias(node.input(0));
}

}  // namespace

std::span<const OpImporter> shape_importers() {
  constexpr int kMostParts = 1 << 16;
  constexpr auto first = ChannelsFirst::kFirstInput;
  constexpr auto any = ChannelsFirst::kAnyInput;
  static const std::vector<OpImporter> table = {
      {"Reshape", 2, 2, {"T", "Tshape"}, import_reshape, first},
      {"Squeeze", 1, 1, {"T", "squeeze_dims", "axis"}, import_squeeze, first},
      {"Concat", 2, kMostParts, {"T", "N"}, import_concat, any},
      {"ConcatV2", 2, kMostParts, {"T", "N", "Tidx"}, import_concat_v2, any},
      {"Pad", 2, 2, {"T", "Tpaddings"}, import_pad, first},
      {"Mean", 2, 2, {"T", "Tidx", "keep_dims"}, import_mean, first},
      {"Transpose", 2, 2, {"T", "Tperm"}, import_transpose, first},
  };
  return table;
}

}  // namespace graft
