// A depthwise 3x3 convolution made ready: shared by the kernel for it alone and the one that goes
// on with a pointwise convolution. Thread rule: immutable once made.
#pragma once

#include <optional>
#include <string>

#include "kernels/backend.h"
#include "kernels/highway/packing.h"
#include "kernels/highway/vector_kernels.h"

namespace graft::highway {

// Why there is no vector kernel for this one; empty when there is.
std::string depthwise_refusal(const DepthwiseConv2D& op, const Shape& filter);

// Whether a depthwise layer with this result (NHWC) is summed in float64: those of 64x64 pixels and
// more, a MobileNet's first. What it rounds wrong all later layers take for the photo, and a few
// photos magnify it. Largest distance of a feature of mobilenet_0.25_224 from the exact ones, 1,000
// photos: 1.5e-4 when it is summed in float32, 7.0e-5 in float64; with the convolutions before and
// behind it in float64, too, 4.8e-5, at three times their cost. The median photo's is 2.1e-5 in all
// cases, TensorFlow's own 2.1e-5 and at most 7.6e-5.
bool in_float64(const Shape& out);

// Number: what it is summed in, double if in_float64(out), else float.
template <typename Number>
class ReadyDepthwise {
 public:
  // filter, bias, scale: as PackedDepthwise takes them. `x`, `out`: shapes, NHWC.
  ReadyDepthwise(const DepthwiseConv2D& op, const Shape& x, const Shape& out,
                 std::span<const float> filter, std::span<const float> bias,
                 std::span<const float> scale, const VectorKernels& vectors);
  // Rows [first, last) of the result for one image.
  void run(const float* image, std::size_t first, std::size_t last, float* out) const;
  std::size_t image_floats() const { return op_.height * op_.width * op_.channels; }

 private:
  PackedDepthwise<Number> filter_;
  const VectorKernels& vectors_;
  Depthwise<Number> op_;
};

}  // namespace graft::highway
