#include "train/run_summaries.h"

#include <cmath>
#include <string>

namespace graft {
namespace {

// Population standard deviation, as tf.reduce_mean(tf.square(x - mean)), of values whose sums are
// in `h`.
float deviation(std::span<const float> values, const Histogram& h) {
  const double mean = h.sum / h.num, mean_square = h.sum_squares / h.num;
  const double variance = mean_square - mean * mean;
  // While the difference keeps its size, the rounding of the sums (at most n 2^-53 of them) stays
  // below float32's even for a million values.
  constexpr double kCancelled = 1e-2;
  if (h.num == static_cast<double>(values.size()) && variance > kCancelled * mean_square) {
    return static_cast<float>(std::sqrt(variance));
  }
  double sum = 0;
  for (const float value : values) {
    const double difference = static_cast<double>(value) - mean;
    sum += difference * difference;
  }
  return static_cast<float>(std::sqrt(sum / static_cast<double>(values.size())));
}

}  // namespace

void RunSummary::add_variable(const char* name, std::span<const float> values) {
  const std::string scope = std::string("final_training_ops/") + name + "/summaries/";
  histogram_of(values, scratch_);
  builder_.scalar(scope + "mean_1", static_cast<float>(scratch_.sum / scratch_.num));
  builder_.scalar(scope + "stddev_1", deviation(values, scratch_));
  builder_.scalar(scope + "max_1", static_cast<float>(scratch_.max));
  builder_.scalar(scope + "min_1", static_cast<float>(scratch_.min));
  builder_.histogram(scope + "histogram", scratch_);
}

void RunSummary::add_head(std::span<const float> weights, std::span<const float> biases) {
  add_variable("weights", weights);
  add_variable("biases", biases);
}

void RunSummary::add_batch(std::span<const float> logits, std::span<const float> scores,
                           const BatchResult& result) {
  builder_.histogram("final_training_ops/Wx_plus_b/pre_activations", logits);
  builder_.histogram("activations", scores);
  builder_.scalar("cross_entropy_1", result.cross_entropy);
  builder_.scalar("accuracy_1", result.accuracy);
}

void RunSummary::write(EventWriter& writer, std::int64_t step) {
  writer.add_summary(builder_, step);
  builder_.clear();
}

}  // namespace graft
