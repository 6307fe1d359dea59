#include "kernels/highway/depthwise.h"

#include <type_traits>

#include "kernels/highway/ops.h"

namespace graft::highway {
namespace {

template <typename Number>
class DepthwiseKernel final : public Kernel {
 public:
  DepthwiseKernel(ReadyDepthwise<Number> depthwise, const Shape& out)
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
  ReadyDepthwise<Number> depthwise_;
  Shape out_;
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
                                 float* out) const {
  if constexpr (std::is_same_v<Number, double>) {
    vectors_.wide_depthwise(op_, image, first, last, out);
  } else {
    vectors_.depthwise(op_, image, first, last, out);
  }
}

template class ReadyDepthwise<float>;
template class ReadyDepthwise<double>;

namespace {

template <typename Number>
Prepared make_kernel(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants,
                     const VectorKernels& vectors) {
  const auto optional = [&](std::size_t i) {
    return i < constants.size() ? constants[i].as<float>() : std::span<const float>();
  };
  const Shape& out = spec.output.shape;
  ReadyDepthwise<Number> ready(op, spec.inputs[0].shape, out, constants[1].as<float>(), optional(2),
                               optional(3), vectors);
  return std::make_unique<DepthwiseKernel<Number>>(std::move(ready), out);
}

}  // namespace

Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  std::string reason = depthwise_refusal(op, spec.inputs[1].shape);
  if (!reason.empty()) return Refusal{std::move(reason)};
  return in_float64(spec.output.shape) ? make_kernel<double>(op, spec, constants, vectors)
                                       : make_kernel<float>(op, spec, constants, vectors);
}

}  // namespace graft::highway
