// Pointwise convolutions: sums of products for blocks of pixels and output channels. Included by
// vector_kernels.cc once an instruction set.
#if defined(GRAFT_HIGHWAY_POINTWISE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRAFT_HIGHWAY_POINTWISE_INL_H
#undef GRAFT_HIGHWAY_POINTWISE_INL_H
#else
#define GRAFT_HIGHWAY_POINTWISE_INL_H
#endif

#include <hwy/cache_control.h>
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

// Or else 16.
constexpr bool kHas32Registers = HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON;

// Pixels of a tile. Its sums, a row of the panel and a broadcast value have to fit the registers.
template <std::size_t kVectors>
constexpr std::size_t kMostPixels = (kHas32Registers ? 28 : 12) / kVectors;

constexpr float kUnbounded = std::numeric_limits<float>::infinity();

// body(0), body(1) … body(kTimes - 1), each a constant: only templates make certain that every
// compiler unrolls it, so that sums stay in registers.
template <std::size_t kTimes, class Body>
HWY_INLINE void unrolled(const Body& body) {
  [&]<std::size_t... kAt>(std::index_sequence<kAt...>) HWY_ATTR {
    (body(std::integral_constant<std::size_t, kAt>()), ...);
  }
  (std::make_index_sequence<kTimes>());
}

// A Clamp in registers: a loop that stores floats would read it again after each.
struct Bounds {
  explicit Bounds(Clamp clamp)
      : low(hn::Set(FloatTag(), clamp.low)), high(hn::Set(FloatTag(), clamp.high)) {}
  // In this order x86 passes NaN.
  HWY_INLINE Vector operator()(Vector sum) const { return hn::Min(high, hn::Max(low, sum)); }
  Vector low, high;
};

// One panel of a filter and where its results go.
struct Panel {
  const float *weights, *bias;
  Clamp clamp;
  float* out;
  std::size_t out_stride;  // floats from one pixel to the next
  bool resumes;            // the sums are added to what is in `out`, not to the bias
};

// kPixels pixels from `from` by the panel's whole width to `out`. Sums begin at zero and meet the
// bias last: begun with a large bias, every addition would be rounded to the bias's precision.
template <std::size_t kPixels, std::size_t kVectors>
HWY_INLINE void tile(const Pixels& pixels, const Panel& panel, const float* from, float* out) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t stride = pixels.stride;
  Vector sums[kPixels][kVectors];
  unrolled<kPixels * kVectors>([&](auto i) { sums[i / kVectors][i % kVectors] = hn::Zero(d); });
  const float* row = panel.weights;
  const std::size_t part = pixels.length * kVectors * lanes;
  for (std::size_t k = 0; k < pixels.length; ++k) {
    Vector w[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(d, row + v * lanes);
    // What comes behind these weights is read next, and lies far away.
    constexpr std::size_t kLine = 64 / sizeof(float);
    for (std::size_t i = 0; i < kVectors * lanes; i += kLine) hwy::Prefetch(row + part + i);
    row += kVectors * lanes;
    unrolled<kPixels>([&](auto p) {
      const Vector x = hn::Set(d, from[p * stride + k]);
      for (std::size_t v = 0; v < kVectors; ++v) sums[p][v] = hn::MulAdd(x, w[v], sums[p][v]);
    });
  }
  const Bounds bounded(panel.clamp);
  const std::size_t out_stride = panel.out_stride;
  const bool resumes = panel.resumes;
  const float* const bias = panel.bias;
  unrolled<kPixels>([&](auto p) {
    float* const to = out + p * out_stride;
    const float* const base = resumes ? to : bias;
    for (std::size_t v = 0; v < kVectors; ++v) {
      const Vector sum = hn::Add(sums[p][v], hn::LoadU(d, base + v * lanes));
      hn::StoreU(bounded(sum), d, to + v * lanes);
    }
  });
}

// `count` tiles one after the other.
template <std::size_t kPixels, std::size_t kVectors>
void tiles(const Pixels& pixels, const Panel& panel, std::size_t count, const float* from,
           float* out) {
  for (; count > 0; --count) {
    tile<kPixels, kVectors>(pixels, panel, from, out);
    from += kPixels * pixels.stride;
    out += kPixels * panel.out_stride;
  }
}

using Tiles = void (*)(const Pixels&, const Panel&, std::size_t, const float*, float*);

template <std::size_t kVectors, std::size_t... kLess>
constexpr auto tiles_of(std::index_sequence<kLess...>) {
  return std::array<Tiles, sizeof...(kLess)>{&tiles<kLess + 1, kVectors>...};
}

// All pixels.
template <std::size_t kVectors>
void all_tiles(const Pixels& pixels, const Panel& panel) {
  constexpr std::size_t kMost = kMostPixels<kVectors>;
  static constexpr auto kTiles = tiles_of<kVectors>(std::make_index_sequence<kMost>());
  const EvenTiles even(pixels.count, kMost);
  const std::size_t done = even.larger * (even.least + 1);
  if (even.larger > 0) kTiles[even.least](pixels, panel, even.larger, pixels.first, panel.out);
  kTiles[even.least - 1](pixels, panel, even.count - even.larger,
                         pixels.first + done * pixels.stride, panel.out + done * panel.out_stride);
}

// A long panel in parts, so that the tiles find each one in the nearest cache. In between, sums
// rest in the result, which keeps all their bits.
template <std::size_t kVectors>
void whole_panel(Pixels pixels, Panel panel) {
  constexpr std::size_t kPartBytes = 16 * 1024;
  const std::size_t width = kVectors * hn::Lanes(FloatTag());
  const std::size_t most = kPartBytes / (width * sizeof(float));
  const std::size_t depth = pixels.length;
  const std::size_t parts = std::max<std::size_t>((depth + most - 1) / most, 1);
  const Clamp clamp = panel.clamp;
  for (std::size_t part = 0; part < parts; ++part) {
    pixels.length = depth * (part + 1) / parts - depth * part / parts;
    panel.clamp = part + 1 == parts ? clamp : Clamp{-kUnbounded, kUnbounded};
    all_tiles<kVectors>(pixels, panel);
    pixels.first += pixels.length;
    panel.weights += pixels.length * width;
    panel.resumes = true;
  }
}

// The same where only `columns` of the panel are columns of the result.
template <std::size_t kVectors>
void last_panel(Pixels pixels, Panel panel, std::size_t columns) {
  constexpr std::size_t kMost = kMostPixels<kVectors>;
  const FloatTag d;
  const std::size_t width = kVectors * hn::Lanes(d);
  HWY_ALIGN float whole[kMost * kVectors * hn::MaxLanes(d)];
  float* out = panel.out;
  const std::size_t out_stride = panel.out_stride;
  panel.out = whole;
  panel.out_stride = width;
  for (std::size_t left = pixels.count; left > 0; left -= pixels.count) {
    pixels.count = std::min(left, kMost);
    whole_panel<kVectors>(pixels, panel);
    for (std::size_t p = 0; p < pixels.count; ++p) {
      std::memcpy(out + p * out_stride, whole + p * width, columns * sizeof(float));
    }
    pixels.first += pixels.count * pixels.stride;
    out += pixels.count * out_stride;
  }
}

template <std::size_t kVectors>
void any_panel(const Pixels& pixels, const Panel& panel, std::size_t columns) {
  if (columns < kVectors * hn::Lanes(FloatTag())) {
    last_panel<kVectors>(pixels, panel, columns);
  } else {
    whole_panel<kVectors>(pixels, panel);
  }
}

void pointwise(const Pixels& pixels, const PanelFilter& filter, Clamp clamp, float* out) {
  const std::size_t lanes = hn::Lanes(FloatTag());
  const float* weights = filter.weights;
  for (std::size_t column = 0; column < filter.columns;) {
    const std::size_t left = filter.columns - column;
    const std::size_t vectors = panel_vectors(left, lanes);
    const Panel panel{weights, filter.bias + column, clamp, out + column, filter.columns, false};
    if (vectors == 2) {
      any_panel<2>(pixels, panel, left);
    } else {
      any_panel<1>(pixels, panel, left);
    }
    weights += filter.depth * vectors * lanes;
    column += vectors * lanes;
  }
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
