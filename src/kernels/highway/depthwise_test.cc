// The depthwise loops, bit for bit: each output is the same however outputs and channels are
// blocked.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "kernels/highway/packing.h"
#include "kernels/highway/scattered_testing.h"
#include "kernels/highway/vector_kernels.h"

namespace graft::highway {
namespace {

struct Case {
  std::size_t height, width, channels, stride;
  std::ptrdiff_t pad_top, pad_left;
  std::size_t out_height, out_width;
};

// What the header promises, one output after the other: the taps in the filter's order, then scale
// and bias at once, rounded to float32, bounded.
template <typename Number>
std::vector<float> one_by_one(const Case& c, bool fused, Clamp clamp,
                              const std::vector<float>& image, const std::vector<float>& filter,
                              const std::vector<float>& scale, const std::vector<float>& bias) {
  std::vector<float> out;
  const auto inside = [](std::ptrdiff_t at, std::size_t size) {
    return at >= 0 && at < static_cast<std::ptrdiff_t>(size);
  };
  for (std::size_t i = 0; i < c.out_height * c.out_width * c.channels; ++i) {
    const std::size_t channel = i % c.channels;
    const std::size_t column = i / c.channels % c.out_width * c.stride;
    const std::size_t row = i / c.channels / c.out_width * c.stride;
    Number sum = 0;
    for (std::size_t tap = 0; tap < 9; ++tap) {
      const std::ptrdiff_t y = static_cast<std::ptrdiff_t>(row + tap / 3) - c.pad_top;
      const std::ptrdiff_t x = static_cast<std::ptrdiff_t>(column + tap % 3) - c.pad_left;
      if (!inside(y, c.height) || !inside(x, c.width)) continue;
      const std::size_t pixel = static_cast<std::size_t>(y) * c.width + static_cast<std::size_t>(x);
      sum = multiply_add<Number>(fused, image[pixel * c.channels + channel],
                                 filter[tap * c.channels + channel], sum);
    }
    sum = multiply_add<Number>(fused, sum, scale[channel], bias[channel]);
    out.push_back(std::min(clamp.high, std::max(clamp.low, static_cast<float>(sum))));
  }
  return out;
}

template <typename Number>
void check_depthwise(const VectorKernels& vectors, const Case& c) {
  constexpr bool kWide = std::is_same_v<Number, double>;
  constexpr Clamp kClamp{0, 0.75F};
  const std::vector<float> image = scattered(c.height * c.width * c.channels, 1);
  const std::vector<float> filter = scattered(9 * c.channels, 2);
  const std::vector<float> scale = scattered(c.channels, 3);
  const std::vector<float> bias = scattered(c.channels, 4);
  const PackedDepthwise<Number> packed(filter, bias, scale, c.channels,
                                       kWide ? vectors.wide_lanes : vectors.lanes);
  const Depthwise<Number> op{c.height,  c.width,    c.channels,    c.out_width, c.stride,
                             c.pad_top, c.pad_left, packed.view(), kClamp};
  std::vector<float> got(c.out_height * c.out_width * c.channels, std::nan(""));
  if constexpr (kWide) {
    vectors.wide_depthwise(op, image.data(), 0, c.out_height, got.data());
  } else {
    vectors.depthwise(op, image.data(), 0, c.out_height, got.data());
  }
  EXPECT_EQ(got, one_by_one<Number>(c, fuses(vectors), kClamp, image, filter, scale, bias))
      << vectors.target << (kWide ? ", wide, " : ", ") << c.height << "x" << c.width << "x"
      << c.channels << ", stride " << c.stride;
}

// Channels: fewer than a vector, some vectors, with a rest, and so many that columns meet in the
// same sets of a cache.
TEST(Depthwise, SumsInOrderWhateverTheTiles) {
  for (const VectorKernels& vectors : all_vector_kernels()) {
    for (const std::size_t channels : {1UL, 3UL, 8UL, 13UL, 40UL, 256UL, 512UL}) {
      for (const std::size_t width : {2UL, 5UL, 6UL, 11UL, 19UL}) {
        for (const Case& c : {Case{4, width, channels, 1, 1, 1, 4, width},
                              Case{4, width, channels, 2, 0, 0, 2, (width + 1) / 2},
                              Case{4, width, channels, 2, 1, 1, 2, (width + 1) / 2}}) {
          check_depthwise<float>(vectors, c);
          check_depthwise<double>(vectors, c);
        }
      }
    }
  }
}

}  // namespace
}  // namespace graft::highway
