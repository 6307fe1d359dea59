// Depthwise 3x3 convolutions. Included by vector_kernels.cc once an instruction set.
#if defined(GRAFT_HIGHWAY_DEPTHWISE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRAFT_HIGHWAY_DEPTHWISE_INL_H
#undef GRAFT_HIGHWAY_DEPTHWISE_INL_H
#else
#define GRAFT_HIGHWAY_DEPTHWISE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>

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

// How sums are kept and handed on: as the pixels are …
template <class D>
struct InFloat32 {
  using Pixel = D;
  using Sum = D;
  static HWY_INLINE hn::Vec<D> widened(hn::Vec<D> v) { return v; }
  static HWY_INLINE hn::Vec<D> rounded(hn::Vec<D> v) { return v; }
};
// … or in float64, rounded to float32 once.
template <class D>
struct InFloat64 {
  using Pixel = D;
  using Sum = hn::Rebind<double, D>;
  static HWY_INLINE hn::Vec<Sum> widened(hn::Vec<D> v) { return hn::PromoteTo(Sum(), v); }
  static HWY_INLINE hn::Vec<Sum> rounded(hn::Vec<Sum> v) { return widened(hn::DemoteTo(D(), v)); }
};
template <class Kept>
using Result = hn::TFromD<typename Kept::Sum>;

// kPixels neighbouring outputs, whose taps are kColumns wide, for `blocks` vectors of channels from
// `channel` on. kRows: window.rows where it is known beforehand, else 0. Kept: InFloat…
template <class Kept, std::size_t kRows, std::size_t kPixels, std::size_t kColumns,
          std::size_t kStride>
HWY_INLINE void depthwise_channels(const Depthwise& op, const Window& window, std::size_t channel,
                                   std::size_t block, std::size_t blocks, Result<Kept>* out) {
  const typename Kept::Pixel d;
  const typename Kept::Sum wide;
  using Sum = hn::Vec<typename Kept::Sum>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t channels = op.channels;
  const std::size_t row_stride = op.width * channels;
  const std::size_t rows = kRows > 0 ? kRows : window.rows;
  const Sum low = hn::Set(wide, op.clamp.low);
  const Sum high = hn::Set(wide, op.clamp.high);
  const float* from = window.from + channel;
  const float* filter = op.filter.data + block * DepthwiseFilter::kRows * lanes;
  const auto filter_row = [&](const float* row) { return Kept::widened(hn::Load(d, row)); };
  out += channel;
  for (std::size_t i = 0; i < blocks; ++i) {
    Sum sums[kPixels];
    for (std::size_t p = 0; p < kPixels; ++p) sums[p] = hn::Zero(wide);
    const float* taps = filter + window.first_tap * lanes;
    const float* pixels = from;
    for (std::size_t row = 0; row < rows; ++row) {
      Sum w[kColumns];
      for (std::size_t k = 0; k < kColumns; ++k) w[k] = filter_row(taps + k * lanes);
      for (std::size_t j = 0; j < (kPixels - 1) * kStride + kColumns; ++j) {
        const Sum x = Kept::widened(hn::LoadU(d, pixels + j * channels));
        for (std::size_t p = 0; p < kPixels; ++p) {
          if (j >= p * kStride && j - p * kStride < kColumns) {
            sums[p] = hn::MulAdd(x, w[j - p * kStride], sums[p]);
          }
        }
      }
      taps += 3 * lanes;
      pixels += row_stride;
    }
    const Sum scale = filter_row(filter + DepthwiseFilter::kScale * lanes);
    const Sum bias = filter_row(filter + DepthwiseFilter::kBias * lanes);
    for (std::size_t p = 0; p < kPixels; ++p) {
      const Sum sum = Kept::rounded(hn::MulAdd(sums[p], scale, bias));
      hn::StoreU(hn::Min(high, hn::Max(low, sum)), wide, out + p * channels);
    }
    from += lanes;
    out += lanes;
    filter += DepthwiseFilter::kRows * lanes;
  }
}

// The same for all channels. The last vector goes back over channels that are done already.
template <class Kept, std::size_t kPixels, std::size_t kColumns, std::size_t kStride>
HWY_NOINLINE void depthwise_tile(const Depthwise& op, const Window& window, Result<Kept>* out) {
  const typename Kept::Pixel d;
  const std::size_t blocks = op.channels / hn::Lanes(d);
  if (window.rows == 3) {
    depthwise_channels<Kept, 3, kPixels, kColumns, kStride>(op, window, 0, 0, blocks, out);
  } else {
    depthwise_channels<Kept, 0, kPixels, kColumns, kStride>(op, window, 0, 0, blocks, out);
  }
  if (blocks * hn::Lanes(d) < op.channels) {
    const std::size_t channel = op.channels - hn::Lanes(d);
    depthwise_channels<Kept, 0, kPixels, kColumns, kStride>(op, window, channel, blocks, 1, out);
  }
}

// One output, near a border.
template <class Kept>
void depthwise_pixel(const Depthwise& op, const Window& window, std::size_t columns,
                     Result<Kept>* out) {
  if (columns == 3) return depthwise_tile<Kept, 1, 3, 1>(op, window, out);
  if (columns == 2) return depthwise_tile<Kept, 1, 2, 1>(op, window, out);
  Window rest = window;
  if (columns == 0) rest.rows = 0;
  depthwise_tile<Kept, 1, 1, 1>(op, rest, out);
}

template <class Kept, std::size_t kStride>
void depthwise_rows(const Depthwise& op, const float* image, std::size_t first, std::size_t last,
                    Result<Kept>* out) {
  constexpr std::size_t kPixels = 4;
  // Outputs [inner, end) have all three columns inside.
  std::size_t inner = 0;
  std::size_t end = op.out_width;
  while (inner < end && Inside(inner, kStride, op.pad_left, op.width).count() < 3) ++inner;
  while (inner < end && Inside(end - 1, kStride, op.pad_left, op.width).count() < 3) --end;
  for (std::size_t y = first; y < last; ++y) {
    const Inside rows(y, kStride, op.pad_top, op.height);
    const float* const row = image + rows.at * op.width * op.channels;
    std::size_t x = 0;
    while (x < op.out_width) {
      // The last tile of a row goes back over outputs that are there already.
      const bool inside = x >= inner && x < end && end - inner >= kPixels;
      if (inside) x = std::min(x, end - kPixels);
      const Inside columns(x, kStride, op.pad_left, op.width);
      const Window window{row + columns.at * op.channels, rows.count(),
                          rows.first * 3 + columns.first};
      if (inside) {
        depthwise_tile<Kept, kPixels, 3, kStride>(op, window, out + x * op.channels);
        x += kPixels;
      } else {
        depthwise_pixel<Kept>(op, window, columns.count(), out + x * op.channels);
        ++x;
      }
    }
    out += op.out_width * op.channels;
  }
}

// In vectors as wide as the filter was packed for, d's or narrower ones.
template <template <class> class Kept, class D>
void depthwise_in(D d, const Depthwise& op, const float* image, std::size_t first, std::size_t last,
                  Result<Kept<D>>* out) {
  if constexpr (hn::MaxLanes(D()) > 1) {
    if (op.filter.lanes < hn::Lanes(d)) {
      return depthwise_in<Kept>(hn::Half<D>(), op, image, first, last, out);
    }
  }
  if (op.stride == 1) return depthwise_rows<Kept<D>, 1>(op, image, first, last, out);
  depthwise_rows<Kept<D>, 2>(op, image, first, last, out);
}

void depthwise(const Depthwise& op, const float* image, std::size_t first, std::size_t last,
               float* out) {
  depthwise_in<InFloat32>(hn::ScalableTag<float>(), op, image, first, last, out);
}

void wide_depthwise(const Depthwise& op, const float* image, std::size_t first, std::size_t last,
                    double* out) {
  using Doubles = hn::ScalableTag<double>;
  depthwise_in<InFloat64>(hn::Rebind<float, Doubles>(), op, image, first, last, out);
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
