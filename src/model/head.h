// The retrained last layer: logits = feature · weights + biases; scores = softmax(logits).
// Thread rule: plain values.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace graft {

struct Head {
  Tensor weights;  // f32 [F, K]
  Tensor biases;   // f32 [K]
  int features() const { return static_cast<int>(weights.shape()[0]); }
  int classes() const { return static_cast<int>(weights.shape()[1]); }
};

// scores: K floats that sum to 1. Accumulates in float32 in index order.
void predict(const Head& head, std::span<const float> feature, std::span<float> scores);

}  // namespace graft
