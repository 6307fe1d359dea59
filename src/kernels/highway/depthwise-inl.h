// Depthwise 3x3 convolutions. Included by vector_kernels.cc once an instruction set.
#if defined(GRAFT_HIGHWAY_DEPTHWISE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRAFT_HIGHWAY_DEPTHWISE_INL_H
#undef GRAFT_HIGHWAY_DEPTHWISE_INL_H
#else
#define GRAFT_HIGHWAY_DEPTHWISE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <utility>

#include "kernels/highway/pointwise-inl.h"
#include "kernels/highway/vector_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The taps of one axis that lie inside the image: [first, last) of 0, 1, 2, the first at `at`.
struct Inside {
  Inside(std::size_t out, std::size_t stride, std::ptrdiff_t pad, std::size_t size) {
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(out * stride) - pad;
    const std::ptrdiff_t left = static_cast<std::ptrdiff_t>(size) - start;
    last = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(left, 0, 3));
    first = std::min(last, static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(-start, 0, 3)));
    at = first == last ? 0 : static_cast<std::size_t>(start + static_cast<std::ptrdiff_t>(first));
  }
  std::size_t count() const { return last - first; }
  std::size_t first, last, at;
};

// What a tile of outputs sees of the image.
struct Window {
  const float* from;      // the first tap's pixel
  std::size_t rows;       // of taps inside the image
  std::size_t first_tap;  // of the filter's nine
};

// Pixels as the sums take them.
template <class D>
HWY_INLINE hn::Vec<D> pixels_at(D d, const float* from) {
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(float)) {
    return hn::LoadU(d, from);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), from));
  }
}

// What comes of a sum: rounded to float32 if it is in float64.
template <class D>
using Results = hn::Rebind<float, D>;
template <class D>
HWY_INLINE hn::Vec<Results<D>> rounded(D, hn::Vec<D> sum) {
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(float)) {
    return sum;
  } else {
    return hn::DemoteTo(Results<D>(), sum);
  }
}

// Adds to a tile's sums what they take of its column kColumn: only templates make certain that
// every compiler unrolls it, so that the sums stay in registers.
template <std::size_t kColumn, std::size_t kStride, class V, std::size_t kColumns,
          std::size_t kPixels>
HWY_INLINE void add_column(V x, const V (&w)[kColumns], V (&sums)[kPixels]) {
  constexpr std::size_t kFirst = kColumn < kColumns ? 0 : (kColumn - kColumns) / kStride + 1;
  constexpr std::size_t kEnd = std::min(kColumn / kStride + 1, kPixels);
  const auto add = [&]<std::size_t... kMore>(std::index_sequence<kMore...>) {
    ((sums[kFirst + kMore] =
          hn::MulAdd(x, w[kColumn - (kFirst + kMore) * kStride], sums[kFirst + kMore])),
     ...);
  };
  add(std::make_index_sequence<kEnd - std::min(kFirst, kEnd)>());
}

// A tile's results: its sums by the filter's scale, with its bias, bounded; `channels` floats
// apart.
template <class D, class R, std::size_t kPixels, typename Number = hn::TFromD<D>>
HWY_INLINE void store_sums(D d, const hn::Vec<D> (&sums)[kPixels], const Number* filter, R low,
                           R high, std::size_t channels, float* out) {
  using Filter = DepthwiseFilter<Number>;
  const auto scale = hn::Load(d, filter + Filter::kScale * hn::Lanes(d));
  const auto bias = hn::Load(d, filter + Filter::kBias * hn::Lanes(d));
  for (std::size_t p = 0; p < kPixels; ++p) {
    const auto result = rounded(d, hn::MulAdd(sums[p], scale, bias));
    hn::StoreU(hn::Min(high, hn::Max(low, result)), Results<D>(), out + p * channels);
  }
}

// kPixels neighbouring outputs, whose taps are kColumns wide, for `blocks` vectors of channels from
// `channel` on. kRows: window.rows where it is known beforehand, else 0.
template <std::size_t kRows, std::size_t kPixels, std::size_t kColumns, std::size_t kStride,
          class D, typename Number = hn::TFromD<D>>
HWY_INLINE void depthwise_channels(D d, const Depthwise<Number>& op, const Window& window,
                                   std::size_t channel, std::size_t block, std::size_t blocks,
                                   float* out) {
  using Filter = DepthwiseFilter<Number>;
  using Sum = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t channels = op.channels;
  const std::size_t row_stride = op.width * channels;
  const std::size_t rows = kRows > 0 ? kRows : window.rows;
  const Results<D> results;
  const auto low = hn::Set(results, op.clamp.low);
  const auto high = hn::Set(results, op.clamp.high);
  const Number* filter = op.filter.data + block * Filter::kRows * lanes;
  const float* from = window.from + channel;
  out += channel;
  for (std::size_t i = 0; i < blocks; ++i) {
    Sum sums[kPixels];
    for (std::size_t p = 0; p < kPixels; ++p) sums[p] = hn::Zero(d);
    const Number* taps = filter + window.first_tap * lanes;
    const float* pixels = from;
    for (std::size_t row = 0; row < rows; ++row) {
      Sum w[kColumns];
      for (std::size_t k = 0; k < kColumns; ++k) w[k] = hn::Load(d, taps + k * lanes);
      const auto add_columns = [&]<std::size_t... kColumn>(std::index_sequence<kColumn...>) {
        (add_column<kColumn, kStride>(pixels_at(d, pixels + kColumn * channels), w, sums), ...);
      };
      add_columns(std::make_index_sequence<(kPixels - 1) * kStride + kColumns>());
      taps += 3 * lanes;
      pixels += row_stride;
    }
    store_sums(d, sums, filter, low, high, channels, out);
    from += lanes;
    out += lanes;
    filter += Filter::kRows * lanes;
  }
}

// Adds a row of the image to the sums of two rows of outputs: to the first by the weights `w0`, to
// the second by `w1`, where kFirst and kSecond say so.
template <bool kFirst, bool kSecond, std::size_t kPixels, class D, class V, std::size_t... kColumn>
HWY_INLINE void add_row(D d, const float* pixels, std::size_t channels, const V (&w0)[3],
                        const V (&w1)[3], V (&sums0)[kPixels], V (&sums1)[kPixels],
                        std::index_sequence<kColumn...>) {
  const auto add = [&]<std::size_t kAt>(V x, std::index_sequence<kAt>) HWY_ATTR {
    if constexpr (kFirst) add_column<kAt, 1>(x, w0, sums0);
    if constexpr (kSecond) add_column<kAt, 1>(x, w1, sums1);
  };
  (add(pixels_at(d, pixels + kColumn * channels), std::index_sequence<kColumn>()), ...);
}

// kPixels neighbouring outputs of two rows with stride 1, all of whose taps lie inside: the rows
// that both see are read once. Sums in the same order as above.
template <std::size_t kPixels, class D, typename Number = hn::TFromD<D>>
HWY_INLINE void depthwise_two_rows(D d, const Depthwise<Number>& op, const float* from,
                                   std::size_t channel, std::size_t block, std::size_t blocks,
                                   float* out) {
  using Filter = DepthwiseFilter<Number>;
  using Sum = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t channels = op.channels;
  const std::size_t row_stride = op.width * channels;
  const std::size_t out_row_stride = op.out_width * channels;
  const Results<D> results;
  const auto low = hn::Set(results, op.clamp.low);
  const auto high = hn::Set(results, op.clamp.high);
  const Number* filter = op.filter.data + block * Filter::kRows * lanes;
  from += channel;
  out += channel;
  const std::make_index_sequence<kPixels + 2> columns;
  for (std::size_t i = 0; i < blocks; ++i) {
    Sum w0[3], w1[3], w2[3], sums0[kPixels], sums1[kPixels];
    for (std::size_t k = 0; k < 3; ++k) {
      w0[k] = hn::Load(d, filter + k * lanes);
      w1[k] = hn::Load(d, filter + (3 + k) * lanes);
      w2[k] = hn::Load(d, filter + (6 + k) * lanes);
    }
    for (std::size_t p = 0; p < kPixels; ++p) sums0[p] = sums1[p] = hn::Zero(d);
    add_row<true, false>(d, from, channels, w0, w0, sums0, sums1, columns);
    add_row<true, true>(d, from + row_stride, channels, w1, w0, sums0, sums1, columns);
    add_row<true, true>(d, from + 2 * row_stride, channels, w2, w1, sums0, sums1, columns);
    add_row<false, true>(d, from + 3 * row_stride, channels, w2, w2, sums0, sums1, columns);
    store_sums(d, sums0, filter, low, high, channels, out);
    store_sums(d, sums1, filter, low, high, channels, out + out_row_stride);
    from += lanes;
    out += lanes;
    filter += Filter::kRows * lanes;
  }
}

// The same for all channels. The last vector goes back over channels that are done already.
template <std::size_t kPixels, class D, typename Number = hn::TFromD<D>>
HWY_NOINLINE void depthwise_two_row_tile(D d, const Depthwise<Number>& op, const float* from,
                                         float* out) {
  const std::size_t blocks = op.channels / hn::Lanes(d);
  depthwise_two_rows<kPixels>(d, op, from, 0, 0, blocks, out);
  if (blocks * hn::Lanes(d) < op.channels) {
    depthwise_two_rows<kPixels>(d, op, from, op.channels - hn::Lanes(d), blocks, 1, out);
  }
}

// The same for all channels. The last vector goes back over channels that are done already.
template <std::size_t kPixels, std::size_t kColumns, std::size_t kStride, class D,
          typename Number = hn::TFromD<D>>
HWY_NOINLINE void depthwise_tile(D d, const Depthwise<Number>& op, const Window& window,
                                 float* out) {
  const std::size_t blocks = op.channels / hn::Lanes(d);
  if (window.rows == 3) {
    depthwise_channels<3, kPixels, kColumns, kStride>(d, op, window, 0, 0, blocks, out);
  } else {
    depthwise_channels<0, kPixels, kColumns, kStride>(d, op, window, 0, 0, blocks, out);
  }
  if (blocks * hn::Lanes(d) < op.channels) {
    const std::size_t channel = op.channels - hn::Lanes(d);
    depthwise_channels<0, kPixels, kColumns, kStride>(d, op, window, channel, blocks, 1, out);
  }
}

// One output, near a border.
template <class D, typename Number = hn::TFromD<D>>
void depthwise_pixel(D d, const Depthwise<Number>& op, const Window& window, std::size_t columns,
                     float* out) {
  if (columns == 3) return depthwise_tile<1, 3, 1>(d, op, window, out);
  if (columns == 2) return depthwise_tile<1, 2, 1>(d, op, window, out);
  Window rest = window;
  if (columns == 0) rest.rows = 0;
  depthwise_tile<1, 1, 1>(d, op, rest, out);
}

// Two rows at once need 32 registers. With stride 2 they share but one row of the image.
template <std::size_t kStride>
constexpr bool kTwoRows = kHas32Registers&& kStride == 1;

template <std::size_t kStride, class D, typename Number = hn::TFromD<D>>
void depthwise_rows(D d, const Depthwise<Number>& op, const float* image, std::size_t first,
                    std::size_t last, float* out) {
  // In float64 a tile's cost is also the widening of its columns: the wider, the fewer of them are
  // widened twice. Eight sums, a row of the filter, a pixel and the bounds fit 16 registers.
  constexpr std::size_t kPixels = sizeof(Number) != sizeof(float) ? 8 : kHas32Registers ? 6 : 4;
  // Columns that are a multiple of 2 KiB apart share two sets of a nearest cache of 4 KiB a way,
  // which hold fewer lines than a tile touches (1 KiB with stride 2): lines that are read in more
  // than one vector have left meanwhile. Those of one output stay.
  constexpr std::size_t kLineBytes = 64, kCollision = 2048 / kStride;
  const bool one_by_one =
      hn::Lanes(d) * sizeof(float) < kLineBytes && op.channels * sizeof(float) % kCollision == 0;
  // Outputs [inner, end) have all three columns inside.
  std::size_t inner = 0;
  std::size_t end = op.out_width;
  while (inner < end && Inside(inner, kStride, op.pad_left, op.width).count() < 3) ++inner;
  while (inner < end && Inside(end - 1, kStride, op.pad_left, op.width).count() < 3) --end;
  const bool tiles = end - inner >= kPixels && !one_by_one;
  bool inner_is_there = false;  // in this row already, made with the row above
  for (std::size_t y = first; y < last; ++y) {
    const Inside rows(y, kStride, op.pad_top, op.height);
    const float* const row = image + rows.at * op.width * op.channels;
    bool skips_inner = std::exchange(inner_is_there, false);
    if constexpr (kTwoRows<kStride>) {
      const Inside next(y + 1, kStride, op.pad_top, op.height);
      if (tiles && !skips_inner && y + 1 < last && rows.count() == 3 && next.count() == 3) {
        for (std::size_t x = inner; x < end; x += kPixels) {
          x = std::min(x, end - kPixels);
          const Inside columns(x, kStride, op.pad_left, op.width);
          depthwise_two_row_tile<kPixels>(d, op, row + columns.at * op.channels,
                                          out + x * op.channels);
        }
        skips_inner = inner_is_there = true;
      }
    }
    std::size_t x = 0;
    while (x < op.out_width) {
      const bool inside = x >= inner && x < end && tiles;
      if (inside && skips_inner) {
        x = end;
        continue;
      }
      // The last tile of a row goes back over outputs that are there already.
      if (inside) x = std::min(x, end - kPixels);
      const Inside columns(x, kStride, op.pad_left, op.width);
      const Window window{row + columns.at * op.channels, rows.count(),
                          rows.first * 3 + columns.first};
      if (inside) {
        depthwise_tile<kPixels, 3, kStride>(d, op, window, out + x * op.channels);
        x += kPixels;
      } else {
        depthwise_pixel(d, op, window, columns.count(), out + x * op.channels);
        ++x;
      }
    }
    out += op.out_width * op.channels;
  }
}

// In vectors as wide as the filter was packed for, d's or narrower ones.
template <class D, typename Number = hn::TFromD<D>>
void depthwise_in(D d, const Depthwise<Number>& op, const float* image, std::size_t first,
                  std::size_t last, float* out) {
  if constexpr (hn::MaxLanes(D()) > 1) {
    if (op.filter.lanes < hn::Lanes(d)) {
      return depthwise_in(hn::Half<D>(), op, image, first, last, out);
    }
  }
  if (op.stride == 1) return depthwise_rows<1>(d, op, image, first, last, out);
  depthwise_rows<2>(d, op, image, first, last, out);
}

void depthwise(const Depthwise<float>& op, const float* image, std::size_t first, std::size_t last,
               float* out) {
  depthwise_in(hn::ScalableTag<float>(), op, image, first, last, out);
}

void wide_depthwise(const Depthwise<double>& op, const float* image, std::size_t first,
                    std::size_t last, float* out) {
  depthwise_in(hn::ScalableTag<double>(), op, image, first, last, out);
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
