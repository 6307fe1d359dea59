#include "train/run_summaries.h"

#include <array>
#include <cmath>
#include <string>

namespace graft {
namespace {

// Population standard deviation, as tf.reduce_mean(tf.square(x - mean)). Four sums side by side,
// always in the same order.
float deviation(std::span<const float> values, double mean) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const double d = static_cast<double>(values[i + lane]) - mean;
      sums[lane] += d * d;
    }
  }
  for (; i < values.size(); ++i) {
    const double d = static_cast<double>(values[i]) - mean;
    sums[0] += d * d;
  }
  const double sum = sums[0] + sums[1] + sums[2] + sums[3];
  return static_cast<float>(std::sqrt(sum / static_cast<double>(values.size())));
}

}  // namespace

void RunSummary::add_variable(const char* name, std::span<const float> values) {
  const std::string scope = std::string("final_training_ops/") + name + "/summaries/";
  histogram_of(values, scratch_);
  const double mean = scratch_.sum / scratch_.num;
  builder_.scalar(scope + "mean_1", static_cast<float>(mean));
  builder_.scalar(scope + "stddev_1", deviation(values, mean));
  builder_.scalar(scope + "max_1", static_cast<float>(scratch_.max));
  builder_.scalar(scope + "min_1", static_cast<float>(scratch_.min));
  builder_.histogram(scope + "histogram", scratch_);
}

void RunSummary::add_head(const Head& head) {
  add_variable("weights", head.weights.as<float>());
  add_variable("biases", head.biases.as<float>());
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
