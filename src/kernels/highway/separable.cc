#include <algorithm>
#include <optional>
#include <utility>

#include "kernels/highway/depthwise.h"
#include "kernels/highway/ops.h"
#include "kernels/highway/packing.h"

namespace graft::highway {
namespace {

// Rows of the depthwise result are made until there are this many pixels: what they hold is still
// in the nearer caches, and a filter that is, too, may be read once for each such strip. A larger
// filter comes from afar, and is read for twice as many pixels: mostly for the whole photo.
constexpr std::int64_t kStripPixels = 112;
constexpr std::size_t kNearBytes = std::size_t{256} << 10;

std::size_t size(std::int64_t dim) {
  return static_cast<std::size_t>(dim);
}

// The pointwise half, summed as in_float64() says. Thread rule: immutable once made.
class ReadyPointwise {
 public:
  ReadyPointwise(std::span<const float> filter, std::span<const float> bias, Activation activation,
                 const Shape& out, const VectorKernels& vectors)
      : vectors_(vectors), clamp_(clamp_of(activation)), depth_(filter.size() / size(out[3])) {
    if (in_float64(out)) {
      wide_.emplace(filter, bias, size(out[3]));
    } else {
      panels_.emplace(filter, bias, size(out[3]), vectors.lanes);
    }
  }
  std::size_t depth() const { return depth_; }
  std::size_t filter_bytes() const {
    const std::size_t columns = wide_ ? wide_->view().columns : panels_->view().columns;
    return depth_ * columns * (wide_ ? sizeof(double) : sizeof(float));
  }
  // Of `pixels` pixels of depth() floats, one behind the other.
  void run(const float* from, std::size_t pixels, float* out) const {
    if (wide_) {
      const Taps taps{from, depth_, 1, depth_, 0, 0, 0};
      vectors_.convolve(taps, wide_->view(), clamp_, pixels, out);
    } else {
      vectors_.pointwise({from, pixels, depth_, depth_}, panels_->view(), clamp_, out);
    }
  }

 private:
  std::optional<PackedWide> wide_;
  std::optional<PackedPanels> panels_;
  const VectorKernels& vectors_;
  Clamp clamp_;
  std::size_t depth_;
};

// Strip by strip: some rows of the depthwise convolution into scratch, then the pointwise
// convolution of these.
class SeparableKernel final : public Kernel {
 public:
  SeparableKernel(ReadyDepthwise depthwise, ReadyPointwise pointwise, const Shape& out)
      : depthwise_(std::move(depthwise)), pointwise_(std::move(pointwise)), out_(out) {
    // Strips as even as can be: none is left with a row or two.
    const bool is_near = pointwise_.filter_bytes() <= kNearBytes;
    const std::int64_t pixels = is_near ? kStripPixels : 2 * kStripPixels;
    const std::int64_t most = std::clamp<std::int64_t>(pixels / out[2], 1, out[1]);
    const std::int64_t strips = (out[1] + most - 1) / most;
    strip_rows_ = (out[1] + strips - 1) / strips;
  }

  std::size_t scratch_bytes() const override {
    return size(strip_rows_ * out_[2]) * pointwise_.depth() * sizeof(float);
  }

  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override {
    const float* image = in[0].as<float>().data();
    float* result = out.as<float>().data();
    auto* const strip = reinterpret_cast<float*>(scratch.data());
    for (std::int64_t n = 0; n < out_[0]; ++n) {
      for (std::int64_t row = 0; row < out_[1]; row += strip_rows_) {
        const std::int64_t end = std::min(row + strip_rows_, out_[1]);
        depthwise_.run(image, size(row), size(end), strip);
        const std::int64_t pixels = (end - row) * out_[2];
        pointwise_.run(strip, size(pixels), result);
        result += pixels * out_[3];
      }
      image += depthwise_.image_floats();
    }
  }

 private:
  ReadyDepthwise depthwise_;
  ReadyPointwise pointwise_;
  Shape out_;
  std::int64_t strip_rows_ = 1;
};

}  // namespace

Prepared prepare(const SeparableConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  std::string reason = depthwise_refusal(op.depthwise, spec.inputs[1].shape);
  if (!reason.empty()) return Refusal{std::move(reason)};
  const bool scaled = constants.size() == 6;
  const auto pointwise = constants.last(2);
  const Shape& out = spec.output.shape;
  ReadyDepthwise depthwise(op.depthwise, spec.inputs[0].shape, out, constants[1].as<float>(),
                           constants[2].as<float>(),
                           scaled ? constants[3].as<float>() : std::span<const float>(), vectors);
  return std::make_unique<SeparableKernel>(
      std::move(depthwise),
      ReadyPointwise(pointwise[0].as<float>(), pointwise[1].as<float>(), op.activation, out,
                     vectors),
      out);
}

}  // namespace graft::highway
