#include "kernels/op.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace graft {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

using Specs = std::span<const TensorSpec>;

// "Conv2D: filter [3,3,4,8] …": every message starts with the op, the caller adds the node's name.
Error bad(std::string_view op, const std::string& what) {
  return invalid_argument(std::string(op) + ": " + what);
}

std::string text(const TensorSpec& spec) {
  return std::string(name_of(spec.dtype)) + spec.shape.to_string();
}

Result<TensorSpec> dense(std::string_view op, DType dtype, std::span<const std::int64_t> dims) {
  for (const std::int64_t dim : dims) {
    if (dim < 1) return bad(op, "an output dimension would be " + std::to_string(dim));
  }
  auto shape = Shape::make(dims);
  if (!shape.ok() || shape->elements() > kMaxElements) {
    return unsupported(std::string(op) + ": the result would have more than 2^31 elements");
  }
  return TensorSpec{dtype, *shape, Layout::kDense};
}

Result<void> expect_count(std::string_view op, Specs inputs, std::size_t least, std::size_t most) {
  if (inputs.size() >= least && inputs.size() <= most) return {};
  return bad(op, "has " + std::to_string(inputs.size()) + " inputs, needs " +
                     std::to_string(least) + (most == least ? "" : " to " + std::to_string(most)));
}

Result<void> expect_f32(std::string_view op, Specs inputs) {
  for (const TensorSpec& input : inputs) {
    if (input.dtype != DType::kF32) {
      return unsupported(std::string(op) + ": input " + text(input) + " is not f32");
    }
  }
  return {};
}

Result<void> expect_rank(std::string_view op, std::string_view which, const TensorSpec& input,
                         int rank) {
  if (input.shape.rank() == rank) return {};
  return bad(op,
             std::string(which) + " " + text(input) + " is not of rank " + std::to_string(rank));
}

Result<void> expect_vector(std::string_view op, std::string_view which, const TensorSpec& input,
                           std::int64_t size) {
  if (input.shape.rank() == 1 && input.shape[0] == size) return {};
  return bad(op, std::string(which) + " " + text(input) + " is not of shape [" +
                     std::to_string(size) + "]");
}

// Operands are at most 2^31 each, so every product and sum below stays under 2^63.
struct Window {
  std::int64_t in, kernel, stride, dilation, before, after;
};

Result<std::int64_t> window_count(std::string_view op, const Window& w) {
  if (w.stride < 1 || w.dilation < 1 || w.kernel < 1) {
    return bad(op, "kernel, stride and dilation must be at least 1");
  }
  if (w.before < 0 || w.after < 0) return bad(op, "negative padding");
  const std::int64_t reach = (w.kernel - 1) * w.dilation + 1;
  const std::int64_t padded = w.in + w.before + w.after;
  if (reach > padded) {
    return bad(op, "a window of " + std::to_string(reach) + " does not fit an input of " +
                       std::to_string(padded) + " (padding included)");
  }
  return (padded - reach) / w.stride + 1;
}

// x and the filter of a convolution: of rank 4, the filter for x's channels.
Result<void> expect_filter(std::string_view op, const TensorSpec& x, const TensorSpec& filter) {
  GRAFT_TRY(expect_rank(op, "x", x, 4));
  GRAFT_TRY(expect_rank(op, "filter", filter, 4));
  if (filter.shape[2] == x.shape[3]) return {};
  return bad(op, "filter " + text(filter) + " is for " + std::to_string(filter.shape[2]) +
                     " channels, x " + text(x) + " has " + std::to_string(x.shape[3]));
}

template <typename Conv>
Result<std::array<std::int64_t, 2>> conv_extent(std::string_view name, const Conv& op,
                                                const Shape& x, const Shape& filter) {
  GRAFT_ASSIGN(const std::int64_t height,
               window_count(name, {x[1], filter[0], op.stride_h, op.dilation_h, op.padding.top,
                                   op.padding.bottom}));
  GRAFT_ASSIGN(const std::int64_t width,
               window_count(name, {x[2], filter[1], op.stride_w, op.dilation_w, op.padding.left,
                                   op.padding.right}));
  return std::array<std::int64_t, 2>{height, width};
}

Result<TensorSpec> infer(const Conv2D& op, Specs in) {
  constexpr std::string_view kName = "Conv2D";
  GRAFT_TRY(expect_count(kName, in, 2, 3));
  GRAFT_TRY(expect_f32(kName, in));
  GRAFT_TRY(expect_filter(kName, in[0], in[1]));
  const Shape& x = in[0].shape;
  const Shape& filter = in[1].shape;
  if (in.size() == 3) GRAFT_TRY(expect_vector(kName, "bias", in[2], filter[3]));
  GRAFT_ASSIGN(const auto extent, conv_extent(kName, op, x, filter));
  return dense(kName, DType::kF32, std::array{x[0], extent[0], extent[1], filter[3]});
}

Result<TensorSpec> infer(const DepthwiseConv2D& op, Specs in) {
  constexpr std::string_view kName = "DepthwiseConv2D";
  GRAFT_TRY(expect_count(kName, in, 2, 4));
  GRAFT_TRY(expect_f32(kName, in));
  GRAFT_TRY(expect_filter(kName, in[0], in[1]));
  const Shape& x = in[0].shape;
  const Shape& filter = in[1].shape;
  const std::int64_t channels = filter[2] * filter[3];
  if (in.size() > 2) GRAFT_TRY(expect_vector(kName, "bias", in[2], channels));
  if (in.size() > 3) GRAFT_TRY(expect_vector(kName, "scale", in[3], channels));
  GRAFT_ASSIGN(const auto extent, conv_extent(kName, op, x, filter));
  return dense(kName, DType::kF32, std::array{x[0], extent[0], extent[1], channels});
}

Result<TensorSpec> infer(const SeparableConv2D& op, Specs in) {
  constexpr std::string_view kName = "SeparableConv2D";
  GRAFT_TRY(expect_count(kName, in, 5, 6));
  const Specs pointwise = in.last(2);
  GRAFT_ASSIGN(const TensorSpec between, infer(op.depthwise, in.first(in.size() - 2)));
  if (pointwise[0].shape.rank() == 4 && pointwise[0].shape[0] * pointwise[0].shape[1] != 1) {
    return bad(kName, "filter " + text(pointwise[0]) + " is not 1x1");
  }
  return infer(Conv2D{}, std::array{between, pointwise[0], pointwise[1]});
}

Result<TensorSpec> infer(const Quantize&, Specs in) {
  constexpr std::string_view kName = "Quantize";
  GRAFT_TRY(expect_count(kName, in, 2, 2));
  GRAFT_TRY(expect_f32(kName, in));
  const Shape& x = in[0].shape;
  if (x.rank() < 1) return bad(kName, "x is a scalar");
  GRAFT_TRY(expect_vector(kName, "scale", in[1], x[x.rank() - 1]));
  return TensorSpec{DType::kU8, x, Layout::kDense};
}

// depthwise: one channel of x a channel of the result, else all.
template <typename Conv>
Result<TensorSpec> infer_quantized(std::string_view name, const Conv& op, bool depthwise,
                                   Specs in) {
  GRAFT_TRY(expect_count(name, in, 4, 4));
  if (in[0].dtype != DType::kU8 || in[1].dtype != DType::kI8) {
    return unsupported(std::string(name) + ": x " + text(in[0]) + " and filter " + text(in[1]) +
                       " are not u8 and i8");
  }
  GRAFT_TRY(expect_f32(name, in.subspan(2)));
  GRAFT_TRY(expect_filter(name, in[0], in[1]));
  const Shape& x = in[0].shape;
  const Shape& filter = in[1].shape;
  const std::int64_t taps = filter[0] * filter[1] * (depthwise ? 1 : filter[2]);
  if (taps > kMostQuantizedTaps) {
    return unsupported(std::string(name) + ": sums of " + std::to_string(taps) +
                       " products may not fit 32 bits");
  }
  const std::int64_t channels = depthwise ? filter[2] * filter[3] : filter[3];
  GRAFT_TRY(expect_vector(name, "bias", in[2], channels));
  GRAFT_TRY(expect_vector(name, "scale", in[3], channels));
  GRAFT_ASSIGN(const auto extent, conv_extent(name, op, x, filter));
  return dense(name, op.to_f32 ? DType::kF32 : DType::kU8,
               std::array{x[0], extent[0], extent[1], channels});
}

Result<TensorSpec> infer(const QuantizedConv2D& op, Specs in) {
  return infer_quantized("QuantizedConv2D", op, false, in);
}

Result<TensorSpec> infer(const QuantizedDepthwiseConv2D& op, Specs in) {
  return infer_quantized("QuantizedDepthwiseConv2D", op, true, in);
}

Result<TensorSpec> infer(const MatMul& op, Specs in) {
  constexpr std::string_view kName = "MatMul";
  GRAFT_TRY(expect_count(kName, in, 2, 3));
  GRAFT_TRY(expect_f32(kName, in));
  GRAFT_TRY(expect_rank(kName, "a", in[0], 2));
  GRAFT_TRY(expect_rank(kName, "b", in[1], 2));
  const std::int64_t rows = in[0].shape[op.transpose_a ? 1 : 0];
  const std::int64_t depth = in[0].shape[op.transpose_a ? 0 : 1];
  const std::int64_t depth_of_b = in[1].shape[op.transpose_b ? 1 : 0];
  const std::int64_t columns = in[1].shape[op.transpose_b ? 0 : 1];
  if (depth != depth_of_b) {
    return bad(kName, "a " + text(in[0]) + " and b " + text(in[1]) + " do not share " +
                          std::to_string(depth) + " inner elements");
  }
  if (in.size() == 3) GRAFT_TRY(expect_vector(kName, "bias", in[2], columns));
  return dense(kName, DType::kF32, std::array{rows, columns});
}

Result<TensorSpec> infer(const Pool& op, Specs in) {
  constexpr std::string_view kName = "Pool";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  GRAFT_TRY(expect_f32(kName, in));
  GRAFT_TRY(expect_rank(kName, "x", in[0], 4));
  const Shape& x = in[0].shape;
  const Padding& pad = op.padding;
  GRAFT_ASSIGN(const std::int64_t height,
               window_count(kName, {x[1], op.kernel_h, op.stride_h, 1, pad.top, pad.bottom}));
  GRAFT_ASSIGN(const std::int64_t width,
               window_count(kName, {x[2], op.kernel_w, op.stride_w, 1, pad.left, pad.right}));
  // Otherwise a window could lie wholly outside the image and have no value at all.
  if (pad.top >= op.kernel_h || pad.bottom >= op.kernel_h || pad.left >= op.kernel_w ||
      pad.right >= op.kernel_w) {
    return bad(kName, "padding must be smaller than the window");
  }
  return dense(kName, DType::kF32, std::array{x[0], height, width, x[3]});
}

Result<TensorSpec> infer(const Binary&, Specs in) {
  constexpr std::string_view kName = "Binary";
  GRAFT_TRY(expect_count(kName, in, 2, 2));
  GRAFT_TRY(expect_f32(kName, in));
  const Shape& a = in[0].shape;
  const Shape& b = in[1].shape;
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  for (int axis = 0; axis < rank; ++axis) {
    const int from_end = rank - axis;
    const std::int64_t da = from_end <= a.rank() ? a[a.rank() - from_end] : 1;
    const std::int64_t db = from_end <= b.rank() ? b[b.rank() - from_end] : 1;
    if (da != db && da != 1 && db != 1) {
      return bad(kName, text(in[0]) + " and " + text(in[1]) + " do not broadcast");
    }
    dims[static_cast<std::size_t>(axis)] = std::max(da, db);
  }
  return dense(kName, DType::kF32, {dims.data(), static_cast<std::size_t>(rank)});
}

Result<TensorSpec> infer(const Unary& op, Specs in) {
  constexpr std::string_view kName = "Unary";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  if (op.kind != Unary::Kind::kIdentity) GRAFT_TRY(expect_f32(kName, in));
  return TensorSpec{in[0].dtype, in[0].shape, Layout::kDense};
}

Result<TensorSpec> infer(const BatchNorm&, Specs in) {
  constexpr std::string_view kName = "BatchNorm";
  GRAFT_TRY(expect_count(kName, in, 5, 5));
  GRAFT_TRY(expect_f32(kName, in));
  const Shape& x = in[0].shape;
  if (x.rank() < 1) return bad(kName, "x is a scalar");
  constexpr std::array<std::string_view, 5> kNames = {"x", "mean", "variance", "beta", "gamma"};
  for (std::size_t i = 1; i < 5; ++i) {
    GRAFT_TRY(expect_vector(kName, kNames[i], in[i], x[x.rank() - 1]));
  }
  return TensorSpec{DType::kF32, x, Layout::kDense};
}

Result<TensorSpec> infer(const Dequantize&, Specs in) {
  constexpr std::string_view kName = "Dequantize";
  GRAFT_TRY(expect_count(kName, in, 3, 3));
  if (in[0].dtype != DType::kU8) {
    return unsupported(std::string(kName) + ": input " + text(in[0]) + " is not u8");
  }
  GRAFT_TRY(expect_f32(kName, in.subspan(1)));
  for (const TensorSpec& range : in.subspan(1)) {
    if (range.shape.elements() != 1) {
      return unsupported(std::string(kName) + ": range " + text(range) + " is not one number");
    }
  }
  return TensorSpec{DType::kF32, in[0].shape, Layout::kDense};
}

Result<TensorSpec> infer(const Concat& op, Specs in) {
  constexpr std::string_view kName = "Concat";
  if (in.empty()) return bad(kName, "has no inputs");
  const Shape& first = in[0].shape;
  if (op.axis < 0 || op.axis >= first.rank()) {
    return bad(kName, "axis " + std::to_string(op.axis) + " is outside " + text(in[0]));
  }
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  std::ranges::copy(first.dims(), dims.begin());
  std::int64_t& joined = dims[static_cast<std::size_t>(op.axis)];
  for (const TensorSpec& input : in.subspan(1)) {
    bool fits = input.dtype == in[0].dtype && input.shape.rank() == first.rank();
    for (int axis = 0; fits && axis < first.rank(); ++axis) {
      fits = axis == op.axis || input.shape[axis] == first[axis];
    }
    if (!fits) return bad(kName, text(input) + " does not continue " + text(in[0]));
    joined += input.shape[op.axis];
    if (joined > kMaxElements) break;  // dense() refuses it
  }
  return dense(kName, in[0].dtype, {dims.data(), static_cast<std::size_t>(first.rank())});
}

Result<TensorSpec> infer(const Pad& op, Specs in) {
  constexpr std::string_view kName = "Pad";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  const Shape& x = in[0].shape;
  if (op.axes.size() != static_cast<std::size_t>(x.rank())) {
    return bad(kName, std::to_string(op.axes.size()) + " paddings for x " + text(in[0]));
  }
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  for (int axis = 0; axis < x.rank(); ++axis) {
    const AxisPadding pad = op.axes[static_cast<std::size_t>(axis)];
    if (pad.before < 0 || pad.after < 0) return bad(kName, "negative padding");
    dims[static_cast<std::size_t>(axis)] = x[axis] + pad.before + pad.after;
  }
  return dense(kName, in[0].dtype, {dims.data(), static_cast<std::size_t>(x.rank())});
}

Result<TensorSpec> infer(const Mean& op, Specs in) {
  constexpr std::string_view kName = "Mean";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  GRAFT_TRY(expect_f32(kName, in));
  const Shape& x = in[0].shape;
  std::array<bool, Shape::kMaxRank> reduced{};
  for (const int axis : op.axes) {
    if (axis < 0 || axis >= x.rank()) {
      return bad(kName, "axis " + std::to_string(axis) + " is outside " + text(in[0]));
    }
    if (reduced[static_cast<std::size_t>(axis)]) {
      return bad(kName, "axis " + std::to_string(axis) + " is named twice");
    }
    reduced[static_cast<std::size_t>(axis)] = true;
  }
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!reduced[static_cast<std::size_t>(axis)]) {
      dims.push_back(x[axis]);
    } else if (op.keep_dims) {
      dims.push_back(1);
    }
  }
  return dense(kName, DType::kF32, dims);
}

Result<TensorSpec> infer(const Reshape& op, Specs in) {
  constexpr std::string_view kName = "Reshape";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  if (op.shape.elements() != in[0].shape.elements()) {
    return bad(kName, text(in[0]) + " does not have the elements of " + op.shape.to_string());
  }
  return TensorSpec{in[0].dtype, op.shape, Layout::kDense};
}

Result<TensorSpec> infer(const Softmax&, Specs in) {
  constexpr std::string_view kName = "Softmax";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  GRAFT_TRY(expect_f32(kName, in));
  if (in[0].shape.rank() < 1) return bad(kName, "x is a scalar");
  return TensorSpec{DType::kF32, in[0].shape, Layout::kDense};
}

Result<TensorSpec> infer(const Reorder& op, Specs in) {
  constexpr std::string_view kName = "Reorder";
  GRAFT_TRY(expect_count(kName, in, 1, 1));
  if (op.to != Layout::kDense || in[0].layout != Layout::kDense) {
    GRAFT_TRY(expect_f32(kName, in));
    GRAFT_TRY(expect_rank(kName, "x", in[0], 4));
  }
  return TensorSpec{in[0].dtype, in[0].shape, Layout::kDense};
}

std::uint64_t unsigned_product(std::initializer_list<std::int64_t> factors) {
  std::uint64_t product = 1;
  for (const std::int64_t factor : factors) product *= static_cast<std::uint64_t>(factor);
  return product;
}

}  // namespace

AxisPadding same_padding(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                         std::int64_t dilation) {
  if (in < 1 || kernel < 1 || stride < 1 || dilation < 1 || in > kMaxElements ||
      kernel > kMaxElements || stride > kMaxElements || dilation > kMaxElements) {
    return {};  // infer_output() refuses such an op by its own check
  }
  const std::int64_t out = (in + stride - 1) / stride;
  const std::int64_t reach = (kernel - 1) * dilation + 1;
  const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + reach - in, 0);
  // A filter this large has more than 2^31 taps of reach; keep the ints meaningful.
  const std::int64_t before = std::min<std::int64_t>(total / 2, kMaxElements - 1);
  const std::int64_t after = std::min<std::int64_t>(total - total / 2, kMaxElements - 1);
  return {static_cast<int>(before), static_cast<int>(after)};
}

std::string_view name_of(const Op& op) {
  constexpr std::array<std::string_view, std::variant_size_v<Op>> kNames = {
      "Conv2D",
      "DepthwiseConv2D",
      "MatMul",
      "Pool",
      "Binary",
      "Unary",
      "BatchNorm",
      "Dequantize",
      "Concat",
      "Pad",
      "Mean",
      "Reshape",
      "Softmax",
      "Reorder",
      "SeparableConv2D",
      "Quantize",
      "QuantizedConv2D",
      "QuantizedDepthwiseConv2D"};
  return kNames[op.index()];
}

Result<TensorSpec> infer_output(const Op& op, std::span<const TensorSpec> inputs) {
  for (const TensorSpec& input : inputs) {
    if (input.shape.elements() < 1 || input.shape.elements() > kMaxElements) {
      return unsupported(std::string(name_of(op)) + ": input " + text(input) +
                         " has no elements or more than 2^31");
    }
  }
  return std::visit([&](const auto& o) { return infer(o, inputs); }, op);
}

std::uint64_t multiply_adds(const Op& op, std::span<const TensorSpec> inputs,
                            const TensorSpec& output) {
  const std::int64_t results = output.shape.elements();
  return std::visit(
      Overloaded{
          [&](const Conv2D&) {
            const Shape& filter = inputs[1].shape;
            return unsigned_product({results, filter[0], filter[1], filter[2]});
          },
          [&](const DepthwiseConv2D&) {
            return unsigned_product({results, inputs[1].shape[0], inputs[1].shape[1]});
          },
          [&](const QuantizedConv2D&) {
            const Shape& filter = inputs[1].shape;
            return unsigned_product({results, filter[0], filter[1], filter[2]});
          },
          [&](const QuantizedDepthwiseConv2D&) {
            return unsigned_product({results, inputs[1].shape[0], inputs[1].shape[1]});
          },
          [&](const SeparableConv2D&) {
            const Shape& taps = inputs[1].shape;
            const Shape& pointwise = inputs[inputs.size() - 2].shape;
            const std::int64_t pixels = results / output.shape[3];
            return unsigned_product({pixels, pointwise[2], taps[0] * taps[1] + output.shape[3]});
          },
          [&](const MatMul& m) {
            return unsigned_product({results, inputs[0].shape[m.transpose_a ? 0 : 1]});
          },
          [](const auto&) { return std::uint64_t{0}; },
      },
      op);
}

}  // namespace graft
