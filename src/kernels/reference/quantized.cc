#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/reference/reference.h"

namespace graft::reference {
namespace {

std::uint8_t nearest_u8(float value) {
  if (!(value > 0)) return 0;  // NaN too
  return static_cast<std::uint8_t>(std::nearbyint(std::min(value, 255.0F)));
}

// One pixel of the result from its sums.
template <typename Conv>
void finish_pixel(const Conv& op, const Call& call, std::span<const std::int32_t> sums,
                  std::size_t pixel) {
  const auto bias = call.in[2].as<float>();
  const auto scale = call.in[3].as<float>();
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const float shifted = static_cast<float>(sums[c]) + bias[c];
    const float value = shifted * scale[c];
    const std::size_t at = pixel * sums.size() + c;
    if (op.to_f32) {
      call.out.as<float>()[at] = activate(op.activation, static_cast<double>(value));
    } else {
      call.out.as<std::uint8_t>()[at] = nearest_u8(value);
    }
  }
}

// accumulate(first channel of a pixel of x, first number of the filter's tap) for each tap inside.
template <typename Conv, typename Accumulate>
void run_quantized(const Conv& op, const Call& call, std::span<std::int32_t> sums,
                   const Accumulate& accumulate) {
  const Shape& x = call.in[0].spec.shape;
  const Shape& filter = call.in[1].spec.shape;
  const Shape& out = call.out.spec.shape;
  const std::uint8_t* const image = call.in[0].as<std::uint8_t>().data();
  const std::int8_t* const weights = call.in[1].as<std::int8_t>().data();
  std::size_t pixel = 0;
  for (std::int64_t n = 0; n < out[0]; ++n) {
    for (std::int64_t row = 0; row < out[1]; ++row) {
      for (std::int64_t column = 0; column < out[2]; ++column) {
        std::ranges::fill(sums, 0);
        for (std::int64_t kh = 0; kh < filter[0]; ++kh) {
          const std::int64_t y = row * op.stride_h - op.padding.top + kh * op.dilation_h;
          if (y < 0 || y >= x[1]) continue;
          for (std::int64_t kw = 0; kw < filter[1]; ++kw) {
            const std::int64_t z = column * op.stride_w - op.padding.left + kw * op.dilation_w;
            if (z < 0 || z >= x[2]) continue;
            accumulate(image + ((n * x[1] + y) * x[2] + z) * x[3],
                       weights + (kh * filter[1] + kw) * filter[2] * filter[3]);
          }
        }
        finish_pixel(op, call, sums, pixel++);
      }
    }
  }
}

std::span<std::int32_t> whole_sums(const Call& call) {
  return {reinterpret_cast<std::int32_t*>(call.scratch.data()),
          static_cast<std::size_t>(call.out.spec.shape[3])};
}

}  // namespace

void run(const Quantize&, const Call& call) {
  const auto x = call.in[0].as<float>();
  const auto scale = call.in[1].as<float>();
  const auto out = call.out.as<std::uint8_t>();
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = nearest_u8(x[i] * scale[i % scale.size()]);
}

void run(const QuantizedConv2D& op, const Call& call) {
  const std::int64_t inputs = call.in[1].spec.shape[2];
  const std::span<std::int32_t> sums = whole_sums(call);
  run_quantized(op, call, sums, [&](const std::uint8_t* pixel, const std::int8_t* weights) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (std::int32_t& sum : sums) sum += pixel[i] * *weights++;
    }
  });
}

void run(const QuantizedDepthwiseConv2D& op, const Call& call) {
  const std::int64_t multiplier = call.in[1].spec.shape[3];
  const std::span<std::int32_t> sums = whole_sums(call);
  run_quantized(op, call, sums, [&](const std::uint8_t* pixel, const std::int8_t* weights) {
    for (std::size_t o = 0; o < sums.size(); ++o) {
      sums[o] += pixel[static_cast<std::int64_t>(o) / multiplier] * weights[o];
    }
  });
}

}  // namespace graft::reference
