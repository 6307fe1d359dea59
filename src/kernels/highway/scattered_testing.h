// What the tests of the inner loops share: numbers whose sums are rounded, and multiply-adds as an
// instruction set does them. Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/highway/vector_kernels.h"

namespace graft::highway {

// In [-1, 1), multiples of 2^-20, so that sums are rounded in float32.
inline std::vector<float> scattered(std::size_t count, std::uint32_t seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 1664525 + 1013904223;
    value = static_cast<float>(static_cast<std::int32_t>(seed) >> 11) / (1 << 20);
  }
  return values;
}

// Whether the set's multiply-adds round once.
inline bool fuses(const VectorKernels& vectors) {
  return vectors.target.starts_with("AVX") || vectors.target.starts_with("NEON");
}

// Highway's MulAdd as the instruction set has it.
template <typename Number>
Number multiply_add(bool fused, Number x, Number w, Number sum) {
  return fused ? std::fma(x, w, sum) : x * w + sum;
}

}  // namespace graft::highway
