#include <algorithm>
#include <utility>

#include "kernels/highway/depthwise.h"
#include "kernels/highway/ops.h"
#include "kernels/highway/packing.h"

namespace graft::highway {
namespace {

// Rows of the depthwise result are made until there are this many pixels: what they hold is still
// in the nearer caches, and the filter, which may come from afar, is not read for a few pixels
// alone.
constexpr std::int64_t kStripPixels = 224;

// Strip by strip: some rows of the depthwise convolution into scratch, then the pointwise
// convolution of these. Number: what the depthwise sums are kept in.
template <typename Number>
class SeparableKernel final : public Kernel {
 public:
  SeparableKernel(ReadyDepthwise<Number> depthwise, PackedPanels filter, Clamp clamp,
                  const Shape& out, const VectorKernels& vectors)
      : depthwise_(std::move(depthwise)),
        filter_(std::move(filter)),
        clamp_(clamp),
        out_(out),
        vectors_(vectors) {
    // Strips as even as can be: none is left with a row or two.
    const std::int64_t most = std::clamp<std::int64_t>(kStripPixels / out[2], 1, out[1]);
    const std::int64_t strips = (out[1] + most - 1) / most;
    strip_rows_ = (out[1] + strips - 1) / strips;
  }

  std::size_t scratch_bytes() const override {
    return size(strip_rows_ * out_[2]) * filter_.view().depth * sizeof(float);
  }

  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override {
    const float* image = in[0].as<float>().data();
    float* result = out.as<float>().data();
    auto* const strip = reinterpret_cast<float*>(scratch.data());
    const std::size_t depth = filter_.view().depth;
    for (std::int64_t n = 0; n < out_[0]; ++n) {
      for (std::int64_t row = 0; row < out_[1]; row += strip_rows_) {
        const std::int64_t end = std::min(row + strip_rows_, out_[1]);
        depthwise_.run(image, size(row), size(end), strip);
        const std::int64_t pixels = (end - row) * out_[2];
        vectors_.pointwise({strip, size(pixels), depth, depth}, filter_.view(), clamp_, result);
        result += pixels * out_[3];
      }
      image += depthwise_.image_floats();
    }
  }

 private:
  ReadyDepthwise<Number> depthwise_;
  PackedPanels filter_;
  Clamp clamp_;  // of the pointwise half
  Shape out_;
  const VectorKernels& vectors_;
  std::int64_t strip_rows_ = 1;
};

template <typename Number>
Prepared make_kernel(const SeparableConv2D& op, const OpSpec& spec, Constants constants,
                     const VectorKernels& vectors) {
  const bool scaled = constants.size() == 6;
  const auto pointwise = constants.last(2);
  const Shape& x = spec.inputs[0].shape;
  const Shape& out = spec.output.shape;
  ReadyDepthwise<Number> first(
      op.depthwise, x, out, constants[1].as<float>(), constants[2].as<float>(),
      scaled ? constants[3].as<float>() : std::span<const float>(), vectors);
  PackedPanels second(pointwise[0].as<float>(), pointwise[1].as<float>(), size(out[3]),
                      vectors.lanes);
  return std::make_unique<SeparableKernel<Number>>(std::move(first), std::move(second),
                                                   clamp_of(op.activation), out, vectors);
}

}  // namespace

Prepared prepare(const SeparableConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  std::string reason = depthwise_refusal(op.depthwise, spec.inputs[1].shape);
  if (!reason.empty()) return Refusal{std::move(reason)};
  if (in_float64(spec.output.shape)) return make_kernel<double>(op, spec, constants, vectors);
  return make_kernel<float>(op, spec, constants, vectors);
}

}  // namespace graft::highway
