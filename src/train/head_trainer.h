// Softmax regression by gradient descent: the original's add_final_training_ops and its train step.
//   logits = X·W + b;  loss = mean over the batch of -log softmax(logits)[label];  W -= lr · dW.
// Rows are read where they lie (no batch copy). Deterministic: the order of every sum is fixed and does not depend on threads.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/head.h"

namespace graft {

struct Batch {
  std::vector<const float*> rows;     // B pointers to F floats
  std::vector<std::int32_t> labels;   // B class indices
};

struct BatchResult {
  float cross_entropy = 0;  // mean
  float accuracy = 0;       // share whose arg max is the label
};

// W: truncated normal σ 0.001 from Rng(seed, stream "weights"); b: zero.
Head initial_head(int features, int classes, std::uint64_t seed);

class HeadTrainer {
 public:
  HeadTrainer(Head head, float learning_rate);
  // One step; returns loss and accuracy before the update. kept_logits()/kept_scores(): [B,K] of that forward pass.
  BatchResult step(const Batch& batch);
  // Forward only.
  BatchResult evaluate(const Batch& batch);
  std::span<const float> logits() const { return logits_; }   // of the last step or evaluate
  std::span<const float> scores() const { return scores_; }
  const Head& head() const { return head_; }

 private:
  Head head_;
  float learning_rate_;
  std::vector<float> logits_, scores_, gradient_;
};

// The specification, plain loops in float64: oracle of the tests.
BatchResult reference_step(Head& head, const Batch& batch, double learning_rate);

}  // namespace graft
