// Convolutions and pools: strides, windows and paddings become plain numbers here.
#include <array>
#include <limits>
#include <string>

#include "graph/import_ops.h"
#include "graph/topology.h"

namespace graft {
namespace {

struct Extent {
  int h = 1, w = 1;
};

// A list of positive numbers, [1, h, w, 1] or, as data_format may have it, [1, 1, h, w].
Result<Extent> extent_of(const NodeImport& node, std::string_view name, bool may_be_absent) {
  GRAFT_ASSIGN(const std::vector<std::int64_t> list, node.attributes.integers(name));
  if (list.empty() && may_be_absent) return Extent{};
  const std::string label = "attribute " + std::string(name);
  if (list.size() != 4) {
    return node.bad(label + " has " + std::to_string(list.size()) + " numbers, needs 4");
  }
  for (const std::int64_t value : list) {
    if (value < 1 || value > std::numeric_limits<int>::max()) {
      return node.bad(label + " holds " + std::to_string(value) + ", which cannot be");
    }
  }
  const bool channels_first = node.channels_first(0);
  if (list[0] != 1 || list[channels_first ? 1 : 3] != 1) {
    return node.not_handled(label + " moves over images or channels, which is not handled");
  }
  const std::size_t h = channels_first ? 2 : 1;
  return Extent{static_cast<int>(list[h]), static_cast<int>(list[h + 1])};
}

Result<Padding> padding_of(const NodeImport& node, const Extent& kernel, const Extent& stride,
                           const Extent& dilation) {
  GRAFT_ASSIGN(const std::string_view kind, node.attributes.text("padding"));
  GRAFT_ASSIGN(const std::vector<std::int64_t> listed,
               node.attributes.integers("explicit_paddings"));
  if (kind == "VALID") return Padding{};
  if (kind != "SAME") {
    return node.not_handled("padding " + quoted(kind) + " is not handled, SAME and VALID are");
  }
  const Shape& x = node.spec(0).shape;
  const AxisPadding rows = same_padding(x[1], kernel.h, stride.h, dilation.h);
  const AxisPadding columns = same_padding(x[2], kernel.w, stride.w, dilation.w);
  return Padding{rows.before, rows.after, columns.before, columns.after};
}

Result<void> expect_image(const NodeImport& node) {
  GRAFT_TRY(node.expect_type("T"));
  GRAFT_TRY(expect_data_format(node));
  if (node.spec(0).shape.rank() == 4) return {};
  return node.bad("its input of shape " + node.spec(0).shape.to_string() +
                  " is not [batch, height, width, channels]");
}

template <typename Conv>
Result<NodeId> import_convolution(NodeImport& node) {
  GRAFT_TRY(expect_image(node));
  const Shape& filter = node.spec(1).shape;
  if (filter.rank() != 4 || filter[0] > std::numeric_limits<int>::max() ||
      filter[1] > std::numeric_limits<int>::max()) {
    return node.bad("its filter of shape " + filter.to_string() + " is not of rank 4");
  }
  GRAFT_ASSIGN(const Extent stride, extent_of(node, "strides", false));
  GRAFT_ASSIGN(const Extent dilation, extent_of(node, "dilations", true));
  const Extent kernel{static_cast<int>(filter[0]), static_cast<int>(filter[1])};
  GRAFT_ASSIGN(const Padding padding, padding_of(node, kernel, stride, dilation));
  Conv conv;
  conv.stride_h = stride.h;
  conv.stride_w = stride.w;
  conv.dilation_h = dilation.h;
  conv.dilation_w = dilation.w;
  conv.padding = padding;
  return node.op_of_all(conv);
}

template <Pool::Kind kKind>
Result<NodeId> import_pool(NodeImport& node) {
  GRAFT_TRY(expect_image(node));
  GRAFT_ASSIGN(const Extent kernel, extent_of(node, "ksize", false));
  GRAFT_ASSIGN(const Extent stride, extent_of(node, "strides", false));
  GRAFT_ASSIGN(const Padding padding, padding_of(node, kernel, stride, Extent{}));
  return node.op_of_all(Pool{kKind, kernel.h, kernel.w, stride.h, stride.w, padding});
}

}  // namespace

std::span<const OpImporter> window_importers() {
  static const std::vector<OpImporter> table = {
      {"Conv2D",
       2,
       2,
       {"T", "strides", "padding", "explicit_paddings", "data_format", "dilations",
        "use_cudnn_on_gpu"},
       import_convolution<Conv2D>,
       ChannelsFirst::kFirstInput},
      {"DepthwiseConv2dNative",
       2,
       2,
       {"T", "strides", "padding", "explicit_paddings", "data_format", "dilations"},
       import_convolution<DepthwiseConv2D>,
       ChannelsFirst::kFirstInput},
      {"AvgPool",
       1,
       1,
       {"T", "ksize", "strides", "padding", "data_format"},
       import_pool<Pool::Kind::kAverage>,
       ChannelsFirst::kFirstInput},
      {"MaxPool",
       1,
       1,
       {"T", "ksize", "strides", "padding", "explicit_paddings", "data_format"},
       import_pool<Pool::Kind::kMax>,
       ChannelsFirst::kFirstInput},
  };
  return table;
}

}  // namespace graft
