#include "kernels/highway/packing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace graft::highway {
namespace {

std::vector<float> counted(std::size_t count, float first) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

// Every weight stands once, in its panel's row and column; what is left over is zero.
TEST(PackedPanels, HoldEveryColumnOnce) {
  for (const std::size_t lanes : {1UL, 4UL, 8UL, 16UL}) {
    for (const std::size_t columns : {1UL, 7UL, 16UL, 17UL, 33UL, 150UL, 1001UL}) {
      constexpr std::size_t kDepth = 3;
      const std::vector<float> filter = counted(kDepth * columns, 1);
      const std::vector<float> bias = counted(columns, 0.5F);
      const PackedPanels packed(filter, bias, columns, lanes);
      const PanelFilter& view = packed.view();
      EXPECT_EQ(view.depth, kDepth);
      EXPECT_EQ(view.columns, columns);
      const float* panel = view.weights;
      for (std::size_t column = 0; column < columns;) {
        const std::size_t width = panel_vectors(columns - column, lanes) * lanes;
        for (std::size_t row = 0; row < kDepth; ++row) {
          for (std::size_t i = 0; i < width; ++i) {
            const bool is_there = column + i < columns;
            ASSERT_EQ(panel[row * width + i], is_there ? filter[row * columns + column + i] : 0.0F);
            ASSERT_EQ(view.bias[column + i], is_there ? bias[column + i] : 0.0F);
          }
        }
        panel += kDepth * width;
        column += width;
      }
    }
  }
}

TEST(PackedPanels, HaveNoBiasUnlessGiven) {
  const std::vector<float> filter = counted(10, 1);
  const PackedPanels packed(filter, {}, 5, 4);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(packed.view().bias[i], 0.0F);
}

// Block b holds the channels from min(b * lanes, channels - lanes) on.
template <typename Number>
void check_packed_depthwise() {
  using Filter = DepthwiseFilter<Number>;
  for (const std::size_t lanes : {1UL, 4UL, 8UL, 16UL}) {
    for (const std::size_t channels : {1UL, 3UL, 8UL, 13UL, 16UL, 40UL}) {
      const std::vector<float> taps = counted(9 * channels, 1);
      const std::vector<float> bias = counted(channels, 1000);
      const std::vector<float> scale = counted(channels, 2000);
      const PackedDepthwise<Number> packed(taps, bias, scale, channels, lanes);
      const std::size_t width = packed.view().lanes;
      ASSERT_LE(width, std::min(lanes, channels));
      ASSERT_GT(2 * width, std::min(lanes, channels));
      const Number* block = packed.view().data;
      for (std::size_t first = 0; first < channels; first += width) {
        for (std::size_t i = 0; i < width; ++i) {
          const std::size_t channel = std::min(first, channels - width) + i;
          for (std::size_t tap = 0; tap < 9; ++tap) {
            ASSERT_EQ(block[tap * width + i], taps[tap * channels + channel]);
          }
          ASSERT_EQ(block[Filter::kScale * width + i], scale[channel]);
          ASSERT_EQ(block[Filter::kBias * width + i], bias[channel]);
        }
        block += Filter::kRows * width;
      }
    }
  }
}

TEST(PackedDepthwise, HoldsTapsScaleAndBias) {
  check_packed_depthwise<float>();
  check_packed_depthwise<double>();
}

TEST(PackedDepthwise, IsNeutralWithoutScaleAndBias) {
  const std::vector<float> taps = counted(9 * 4, 1);
  const PackedDepthwise<double> packed(taps, {}, {}, 4, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(packed.view().data[DepthwiseFilter<double>::kScale * 4 + i], 1.0);
    EXPECT_EQ(packed.view().data[DepthwiseFilter<double>::kBias * 4 + i], 0.0);
  }
}

TEST(ClampOf, BoundsAsTheActivationDoes) {
  EXPECT_EQ(clamp_of(Activation::kRelu6).low, 0.0F);
  EXPECT_EQ(clamp_of(Activation::kRelu6).high, 6.0F);
  EXPECT_EQ(clamp_of(Activation::kRelu).low, 0.0F);
  EXPECT_TRUE(std::isinf(clamp_of(Activation::kRelu).high));
  EXPECT_TRUE(std::isinf(clamp_of(Activation::kNone).low));
}

}  // namespace
}  // namespace graft::highway
