#include <algorithm>
#include <array>
#include <utility>

#include "kernels/highway/ops.h"
#include "kernels/highway/packing.h"

namespace graft::highway {
namespace {

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
  // Of `outs` outputs, those whose taps all lie inside: [begin, end).
  std::pair<std::int64_t, std::int64_t> whole(std::int64_t outs) const {
    std::int64_t begin = 0;
    while (begin < outs && !is_whole(begin)) ++begin;
    std::int64_t end = begin;
    while (end < outs && is_whole(end)) ++end;
    return {begin, end};
  }
};

// A filter's most rows.
constexpr std::size_t kMostRows = 16;

// A first layer. The taps of one filter row are neighbours in memory, so an output pixel sums as
// many runs of floats as the filter has rows.
class ConvolutionKernel final : public Kernel {
 public:
  ConvolutionKernel(const Conv2D& op, const OpSpec& spec, PackedPanels filter,
                    const VectorKernels& vectors)
      : filter_(std::move(filter)),
        vectors_(vectors),
        clamp_(clamp_of(op.activation)),
        x_(spec.inputs[0].shape),
        out_(spec.output.shape),
        rows_{x_[1], spec.inputs[1].shape[0], op.stride_h, op.padding.top},
        columns_{x_[2], spec.inputs[1].shape[1], op.stride_w, op.padding.left},
        whole_(columns_.whole(out_[2])) {}

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
      const std::int64_t end = x == whole_.first ? std::max(whole_.second, x + 1) : x + 1;
      run_pixels(image, y, x, size(end - x), result + x * out_[3]);
      x = end;
    }
  }

  // Pixels from (y, x) on whose taps lie inside alike.
  void run_pixels(const float* image, std::int64_t y, std::int64_t x, std::size_t pixels,
                  float* result) const {
    const std::int64_t left = columns_.first(x);
    const std::int64_t column = columns_.start(x) + left;
    std::array<const float*, kMostRows> runs{};
    Taps taps;
    taps.runs = runs.data();
    taps.length = size((columns_.last(x) - left) * x_[3]);
    taps.pixel_stride = size(columns_.stride * x_[3]);
    taps.filter_stride = size(columns_.taps * x_[3]);
    // Where no tap lies inside, the bias alone is left.
    for (std::int64_t tap = rows_.first(y); taps.length > 0 && tap < rows_.last(y); ++tap) {
      runs[taps.count++] = image + ((rows_.start(y) + tap) * x_[2] + column) * x_[3];
    }
    if (taps.count > 0) taps.filter_first = size((rows_.first(y) * columns_.taps + left) * x_[3]);
    vectors_.convolve(taps, filter_.view(), clamp_, pixels, result);
  }

  PackedPanels filter_;
  const VectorKernels& vectors_;
  Clamp clamp_;
  Shape x_, out_;
  Axis rows_, columns_;
  std::pair<std::int64_t, std::int64_t> whole_;  // columns of the result
};

}  // namespace

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  const Shape& filter = spec.inputs[1].shape;
  if (op.dilation_h != 1 || op.dilation_w != 1) return Refusal{"dilated"};
  if (!can_convolve(size(op.stride_w * filter[2]))) return Refusal{"not a photo's channels"};
  if (filter[0] * filter[1] == 1) return Refusal{"not a first layer: pointwise"};
  if (size(filter[0]) > kMostRows) return Refusal{"a filter of many rows"};
  const auto bias = constants.size() > 2 ? constants[2].as<float>() : std::span<const float>();
  PackedPanels packed(constants[1].as<float>(), bias, size(filter[3]), vectors.lanes);
  return std::make_unique<ConvolutionKernel>(op, spec, std::move(packed), vectors);
}

}  // namespace graft::highway
