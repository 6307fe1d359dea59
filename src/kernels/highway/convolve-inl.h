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
#include <array>
#include <utility>

#include "kernels/highway/vector_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DoubleTag = hn::ScalableTag<double>;

// Columns of the filter that are summed at once: two vectors, for six pixels, or twelve with the 32
// registers of AVX-512 and NEON. The sums fill the registers beside a row of the filter and a
// pixel.
constexpr std::size_t kWideVectors = 2;
constexpr std::size_t kMostWidePixels = HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON ? 12 : 6;

// Two vectors of columns of a filter and where its results go.
struct WideColumns {
  const double *weights, *bias;
  std::size_t stride;  // from one row of the filter to the next
  std::size_t count;   // of columns that are the result's
  Clamp clamp;
  float* out;
  std::size_t out_stride;  // floats from one pixel to the next
};

// kPixels pixels, the first at pixel `first`.
template <std::size_t kPixels>
HWY_INLINE void convolve_tile(const Taps& taps, const WideColumns& columns, std::size_t first) {
  const DoubleTag d;
  const hn::Rebind<float, DoubleTag> single;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t pixel_stride = taps.pixel_stride;
  hn::Vec<DoubleTag> sums[kPixels][kWideVectors];
  for (std::size_t v = 0; v < kWideVectors; ++v) {
    const auto bias = hn::Load(d, columns.bias + v * lanes);
    for (std::size_t p = 0; p < kPixels; ++p) sums[p][v] = bias;
  }
  const double* rows = columns.weights;
  for (std::size_t run = 0; run < taps.count; ++run) {
    const double* const from = taps.runs[run] + first * pixel_stride;
    const double* row = rows;
    for (std::size_t k = 0; k < taps.length; ++k) {
      hn::Vec<DoubleTag> w[kWideVectors];
      for (std::size_t v = 0; v < kWideVectors; ++v) w[v] = hn::Load(d, row + v * lanes);
      row += columns.stride;
      for (std::size_t p = 0; p < kPixels; ++p) {
        const auto x = hn::Set(d, from[p * pixel_stride + k]);
        for (std::size_t v = 0; v < kWideVectors; ++v) sums[p][v] = hn::MulAdd(x, w[v], sums[p][v]);
      }
    }
    rows += taps.filter_stride * columns.stride;
  }
  const auto low = hn::Set(single, columns.clamp.low);
  const auto high = hn::Set(single, columns.clamp.high);
  HWY_ALIGN float tail[hn::MaxLanes(DoubleTag())];
  float* out = columns.out + first * columns.out_stride;
  for (std::size_t p = 0; p < kPixels; ++p) {
    for (std::size_t v = 0; v < kWideVectors && v * lanes < columns.count; ++v) {
      // In this order x86 passes NaN.
      const auto value = hn::Min(high, hn::Max(low, hn::DemoteTo(single, sums[p][v])));
      if ((v + 1) * lanes <= columns.count) {
        hn::StoreU(value, single, out + v * lanes);
      } else {
        hn::StoreU(value, single, tail);
        std::copy_n(tail, columns.count - v * lanes, out + v * lanes);
      }
    }
    out += columns.out_stride;
  }
}

// Pixels [first, last), a multiple of kPixels.
template <std::size_t kPixels>
void convolve_tiles(const Taps& taps, const WideColumns& columns, std::size_t first,
                    std::size_t last) {
  for (; first < last; first += kPixels) convolve_tile<kPixels>(taps, columns, first);
}

using WideTiles = void (*)(const Taps&, const WideColumns&, std::size_t, std::size_t);

template <std::size_t... kLess>
constexpr auto wide_tiles_of(std::index_sequence<kLess...>) {
  return std::array<WideTiles, sizeof...(kLess)>{&convolve_tiles<kLess + 1>...};
}

void convolve(const Taps& taps, const WideFilter& filter, Clamp clamp, std::size_t pixels,
              float* out) {
  static constexpr auto kTiles = wide_tiles_of(std::make_index_sequence<kMostWidePixels>());
  const EvenTiles even(pixels, kMostWidePixels);
  const std::size_t done = even.larger * (even.least + 1);
  const double* const weights = filter.weights + taps.filter_first * filter.stride;
  const std::size_t width = kWideVectors * hn::Lanes(DoubleTag());
  for (std::size_t column = 0; column < filter.columns; column += width) {
    const WideColumns columns{
        weights + column, filter.bias + column, filter.stride, filter.columns - column, clamp,
        out + column,     filter.columns};
    if (even.larger > 0) kTiles[even.least](taps, columns, 0, done);
    kTiles[even.least - 1](taps, columns, done, pixels);
  }
}

void widen(const float* from, std::size_t count, double* to) {
  const DoubleTag d;
  const hn::Rebind<float, DoubleTag> single;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(single, from + i)), d, to + i);
  }
  for (; i < count; ++i) to[i] = from[i];
}

void narrow(const double* from, std::size_t count, float* to) {
  const DoubleTag d;
  const hn::Rebind<float, DoubleTag> single;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::DemoteTo(single, hn::LoadU(d, from + i)), single, to + i);
  }
  for (; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
