#include "kernels/highway/packing.h"

#include <algorithm>
#include <limits>

namespace graft::highway {
namespace {

float* floats(AlignedBuffer& buffer) {
  return reinterpret_cast<float*>(buffer.data());
}

}  // namespace

Clamp clamp_of(Activation activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (activation) {
    case Activation::kRelu:
      return {0, kInfinity};
    case Activation::kRelu6:
      return {0, 6};
    case Activation::kNone:
      break;
  }
  return {-kInfinity, kInfinity};
}

PackedPanels::PackedPanels(std::span<const float> filter, std::span<const float> bias,
                           std::size_t columns, std::size_t lanes) {
  const std::size_t depth = filter.size() / columns;
  std::size_t padded = 0;
  while (padded < columns) padded += panel_vectors(columns - padded, lanes) * lanes;
  weights_ = AlignedBuffer(depth * padded * sizeof(float));
  bias_ = AlignedBuffer(padded * sizeof(float));
  std::ranges::copy(bias, floats(bias_));
  float* to = floats(weights_);
  for (std::size_t column = 0; column < columns;) {
    const std::size_t width = panel_vectors(columns - column, lanes) * lanes;
    const std::size_t count = std::min(width, columns - column);
    for (std::size_t row = 0; row < depth; ++row) {
      std::ranges::copy(filter.subspan(row * columns + column, count), to);
      to += width;
    }
    column += width;
  }
  view_ = {floats(weights_), floats(bias_), depth, columns};
}

template <typename Number>
PackedDepthwise<Number>::PackedDepthwise(std::span<const float> filter, std::span<const float> bias,
                                         std::span<const float> scale, std::size_t channels,
                                         std::size_t lanes) {
  using Filter = DepthwiseFilter<Number>;
  const std::size_t width = depthwise_lanes(channels, lanes);
  const std::size_t blocks = (channels + width - 1) / width;
  data_ = AlignedBuffer(blocks * Filter::kRows * width * sizeof(Number));
  auto* const begin = reinterpret_cast<Number*>(data_.data());
  Number* to = begin;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t first = std::min(block * width, channels - width);
    for (std::size_t i = first; i < first + width; ++i, ++to) {
      for (std::size_t tap = 0; tap < 9; ++tap) to[tap * width] = filter[tap * channels + i];
      to[Filter::kScale * width] = scale.empty() ? 1.0F : scale[i];
      to[Filter::kBias * width] = bias.empty() ? 0.0F : bias[i];
    }
    to += (Filter::kRows - 1) * width;
  }
  view_ = {begin, width};
}

template class PackedDepthwise<float>;
template class PackedDepthwise<double>;

}  // namespace graft::highway
