// The inner loops of the highway backend, for whatever vectors the machine has (Highway, chosen at
// run time). Every sum runs in the order of the filter's rows, by the filter's length alone in one
// part or several: the same bits however pixels and channels are blocked, so that batch size,
// strips and tails change nothing. Non-goals: ops and their checks (backend.cc). Thread rule: pure
// functions; tables are immutable.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace graft::highway {

// An activation as bounds.
struct Clamp {
  float low, high;
};

// A filter [depth, columns] and its bias: panels of some vectors of columns, each
// [depth, width], one behind the other. Zeros stand behind the last column. 64-byte aligned.
struct PanelFilter {
  const float* weights = nullptr;
  const float* bias = nullptr;
  std::size_t depth = 0, columns = 0;
};

// How many vectors wide the next panel is when `columns` are left.
constexpr std::size_t panel_vectors(std::size_t columns, std::size_t lanes) {
  return columns > lanes ? 2 : 1;
}

// What a pointwise convolution reads: `count` pixels of `length` floats each.
struct Pixels {
  const float* first = nullptr;
  std::size_t count = 0, length = 0;
  std::size_t stride = 0;  // floats from one pixel to the next
};

// Where the output pixels of a convolution find what they sum up: each in `count` runs of `length`
// consecutive floats.
struct Taps {
  const float* const* runs = nullptr;  // the first pixel's
  std::size_t count = 0, length = 0;
  std::size_t pixel_stride = 0;   // floats from one pixel's first to the next one's: can_convolve()
  std::size_t filter_first = 0;   // the row of the filter that meets the first run's first float
  std::size_t filter_stride = 0;  // rows from one run's first to the next one's
};
// RGB, side by side or every other pixel.
constexpr bool can_convolve(std::size_t pixel_stride) {
  return pixel_stride == 3 || pixel_stride == 6;
}

// Some pixels in the fewest tiles of at most `most`, as even as can be, since a small one at the
// end would wait for its own sums: `larger` of least + 1 pixels, then the others of `least`.
struct EvenTiles {
  constexpr EvenTiles(std::size_t pixels, std::size_t most)
      : count((pixels + most - 1) / most), least(pixels / count), larger(pixels % count) {}
  std::size_t count, least, larger;
};

// A 3x3 filter, scale and bias for depthwise(): blocks of `lanes` channels, each [kRows, lanes].
// The last block holds the last `lanes` channels, whatever the one before it holds. 64-byte
// aligned.
template <typename Number>
struct DepthwiseFilter {
  static constexpr std::size_t kScale = 9, kBias = 10, kRows = 11;  // rows 0 to 8: the taps
  const Number* data = nullptr;
  std::size_t lanes = 0;  // depthwise_lanes() of lanes, or of wide_lanes
};

// The widest vector that the channels fill.
constexpr std::size_t depthwise_lanes(std::size_t channels, std::size_t lanes) {
  while (lanes > channels) lanes /= 2;
  return lanes;
}

// A depthwise convolution of images [height, width, channels]; what lies outside is zero. Number:
// of the filter and the sums.
template <typename Number>
struct Depthwise {
  std::size_t height = 0, width = 0, channels = 0, out_width = 0;
  std::size_t stride = 1;  // 1 or 2
  std::ptrdiff_t pad_top = 0, pad_left = 0;
  DepthwiseFilter<Number> filter;
  Clamp clamp{};
};

struct VectorKernels {
  std::string_view target;  // "AVX2"
  std::size_t lanes;        // floats a vector, a power of two
  std::size_t wide_lanes;   // float64 a vector
  // out[p * columns + c] = clamp(Σ pixel p · column c of the filter + bias[c]).
  void (*pointwise)(const Pixels& pixels, const PanelFilter& filter, Clamp clamp, float* out);
  // The same of what each pixel taps.
  void (*convolve)(const Taps& taps, const PanelFilter& filter, Clamp clamp, std::size_t pixels,
                   float* out);
  // Rows [first, last) of the result for one image, the first one at `out`:
  // clamp(Σ taps * scale + bias).
  void (*depthwise)(const Depthwise<float>& op, const float* image, std::size_t first,
                    std::size_t last, float* out);
  // The same in float64, rounded once. The filter's lanes are of wide_lanes.
  void (*wide_depthwise)(const Depthwise<double>& op, const float* image, std::size_t first,
                         std::size_t last, float* out);
};

// The fastest that this machine runs.
const VectorKernels& vector_kernels();
// One for each instruction set that this machine runs, fastest first, for tests.
const std::vector<VectorKernels>& all_vector_kernels();

}  // namespace graft::highway
