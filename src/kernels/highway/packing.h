// Filters in the order in which the inner loops read them.
// Thread rule: immutable once made.
#pragma once

#include <span>

#include "kernels/highway/vector_kernels.h"
#include "kernels/op.h"
#include "tensor/tensor.h"

namespace graft::highway {

Clamp clamp_of(Activation activation);

// filter: [depth, columns], row-major; bias: [columns], or empty for zeros. Both are copied.
class PackedPanels {
 public:
  PackedPanels(std::span<const float> filter, std::span<const float> bias, std::size_t columns,
               std::size_t lanes);
  const PanelFilter& view() const { return view_; }

 private:
  AlignedBuffer weights_, bias_;
  PanelFilter view_;
};

// filter: [3,3,channels]; bias, scale: [channels], or empty for zeros and ones. All are copied.
// Number: float or double.
template <typename Number>
class PackedDepthwise {
 public:
  PackedDepthwise(std::span<const float> filter, std::span<const float> bias,
                  std::span<const float> scale, std::size_t channels, std::size_t lanes);
  const DepthwiseFilter<Number>& view() const { return view_; }

 private:
  AlignedBuffer data_;
  DepthwiseFilter<Number> view_;
};

}  // namespace graft::highway
