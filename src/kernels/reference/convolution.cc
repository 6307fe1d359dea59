#include <algorithm>
#include <cstdint>

#include "kernels/reference/reference.h"

namespace graft::reference {
namespace {

// The rows (or columns) of the image under one output position: filter tap k reads image position
// start + k * dilation, and taps outside [0, size) read padding, that is zero.
struct Taps {
  std::int64_t start, dilation, size;
  bool inside(std::int64_t k) const {
    const std::int64_t at = start + k * dilation;
    return at >= 0 && at < size;
  }
  std::int64_t at(std::int64_t k) const { return start + k * dilation; }
};

void scale_and_shift(const Call& call, std::span<double> sums) {
  const auto bias = call.in[2].as<float>();
  const auto scale = call.in[3].as<float>();
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = static_cast<double>(scale[i]) * sums[i] + static_cast<double>(bias[i]);
  }
}

template <typename Conv, typename Accumulate>
void for_each_tap(const Conv& op, const Call& call, std::span<double> sums,
                  const Accumulate& accumulate) {
  const Shape& x = call.in[0].spec.shape;
  const Shape& filter = call.in[1].spec.shape;
  const Shape& out = call.out.spec.shape;
  const float* const image = call.in[0].as<float>().data();
  const float* const weights = call.in[1].as<float>().data();
  float* result = call.out.as<float>().data();
  const std::int64_t weights_of_tap = filter[2] * filter[3];
  const bool scaled = call.in.size() > 3;  // a depthwise convolution's only
  for (std::int64_t n = 0; n < out[0]; ++n) {
    for (std::int64_t row = 0; row < out[1]; ++row) {
      for (std::int64_t column = 0; column < out[2]; ++column) {
        const Taps rows{row * op.stride_h - op.padding.top, op.dilation_h, x[1]};
        const Taps columns{column * op.stride_w - op.padding.left, op.dilation_w, x[2]};
        if (scaled) {
          std::ranges::fill(sums, 0.0);
        } else {
          start_from_bias(call, sums);
        }
        for (std::int64_t kh = 0; kh < filter[0]; ++kh) {
          if (!rows.inside(kh)) continue;
          for (std::int64_t kw = 0; kw < filter[1]; ++kw) {
            if (!columns.inside(kw)) continue;
            const std::int64_t pixel = (n * x[1] + rows.at(kh)) * x[2] + columns.at(kw);
            accumulate(image + pixel * x[3], weights + (kh * filter[1] + kw) * weights_of_tap);
          }
        }
        if (scaled) scale_and_shift(call, sums);
        for (const double sum : sums) *result++ = activate(op.activation, sum);
      }
    }
  }
}

}  // namespace

void run(const Conv2D& op, const Call& call) {
  const Shape& filter = call.in[1].spec.shape;
  const std::int64_t inputs = filter[2];
  const std::int64_t outputs = filter[3];
  const std::span<double> sums = accumulators(call, outputs);
  for_each_tap(op, call, sums, [&](const float* pixel, const float* weights) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      const double value = pixel[i];
      for (std::int64_t o = 0; o < outputs; ++o) {
        sums[static_cast<std::size_t>(o)] += value * static_cast<double>(weights[i * outputs + o]);
      }
    }
  });
}

void run(const DepthwiseConv2D& op, const Call& call) {
  const Shape& filter = call.in[1].spec.shape;
  const std::int64_t channels = filter[2];
  const std::int64_t multiplier = filter[3];
  const std::span<double> sums = accumulators(call, channels * multiplier);
  for_each_tap(op, call, sums, [&](const float* pixel, const float* weights) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t m = 0; m < multiplier; ++m) {
        const std::int64_t o = c * multiplier + m;
        sums[static_cast<std::size_t>(o)] +=
            static_cast<double>(pixel[c]) * static_cast<double>(weights[o]);
      }
    }
  });
}

}  // namespace graft::reference
