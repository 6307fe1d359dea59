// Convolutions of any filter, summed in float64. Included by vector_kernels.cc once an instruction
// set.
#if defined(GRAFT_HIGHWAY_CONVOLVE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRAFT_HIGHWAY_CONVOLVE_INL_H
#undef GRAFT_HIGHWAY_CONVOLVE_INL_H
#else
#define GRAFT_HIGHWAY_CONVOLVE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "kernels/highway/vector_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DoubleTag = hn::ScalableTag<double>;

// kPixels pixels from `from` by kVectors vectors of columns from `column` on, `columns` being left.
template <std::size_t kPixels, std::size_t kVectors>
HWY_INLINE void convolve_tile(const Taps& taps, const WideFilter& filter, Clamp clamp,
                              const float* from, std::size_t column, std::size_t columns,
                              float* out) {
  const DoubleTag d;
  const hn::Rebind<float, DoubleTag> single;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<DoubleTag> sums[kPixels][kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) {
    const auto bias = hn::Load(d, filter.bias + column + v * lanes);
    for (std::size_t p = 0; p < kPixels; ++p) sums[p][v] = bias;
  }
  const double* rows = filter.weights + taps.filter_first * filter.stride + column;
  for (std::size_t run = 0; run < taps.runs; ++run) {
    const double* row = rows;
    for (std::size_t k = 0; k < taps.length; ++k) {
      hn::Vec<DoubleTag> w[kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(d, row + v * lanes);
      row += filter.stride;
      for (std::size_t p = 0; p < kPixels; ++p) {
        // Broadcast by the load, then widened: a scalar would have to be moved once more.
        const auto x = hn::PromoteTo(d, hn::Set(single, from[p * taps.pixel_stride + k]));
        for (std::size_t v = 0; v < kVectors; ++v) sums[p][v] = hn::MulAdd(x, w[v], sums[p][v]);
      }
    }
    from += taps.run_stride;
    rows += taps.filter_stride * filter.stride;
  }
  const auto low = hn::Set(single, clamp.low);
  const auto high = hn::Set(single, clamp.high);
  HWY_ALIGN float tail[hn::MaxLanes(DoubleTag())];
  for (std::size_t p = 0; p < kPixels; ++p) {
    float* const to = out + p * filter.columns + column;
    for (std::size_t v = 0; v < kVectors && v * lanes < columns; ++v) {
      // In this order x86 passes NaN.
      const auto value = hn::Min(high, hn::Max(low, hn::DemoteTo(single, sums[p][v])));
      if ((v + 1) * lanes <= columns) {
        hn::StoreU(value, single, to + v * lanes);
      } else {
        hn::StoreU(value, single, tail);
        std::copy_n(tail, columns - v * lanes, to + v * lanes);
      }
    }
  }
}

// All pixels by kVectors vectors of columns. As many sums as the registers hold beside a row of the
// filter and a pixel: 32 of them with AVX-512 and NEON, else 16.
template <std::size_t kVectors>
void convolve_columns(const Taps& taps, const WideFilter& filter, Clamp clamp, std::size_t pixels,
                      std::size_t column, float* out) {
  constexpr std::size_t kSums = HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON ? 24 : 12;
  constexpr std::size_t kPixels = kSums / kVectors;
  const std::size_t columns = filter.columns - column;
  const float* from = taps.first;
  for (; pixels >= kPixels; pixels -= kPixels) {
    convolve_tile<kPixels, kVectors>(taps, filter, clamp, from, column, columns, out);
    from += kPixels * taps.pixel_stride;
    out += kPixels * filter.columns;
  }
  for (; pixels > 0; --pixels) {
    convolve_tile<1, kVectors>(taps, filter, clamp, from, column, columns, out);
    from += taps.pixel_stride;
    out += filter.columns;
  }
}

void convolve(const Taps& taps, const WideFilter& filter, Clamp clamp, std::size_t pixels,
              float* out) {
  const std::size_t lanes = hn::Lanes(DoubleTag());
  for (std::size_t column = 0; column < filter.columns;) {
    // Wide blocks widen each pixel for more sums; what is left over takes no more than it needs.
    const bool is_narrow = filter.columns - column <= 2 * lanes;
    const auto columns = is_narrow ? &convolve_columns<2> : &convolve_columns<4>;
    columns(taps, filter, clamp, pixels, column, out);
    column += (is_narrow ? 2 : 4) * lanes;
  }
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
