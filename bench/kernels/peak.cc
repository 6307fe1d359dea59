#include "peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>

namespace graft {
namespace {

// Enough independent chains to cover latency times throughput: 4 cycles, 2 a cycle, and some spare.
constexpr int kChains = 12;

__attribute__((target("avx512f"))) float rounds_avx512(std::uint64_t rounds) {
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 factor = _mm512_set1_ps(0.999F);
  const __m512 term = _mm512_set1_ps(0.001F);
  for (std::uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, factor, term);
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx2,fma"))) float rounds_avx2(std::uint64_t rounds) {
  __m256 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 factor = _mm256_set1_ps(0.999F);
  const __m256 term = _mm256_set1_ps(0.001F);
  for (std::uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, factor, term);
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

float rounds_sse2(std::uint64_t rounds) {
  __m128 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm_set1_ps(static_cast<float>(i));
  const __m128 factor = _mm_set1_ps(0.999F);
  const __m128 term = _mm_set1_ps(0.001F);
  for (std::uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm_add_ps(_mm_mul_ps(sum, factor), term);
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm_cvtss_f32(sum);
  return total;
}

struct Width {
  std::string_view name;
  std::uint64_t lanes;
  float (*rounds)(std::uint64_t);
};

bool avx2_alone = false;

const Width& width() {
  static const Width widest = [] {
    if (!avx2_alone && __builtin_cpu_supports("avx512f")) return Width{"avx512", 16, rounds_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      return Width{"avx2", 8, rounds_avx2};
    }
    return Width{"sse2", 4, rounds_sse2};
  }();
  return widest;
}

}  // namespace

std::string_view widest_multiply_add() {
  return width().name;
}

void allow_avx2_alone() {
  avx2_alone = true;
}

std::uint64_t multiply_add(std::uint64_t rounds, float* sink) {
  *sink = width().rounds(rounds);
  return rounds * kChains * width().lanes * 2;
}

double peak_gflops() {
  static const double best = [] {
    double found = 0;
    float sink = 0;
    for (int run = 0; run < 50; ++run) {
      const auto start = std::chrono::steady_clock::now();
      const auto operations = static_cast<double>(multiply_add(300'000, &sink));
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      found = std::max(found, operations / took.count() / 1e9);
    }
    return found;
  }();
  return best;
}

}  // namespace graft
