#include "kernels/reference/rsqrt.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace graft::reference {

#if defined(__SSE__)
namespace {

float estimate(float x) {
  return _mm_cvtss_f32(_mm_rsqrt_ss(_mm_set_ss(x)));
}

}  // namespace

float rsqrt(float x) {
  if (!std::isnormal(x) || x < 0) return static_cast<float>(1.0 / std::sqrt(double{x}));
  const float y = estimate(x);
  const float product = x * y;
  const float half = y * -0.5F;
  const float square = product * y;
  const float residual = square + -1.0F;
  const float correction = half * residual;
  return correction + y;
}

std::string rsqrt_mode() {
  // The estimate depends on the exponent's lowest bit and the mantissa's highest.
  static const std::string mode = [] {
    constexpr int kSamples = 1 << 13;
    std::uint32_t digest = 2166136261U;  // FNV-1a over the estimates' bits
    for (int i = 0; i < kSamples; ++i) {
      const float y = estimate(1.0F + 3.0F * static_cast<float>(i) / kSamples);
      std::uint32_t bits = 0;
      std::memcpy(&bits, &y, sizeof bits);
      digest = (digest ^ bits) * 16777619U;
    }
    constexpr const char* kDigits = "0123456789abcdef";
    std::string text = "-rsqrt.";
    for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[digest >> shift & 15U];
    return text;
  }();
  return mode;
}
#else
float rsqrt(float x) {
  return static_cast<float>(1.0 / std::sqrt(double{x}));
}

std::string rsqrt_mode() {
  return "";
}
#endif

}  // namespace graft::reference
