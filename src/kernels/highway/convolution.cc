#include <algorithm>

#include "kernels/highway/ops.h"
#include "kernels/highway/packing.h"

namespace graft::highway {
namespace {

std::size_t size(std::int64_t dim) {
  return static_cast<std::size_t>(dim);
}

// The taps of one axis that lie inside the image, for output `out`: [first, last), at(first) being
// where the first one reads.
struct Axis {
  std::int64_t in, taps, stride, before;
  std::int64_t start(std::int64_t out) const { return out * stride - before; }
  std::int64_t first(std::int64_t out) const {
    return std::clamp<std::int64_t>(-start(out), 0, taps);
  }
  std::int64_t last(std::int64_t out) const {
    return std::clamp<std::int64_t>(in - start(out), first(out), taps);
  }
  bool is_whole(std::int64_t out) const { return first(out) == 0 && last(out) == taps; }
};

// A first layer, read in place: the taps of one filter row are neighbours in memory, so an output
// pixel sums as many runs of floats as the filter has rows.
class ConvolutionKernel final : public Kernel {
 public:
  ConvolutionKernel(const Conv2D& op, const OpSpec& spec, PackedWide filter,
                    const VectorKernels& vectors)
      : filter_(std::move(filter)),
        vectors_(vectors),
        clamp_(clamp_of(op.activation)),
        x_(spec.inputs[0].shape),
        out_(spec.output.shape),
        rows_{x_[1], spec.inputs[1].shape[0], op.stride_h, op.padding.top},
        columns_{x_[2], spec.inputs[1].shape[1], op.stride_w, op.padding.left} {}

  std::size_t scratch_bytes() const override { return 0; }

  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte>) const override {
    const float* image = in[0].as<float>().data();
    float* result = out.as<float>().data();
    for (std::int64_t n = 0; n < out_[0]; ++n) {
      for (std::int64_t y = 0; y < out_[1]; ++y) {
        run_row(image, y, result);
        result += out_[2] * out_[3];
      }
      image += x_[1] * x_[2] * x_[3];
    }
  }

 private:
  // One row of the result: all pixels whose taps lie inside at once, the others one by one.
  void run_row(const float* image, std::int64_t y, float* result) const {
    for (std::int64_t x = 0; x < out_[2];) {
      std::int64_t end = x + 1;
      if (columns_.is_whole(x)) {
        while (end < out_[2] && columns_.is_whole(end)) ++end;
      }
      vectors_.convolve(taps_at(image, y, x), filter_.view(), clamp_, size(end - x),
                        result + x * out_[3]);
      x = end;
    }
  }

  Taps taps_at(const float* image, std::int64_t y, std::int64_t x) const {
    const std::int64_t top = rows_.first(y);
    const std::int64_t left = columns_.first(x);
    const std::int64_t height = rows_.last(y) - top;
    const std::int64_t width = columns_.last(x) - left;
    if (height == 0 || width == 0) return {image, 0, 0, 0, 0, 0, 0};  // the bias alone
    const std::int64_t row = rows_.start(y) + top;
    const std::int64_t column = columns_.start(x) + left;
    return {image + (row * x_[2] + column) * x_[3],
            size(columns_.stride * x_[3]),
            size(height),
            size(width * x_[3]),
            size(x_[2] * x_[3]),
            size((top * columns_.taps + left) * x_[3]),
            size(columns_.taps * x_[3])};
  }

  PackedWide filter_;
  const VectorKernels& vectors_;
  Clamp clamp_;
  Shape x_, out_;
  Axis rows_, columns_;
};

}  // namespace

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  // The first layer of a network, which sees a photo.
  constexpr std::int64_t kFewChannels = 4;
  const Shape& filter = spec.inputs[1].shape;
  if (op.dilation_h != 1 || op.dilation_w != 1) return Refusal{"dilated"};
  if (filter[2] > kFewChannels) return Refusal{"not a first layer: too many channels"};
  if (filter[0] * filter[1] == 1) return Refusal{"not a first layer: pointwise"};
  const auto bias = constants.size() > 2 ? constants[2].as<float>() : std::span<const float>();
  PackedWide packed(constants[1].as<float>(), bias, size(filter[3]));
  return std::make_unique<ConvolutionKernel>(op, spec, std::move(packed), vectors);
}

}  // namespace graft::highway
