#include "train/head_trainer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/rng.h"
#include "train/head_kernels.h"
#include "train/streams.h"

namespace graft {
namespace {

constexpr std::size_t kBlock = HeadKernels::kBlock;
// Weights and gradients that stay in the first cache levels: a block of photos then goes forward
// and backward while it is there too. Beyond, classes are handled in tiles of this size.
constexpr std::size_t kTileBytes = std::size_t{96} << 10;

using BlockRows = std::array<const float*, kBlock>;

// The last block is filled up with its last photo, whose surplus results are dropped.
BlockRows block_rows(const Batch& batch, std::size_t first) {
  BlockRows rows;
  for (std::size_t s = 0; s < kBlock; ++s) {
    rows[s] = batch.rows[std::min(first + s, batch.rows.size() - 1)];
  }
  return rows;
}

float* floats(AlignedBuffer& buffer) {
  return reinterpret_cast<float*>(buffer.data());
}

}  // namespace

Head initial_head(int features, int classes, std::uint64_t seed) {
  Head head{Tensor(DType::kF32, Shape{features, classes}), Tensor(DType::kF32, Shape{classes})};
  Rng rng(seed, kWeightsStream);
  for (float& w : head.weights.as<float>()) w = 0.001F * rng.truncated_normal();
  return head;
}

HeadTrainer::HeadTrainer(Head head, float learning_rate)
    : head_(std::move(head)),
      learning_rate_(learning_rate),
      features_(static_cast<std::size_t>(head_.features())),
      classes_(static_cast<std::size_t>(head_.classes())),
      stride_((features_ + HeadKernels::kRowPad - 1) / HeadKernels::kRowPad * HeadKernels::kRowPad),
      wt_(classes_ * stride_ * sizeof(float)),
      dwt_(classes_ * stride_ * sizeof(float)) {
  const auto w = std::as_const(head_).weights.as<float>();
  float* const wt = floats(wt_);
  for (std::size_t f = 0; f < features_; ++f) {
    for (std::size_t k = 0; k < classes_; ++k) wt[k * stride_ + f] = w[f * classes_ + k];
  }
}

const Head& HeadTrainer::head() const {
  if (!head_is_current_) {
    const auto* const wt = reinterpret_cast<const float*>(wt_.data());
    const auto w = head_.weights.as<float>();
    for (std::size_t f = 0; f < features_; ++f) {
      for (std::size_t k = 0; k < classes_; ++k) w[f * classes_ + k] = wt[k * stride_ + f];
    }
    head_is_current_ = true;
  }
  return head_;
}

void HeadTrainer::softmax(const Batch& batch, std::size_t first, std::size_t count,
                          bool with_gradient) {
  const auto biases = std::as_const(head_).biases.as<float>();
  const float share = 1.0F / static_cast<float>(batch.rows.size());
  for (std::size_t s = first; s < first + count; ++s) {
    float* const logits = logits_.data() + s * classes_;
    float* const scores = scores_.data() + s * classes_;
    const auto label = static_cast<std::size_t>(batch.labels[s]);
    for (std::size_t k = 0; k < classes_; ++k) logits[k] += biases[k];
    const float* const best = std::max_element(logits, logits + classes_);
    float sum = 0;
    for (std::size_t k = 0; k < classes_; ++k) {
      scores[k] = std::exp(logits[k] - *best);
      sum += scores[k];
    }
    for (std::size_t k = 0; k < classes_; ++k) scores[k] /= sum;
    loss_ += static_cast<double>(*best - logits[label]) + static_cast<double>(std::log(sum));
    if (static_cast<std::size_t>(best - logits) == label) ++correct_;
    if (!with_gradient) continue;
    float* const gradient = gradient_.data() + s * classes_;
    for (std::size_t k = 0; k < classes_; ++k) {
      gradient[k] = (scores[k] - (k == label ? 1.0F : 0.0F)) * share;
    }
  }
}

BatchResult HeadTrainer::run(const Batch& batch, bool with_gradient) {
  const std::size_t count = batch.rows.size();
  const std::size_t padded = (count + kBlock - 1) / kBlock * kBlock;
  logits_.resize(padded * classes_);
  scores_.resize(padded * classes_);
  if (with_gradient) gradient_.assign(padded * classes_, 0.0F);
  loss_ = 0;
  correct_ = 0;

  const HeadKernels& kernels = head_kernels();
  const float* const wt = floats(wt_);
  float* const dwt = floats(dwt_);
  const auto forward = [&](std::size_t s, std::size_t first, std::size_t last) {
    kernels.forward(block_rows(batch, s).data(), wt, features_, stride_, classes_, first, last,
                    logits_.data() + s * classes_);
  };
  const auto backward = [&](std::size_t s, std::size_t first, std::size_t last) {
    kernels.backward(block_rows(batch, s).data(), gradient_.data() + s * classes_, features_,
                     stride_, classes_, first, last, dwt);
  };
  const std::size_t row_bytes = stride_ * sizeof(float);
  const std::size_t tile = std::max<std::size_t>(1, kTileBytes / row_bytes);
  if (classes_ <= tile) {
    for (std::size_t s = 0; s < count; s += kBlock) {
      forward(s, 0, classes_);
      softmax(batch, s, std::min(kBlock, count - s), with_gradient);
      if (with_gradient) backward(s, 0, classes_);
    }
  } else {
    for (std::size_t k = 0; k < classes_; k += tile) {
      for (std::size_t s = 0; s < count; s += kBlock) forward(s, k, std::min(k + tile, classes_));
    }
    softmax(batch, 0, count, with_gradient);
    for (std::size_t k = 0; with_gradient && k < classes_; k += tile) {
      for (std::size_t s = 0; s < count; s += kBlock) backward(s, k, std::min(k + tile, classes_));
    }
  }
  logits_.resize(count * classes_);
  scores_.resize(count * classes_);
  if (count == 0) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    return {nan, nan};
  }
  return {static_cast<float>(loss_ / static_cast<double>(count)),
          static_cast<float>(correct_) / static_cast<float>(count)};
}

BatchResult HeadTrainer::evaluate(const Batch& batch) {
  return run(batch, false);
}

BatchResult HeadTrainer::step(const Batch& batch) {
  std::fill_n(floats(dwt_), classes_ * stride_, 0.0F);
  const BatchResult result = run(batch, true);
  if (!std::isfinite(result.cross_entropy)) return result;
  float* const wt = floats(wt_);
  const float* const dwt = floats(dwt_);
  for (std::size_t i = 0; i < classes_ * stride_; ++i) wt[i] -= learning_rate_ * dwt[i];
  const auto biases = head_.biases.as<float>();
  for (std::size_t k = 0; k < classes_; ++k) {
    float sum = 0;
    for (std::size_t s = 0; s < batch.rows.size(); ++s) sum += gradient_[s * classes_ + k];
    biases[k] -= learning_rate_ * sum;
  }
  head_is_current_ = false;
  return result;
}

}  // namespace graft
