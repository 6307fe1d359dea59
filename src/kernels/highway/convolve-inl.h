// Sums of products for blocks of pixels and output channels. Included by vector_kernels.cc once an
// instruction set.
#if defined(GRAFT_HIGHWAY_CONVOLVE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRAFT_HIGHWAY_CONVOLVE_INL_H
#undef GRAFT_HIGHWAY_CONVOLVE_INL_H
#else
#define GRAFT_HIGHWAY_CONVOLVE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/highway/vector_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Vector = hn::Vec<FloatTag>;

// Pixels of a tile. Its sums, a row of the panel and a broadcast value have to fit the registers:
// 32 of them with AVX-512 and NEON, else 16.
template <std::size_t kVectors>
constexpr std::size_t kMostPixels =
    (HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON ? 28 : 12) / kVectors;

constexpr float kUnbounded = std::numeric_limits<float>::infinity();

HWY_INLINE Vector clamped(Vector sum, Clamp clamp) {
  const FloatTag d;
  // In this order x86 passes NaN.
  return hn::Min(hn::Set(d, clamp.high), hn::Max(hn::Set(d, clamp.low), sum));
}

// One panel of a filter and where its results go.
struct Panel {
  const float *weights, *bias;
  Clamp clamp;
  float* out;
  std::size_t out_stride;  // floats from one pixel to the next
  bool resumes;            // sums go on from what is in `out` instead of the bias
};

// kPixels pixels from `from` by the panel's whole width to `out`.
template <std::size_t kPixels, std::size_t kVectors>
HWY_INLINE void tile(const Taps& taps, const Panel& panel, const float* from, float* out) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t stride = taps.pixel_stride;
  Vector sums[kPixels][kVectors];
  for (std::size_t p = 0; p < kPixels; ++p) {
    const float* start = panel.resumes ? out + p * panel.out_stride : panel.bias;
    for (std::size_t v = 0; v < kVectors; ++v) sums[p][v] = hn::LoadU(d, start + v * lanes);
  }
  const float* rows = panel.weights + taps.filter_first * kVectors * lanes;
  for (std::size_t run = 0; run < taps.runs; ++run) {
    const float* row = rows;
    for (std::size_t k = 0; k < taps.length; ++k) {
      Vector w[kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(d, row + v * lanes);
      row += kVectors * lanes;
      for (std::size_t p = 0; p < kPixels; ++p) {
        const Vector x = hn::Set(d, from[p * stride + k]);
        for (std::size_t v = 0; v < kVectors; ++v) sums[p][v] = hn::MulAdd(x, w[v], sums[p][v]);
      }
    }
    from += taps.run_stride;
    rows += taps.filter_stride * kVectors * lanes;
  }
  for (std::size_t p = 0; p < kPixels; ++p) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(clamped(sums[p][v], panel.clamp), d, out + p * panel.out_stride + v * lanes);
    }
  }
}

// `count` tiles one after the other.
template <std::size_t kPixels, std::size_t kVectors>
void tiles(const Taps& taps, const Panel& panel, std::size_t count, const float* from, float* out) {
  for (; count > 0; --count) {
    tile<kPixels, kVectors>(taps, panel, from, out);
    from += kPixels * taps.pixel_stride;
    out += kPixels * panel.out_stride;
  }
}

using Tiles = void (*)(const Taps&, const Panel&, std::size_t, const float*, float*);

template <std::size_t kVectors, std::size_t... kLess>
constexpr auto tiles_of(std::index_sequence<kLess...>) {
  return std::array<Tiles, sizeof...(kLess)>{&tiles<kLess + 1, kVectors>...};
}

// All pixels, in tiles as even as can be: a small one at the end would wait for its own sums.
template <std::size_t kVectors>
void convolve_pixels(const Taps& taps, const Panel& panel, std::size_t pixels) {
  constexpr std::size_t kMost = kMostPixels<kVectors>;
  static constexpr auto kTiles = tiles_of<kVectors>(std::make_index_sequence<kMost>());
  const std::size_t count = (pixels + kMost - 1) / kMost;
  const std::size_t least = pixels / count;
  const std::size_t larger = pixels % count;
  const std::size_t done = larger * (least + 1);
  if (larger > 0) kTiles[least](taps, panel, larger, taps.first, panel.out);
  kTiles[least - 1](taps, panel, count - larger, taps.first + done * taps.pixel_stride,
                    panel.out + done * panel.out_stride);
}

// A long panel in parts, so that the tiles find each one in the nearest cache. In between, sums
// rest in the result, which keeps all their bits.
template <std::size_t kVectors>
void convolve_panel(Taps taps, Panel panel, std::size_t pixels) {
  constexpr std::size_t kPartBytes = 16 * 1024;
  const std::size_t width = kVectors * hn::Lanes(FloatTag());
  const std::size_t most = kPartBytes / (width * sizeof(float));
  if (taps.runs > 1 || taps.length <= most) {
    return convolve_pixels<kVectors>(taps, panel, pixels);
  }
  const std::size_t depth = taps.length;
  const std::size_t parts = (depth + most - 1) / most;
  const Clamp clamp = panel.clamp;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = depth * part / parts;
    const std::size_t end = depth * (part + 1) / parts;
    taps.length = end - begin;
    panel.clamp = part + 1 == parts ? clamp : Clamp{-kUnbounded, kUnbounded};
    convolve_pixels<kVectors>(taps, panel, pixels);
    taps.first += taps.length;
    panel.weights += taps.length * width;
    panel.resumes = true;
  }
}

// The same where only `columns` of the panel are columns of the result.
template <std::size_t kVectors>
void convolve_last_panel(Taps taps, Panel panel, std::size_t pixels, std::size_t columns) {
  constexpr std::size_t kMost = kMostPixels<kVectors>;
  const FloatTag d;
  const std::size_t width = kVectors * hn::Lanes(d);
  HWY_ALIGN float whole[kMost * kVectors * hn::MaxLanes(d)];
  float* out = panel.out;
  const std::size_t out_stride = panel.out_stride;
  panel.out = whole;
  panel.out_stride = width;
  while (pixels > 0) {
    const std::size_t now = std::min(pixels, kMost);
    convolve_panel<kVectors>(taps, panel, now);
    for (std::size_t p = 0; p < now; ++p) {
      std::memcpy(out + p * out_stride, whole + p * width, columns * sizeof(float));
    }
    taps.first += now * taps.pixel_stride;
    out += now * out_stride;
    pixels -= now;
  }
}

template <std::size_t kVectors>
void convolve_columns(const Taps& taps, const Panel& panel, std::size_t pixels,
                      std::size_t columns) {
  if (columns < kVectors * hn::Lanes(FloatTag())) {
    convolve_last_panel<kVectors>(taps, panel, pixels, columns);
  } else {
    convolve_panel<kVectors>(taps, panel, pixels);
  }
}

void convolve(const Taps& taps, const PanelFilter& filter, Clamp clamp, std::size_t pixels,
              float* out) {
  const std::size_t lanes = hn::Lanes(FloatTag());
  const float* weights = filter.weights;
  for (std::size_t column = 0; column < filter.columns;) {
    const std::size_t left = filter.columns - column;
    const std::size_t vectors = panel_vectors(left, lanes);
    const Panel panel{weights, filter.bias + column, clamp, out + column, filter.columns, false};
    if (vectors == 2) {
      convolve_columns<2>(taps, panel, pixels, left);
    } else {
      convolve_columns<1>(taps, panel, pixels, left);
    }
    weights += filter.depth * vectors * lanes;
    column += vectors * lanes;
  }
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
