// The loops of first convolutions, bit for bit: each output is the same however pixels and columns
// are blocked, and whatever of the filter lies outside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/highway/packing.h"
#include "kernels/highway/scattered_testing.h"
#include "kernels/highway/vector_kernels.h"

namespace graft::highway {
namespace {

constexpr std::size_t kRows = 3, kRowLength = 9;  // of a filter

// `runs` runs of `length` floats a pixel meet the filter from row `first` on.
struct ConvolveCase {
  std::size_t pixels, columns, stride, runs, length, first;
};

// What the header promises: the taps in the filter's order, from zero on, then the bias, bounded.
std::vector<float> convolved_one_by_one(const ConvolveCase& c, bool fused, Clamp clamp,
                                        const std::vector<std::vector<float>>& image,
                                        const std::vector<float>& filter,
                                        const std::vector<float>& bias) {
  std::vector<float> out;
  for (std::size_t i = 0; i < c.pixels * c.columns; ++i) {
    const std::size_t column = i % c.columns;
    const std::size_t pixel = i / c.columns;
    float sum = 0;
    for (std::size_t run = 0; run < c.runs; ++run) {
      for (std::size_t k = 0; k < c.length; ++k) {
        const std::size_t row = c.first + run * kRowLength + k;
        sum = multiply_add(fused, image[run][pixel * c.stride + k],
                           filter[row * c.columns + column], sum);
      }
    }
    out.push_back(std::min(clamp.high, std::max(clamp.low, sum + bias[column])));
  }
  return out;
}

void check_convolve(const VectorKernels& vectors, const ConvolveCase& c) {
  constexpr Clamp kClamp{0, 0.75F};
  std::vector<std::vector<float>> image;
  std::vector<const float*> runs;
  for (std::size_t run = 0; run < c.runs; ++run) {
    image.push_back(scattered(c.pixels * c.stride + c.length, static_cast<std::uint32_t>(run)));
    runs.push_back(image.back().data());
  }
  const std::vector<float> filter = scattered(kRows * kRowLength * c.columns, 7);
  const std::vector<float> bias = scattered(c.columns, 8);
  const PackedPanels packed(filter, bias, c.columns, vectors.lanes);
  const Taps taps{runs.data(), c.runs, c.length, c.stride, c.first, kRowLength};
  // One float more, which stays.
  std::vector<float> got(c.pixels * c.columns + 1, -1.0F);
  vectors.convolve(taps, packed.view(), kClamp, c.pixels, got.data());
  EXPECT_EQ(got.back(), -1.0F);
  got.pop_back();
  EXPECT_EQ(got, convolved_one_by_one(c, fuses(vectors), kClamp, image, filter, bias))
      << vectors.target << ": " << c.pixels << " pixels " << c.stride << " apart, " << c.columns
      << " columns, " << c.runs << " runs of " << c.length << " from " << c.first;
}

TEST(Convolve, SumsInOrderWhateverTheTiles) {
  for (const VectorKernels& vectors : all_vector_kernels()) {
    for (const std::size_t columns : {1UL, 8UL, 16UL, 21UL, 32UL, 45UL}) {
      for (const std::size_t pixels : {1UL, 5UL, 14UL, 29UL, 111UL}) {
        for (const std::size_t stride : {3UL, 6UL}) {
          check_convolve(vectors, {pixels, columns, stride, 3, 9, 0});
          check_convolve(vectors, {pixels, columns, stride, 2, 6, kRowLength + 3});
          check_convolve(vectors, {pixels, columns, stride, 0, 9, 0});
        }
      }
    }
  }
}

}  // namespace
}  // namespace graft::highway
