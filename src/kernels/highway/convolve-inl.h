// Convolutions of a photo's few channels, as a network's first layer is. Included by
// vector_kernels.cc once an instruction set.
#if defined(GRAFT_HIGHWAY_CONVOLVE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRAFT_HIGHWAY_CONVOLVE_INL_H
#undef GRAFT_HIGHWAY_CONVOLVE_INL_H
#else
#define GRAFT_HIGHWAY_CONVOLVE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "kernels/highway/pointwise-inl.h"
#include "kernels/highway/vector_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

// kPixels pixels from pixel `first` on by a panel's whole width; `columns` of it are columns of the
// result. kStride: taps.pixel_stride, known beforehand so that each pixel is an address and no
// arithmetic. Sums begin at zero and meet the bias last, as pointwise ones do.
template <std::size_t kPixels, std::size_t kVectors, std::size_t kStride>
HWY_INLINE void convolve_tile(const Taps& taps, const Panel& panel, std::size_t columns,
                              std::size_t first) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sums[kPixels][kVectors];
  unrolled<kPixels * kVectors>([&](auto i) { sums[i / kVectors][i % kVectors] = hn::Zero(d); });
  const float* rows = panel.weights;
  for (std::size_t run = 0; run < taps.count; ++run) {
    const float* from = taps.runs[run] + first * kStride;
    const float* row = rows;
    for (std::size_t k = 0; k < taps.length; ++k) {
      Vector w[kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(d, row + v * lanes);
      row += kVectors * lanes;
      unrolled<kPixels>([&](auto p) {
        const Vector x = hn::Set(d, from[p * kStride]);
        for (std::size_t v = 0; v < kVectors; ++v) sums[p][v] = hn::MulAdd(x, w[v], sums[p][v]);
      });
      ++from;
    }
    rows += taps.filter_stride * kVectors * lanes;
  }
  const Bounds bounded(panel.clamp);
  const std::size_t out_stride = panel.out_stride;
  float* out = panel.out + first * out_stride;
  Vector bias[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) bias[v] = hn::LoadU(d, panel.bias + v * lanes);
  unrolled<kPixels>([&](auto p) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      const Vector result = bounded(hn::Add(sums[p][v], bias[v]));
      if ((v + 1) * lanes <= columns) {
        hn::StoreU(result, d, out + v * lanes);
      } else {
        hn::BlendedStore(result, hn::FirstN(d, columns - v * lanes), d, out + v * lanes);
      }
    }
    out += out_stride;
  });
}

// All pixels: as many at once as there are registers for, where there are so many. The last tile
// goes back over pixels that are there already.
template <std::size_t kVectors, std::size_t kStride>
void convolve_panel(const Taps& taps, const Panel& panel, std::size_t columns, std::size_t pixels) {
  constexpr std::size_t kMost = kMostPixels<kVectors>;
  if (pixels < kMost) {
    for (std::size_t p = 0; p < pixels; ++p) {
      convolve_tile<1, kVectors, kStride>(taps, panel, columns, p);
    }
    return;
  }
  for (std::size_t p = 0; p < pixels; p += kMost) {
    convolve_tile<kMost, kVectors, kStride>(taps, panel, columns, std::min(p, pixels - kMost));
  }
}

template <std::size_t kStride>
void convolve_panels(const Taps& taps, const PanelFilter& filter, Clamp clamp, std::size_t pixels,
                     float* out) {
  const std::size_t lanes = hn::Lanes(FloatTag());
  const float* weights = filter.weights;
  for (std::size_t column = 0; column < filter.columns;) {
    const std::size_t left = filter.columns - column;
    const std::size_t vectors = panel_vectors(left, lanes);
    const std::size_t width = vectors * lanes;
    const Panel panel{weights + taps.filter_first * width,
                      filter.bias + column,
                      clamp,
                      out + column,
                      filter.columns,
                      false};
    if (vectors == 2) {
      convolve_panel<2, kStride>(taps, panel, left, pixels);
    } else {
      convolve_panel<1, kStride>(taps, panel, left, pixels);
    }
    weights += filter.depth * width;
    column += width;
  }
}

void convolve(const Taps& taps, const PanelFilter& filter, Clamp clamp, std::size_t pixels,
              float* out) {
  if (taps.pixel_stride == 3) return convolve_panels<3>(taps, filter, clamp, pixels, out);
  convolve_panels<6>(taps, filter, clamp, pixels, out);
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
