// The one harness that holds every backend to the reference: run a case on both, compare within a
// bound derived from float32 rounding. For tests only. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace graft {

struct ConformanceCase {
  std::string name;
  Op op;
  std::vector<TensorSpec> inputs;  // dense
  std::vector<bool> constant;      // known to prepare(); as long as inputs
  bool must_be_fast = false;       // a backend other than the reference has to take it, dense
};

inline TensorSpec f32_spec(const Shape& shape) {
  return {DType::kF32, shape, Layout::kDense};
}

Tensor random_tensor(const TensorSpec& spec, std::uint64_t seed);  // f32 in [-1, 1), u8 any

// A copy in another memory layout (rank 4, f32), by the reference's Reorder.
Tensor relaid(const Tensor& tensor, Layout layout);

// Runs `backend` on the case with all activations in `layout`, on scratch and result full of NaN.
// Empty when declined; *declined says why.
struct Evaluated {
  bool accepted = false;
  std::string declined;
  Tensor dense;                 // the result, dense
  bool padding_is_zero = true;  // of a blocked result
};
Evaluated evaluate(const Backend& backend, const ConformanceCase& test,
                   const std::vector<Tensor>& inputs, Layout layout);

// Per element: how far any order of float32 operations may be from the reference. |x - r| <=
// K 2^-24 S, where S is the same op on absolute values (sum of |a b|) and K the number of
// roundings: one a product-and-add, one for the bias, one for a scale or a division, one for the
// reference's own result (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
// section 3.1). Zero for ops that round once or move data.
std::vector<float> tolerances(const ConformanceCase& test, const std::vector<Tensor>& inputs);

}  // namespace graft
