// Softmax regression by gradient descent: the original's add_final_training_ops and its train step.
//   logits = X·W + b;  loss = mean over the batch of -log softmax(logits)[label];  W -= lr · dW.
// Rows are read where they lie (no batch copy). Deterministic: the order of every sum is fixed and
// depends neither on threads nor on how the work is blocked, only on the machine's vector width.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/head.h"
#include "tensor/tensor.h"

namespace graft {

struct Batch {
  std::vector<const float*> rows;    // B pointers to F floats
  std::vector<std::int32_t> labels;  // B class indices
};

struct BatchResult {
  float cross_entropy = 0;  // mean; NaN for an empty batch
  float accuracy = 0;       // share whose arg max (the first of equals) is the label; NaN if empty
};

// W: truncated normal σ 0.001 from Rng(seed, stream "weights"); b: zero.
Head initial_head(int features, int classes, std::uint64_t seed);

class HeadTrainer {
 public:
  HeadTrainer(Head head, float learning_rate);
  // One step; returns loss and accuracy before the update. A step whose loss is not finite changes
  // nothing.
  BatchResult step(const Batch& batch);
  // Forward only.
  BatchResult evaluate(const Batch& batch);
  // [B,K] of the last step's (before its update) or evaluate's forward pass.
  std::span<const float> logits() const { return logits_; }
  std::span<const float> scores() const { return scores_; }
  const Head& head() const;

 private:
  BatchResult run(const Batch& batch, bool with_gradient);
  // Logits (sums so far) → biased logits, scores and, for with_gradient, dLoss/dLogits of the
  // photos [first, first + count) of the batch.
  void softmax(const Batch& batch, std::size_t first, std::size_t count, bool with_gradient);

  mutable Head head_;
  mutable bool head_is_current_ = true;  // head_.weights lags behind wt_ until someone asks
  float learning_rate_;
  std::size_t features_, classes_, stride_;
  AlignedBuffer wt_, dwt_;  // f32 [K, stride], see head_kernels.h
  std::vector<float> logits_, scores_, gradient_;
  double loss_ = 0;
  std::size_t correct_ = 0;
};

// The specification, plain loops in float64: oracle of the tests.
BatchResult reference_step(Head& head, const Batch& batch, double learning_rate);

}  // namespace graft
