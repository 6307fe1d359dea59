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

// Whether a layer with this result (NHWC) is summed in float64. What the first layers round wrong,
// all later ones take for the photo, and some photos magnify it: summed in float32, they alone took
// features of mobilenet_0.25_224 up to 1.6e-4 from the exact ones, in float64 4.4e-5. So it is for
// results of 64x64 pixels and more: a MobileNet's first three layers, a tenth of its work.
bool in_float64(const Shape& out);

// Number: what it is summed in and handed on as, double if in_float64(out), else float.
template <typename Number>
class ReadyDepthwise {
 public:
  // filter, bias, scale: as PackedDepthwise takes them. `x`, `out`: shapes, NHWC.
  ReadyDepthwise(const DepthwiseConv2D& op, const Shape& x, const Shape& out,
                 std::span<const float> filter, std::span<const float> bias,
                 std::span<const float> scale, const VectorKernels& vectors);
  // Rows [first, last) of the result for one image.
  void run(const float* image, std::size_t first, std::size_t last, Number* out) const;
  std::size_t image_floats() const { return op_.height * op_.width * op_.channels; }

 private:
  PackedDepthwise<Number> filter_;
  const VectorKernels& vectors_;
  Depthwise<Number> op_;
};

}  // namespace graft::highway
