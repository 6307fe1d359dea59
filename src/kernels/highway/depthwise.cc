#include "kernels/highway/depthwise.h"

#include <type_traits>

#include "kernels/highway/ops.h"

namespace graft::highway {
namespace {

class DepthwiseKernel final : public Kernel {
 public:
  DepthwiseKernel(ReadyDepthwise<float> depthwise, const Shape& out)
      : depthwise_(std::move(depthwise)), out_(out) {}
  std::size_t scratch_bytes() const override { return 0; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte>) const override {
    const float* image = in[0].as<float>().data();
    float* result = out.as<float>().data();
    for (std::int64_t n = 0; n < out_[0]; ++n) {
      depthwise_.run(image, 0, size(out_[1]), result);
      image += depthwise_.image_floats();
      result += out_[1] * out_[2] * out_[3];
    }
  }

 private:
  ReadyDepthwise<float> depthwise_;
  Shape out_;
};

// The same in float64, row by row.
class WideDepthwiseKernel final : public Kernel {
 public:
  WideDepthwiseKernel(ReadyDepthwise<double> depthwise, const Shape& out,
                      const VectorKernels& vectors)
      : depthwise_(std::move(depthwise)), out_(out), vectors_(vectors) {}
  std::size_t scratch_bytes() const override { return size(out_[2] * out_[3]) * sizeof(double); }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override {
    const std::size_t row_numbers = size(out_[2] * out_[3]);
    const float* image = in[0].as<float>().data();
    float* result = out.as<float>().data();
    auto* const row = reinterpret_cast<double*>(scratch.data());
    for (std::int64_t n = 0; n < out_[0]; ++n) {
      for (std::size_t y = 0; y < size(out_[1]); ++y) {
        depthwise_.run(image, y, y + 1, row);
        vectors_.narrow(row, row_numbers, result);
        result += row_numbers;
      }
      image += depthwise_.image_floats();
    }
  }

 private:
  ReadyDepthwise<double> depthwise_;
  Shape out_;
  const VectorKernels& vectors_;
};

}  // namespace

bool in_float64(const Shape& out) {
  constexpr std::int64_t kManyPixels = 64 * 64;
  return out[1] * out[2] >= kManyPixels;
}

std::string depthwise_refusal(const DepthwiseConv2D& op, const Shape& filter) {
  if (filter[0] != 3 || filter[1] != 3) return "not a 3x3 filter";
  if (filter[3] != 1) return "a channel multiplier";
  if (op.dilation_h != 1 || op.dilation_w != 1) return "dilated";
  if (op.stride_h != op.stride_w || op.stride_h > 2) return "a stride other than 1 or 2";
  return "";
}

template <typename Number>
ReadyDepthwise<Number>::ReadyDepthwise(const DepthwiseConv2D& op, const Shape& x, const Shape& out,
                                       std::span<const float> filter, std::span<const float> bias,
                                       std::span<const float> scale, const VectorKernels& vectors)
    : filter_(filter, bias, scale, size(x[3]),
              std::is_same_v<Number, double> ? vectors.wide_lanes : vectors.lanes),
      vectors_(vectors),
      op_{size(x[1]),      size(x[2]),        size(x[3]),
          size(out[2]),    size(op.stride_h), op.padding.top,
          op.padding.left, filter_.view(),    clamp_of(op.activation)} {}

template <typename Number>
void ReadyDepthwise<Number>::run(const float* image, std::size_t first, std::size_t last,
                                 Number* out) const {
  if constexpr (std::is_same_v<Number, double>) {
    vectors_.wide_depthwise(op_, image, first, last, out);
  } else {
    vectors_.depthwise(op_, image, first, last, out);
  }
}

template class ReadyDepthwise<float>;
template class ReadyDepthwise<double>;

Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  std::string reason = depthwise_refusal(op, spec.inputs[1].shape);
  if (!reason.empty()) return Refusal{std::move(reason)};
  const auto optional = [&](std::size_t i) {
    return i < constants.size() ? constants[i].as<float>() : std::span<const float>();
  };
  const Shape& x = spec.inputs[0].shape;
  const Shape& out = spec.output.shape;
  const auto filter = constants[1].as<float>();
  if (in_float64(out)) {
    return std::make_unique<WideDepthwiseKernel>(
        ReadyDepthwise<double>(op, x, out, filter, optional(2), optional(3), vectors), out,
        vectors);
  }
  return std::make_unique<DepthwiseKernel>(
      ReadyDepthwise<float>(op, x, out, filter, optional(2), optional(3), vectors), out);
}

}  // namespace graft::highway
