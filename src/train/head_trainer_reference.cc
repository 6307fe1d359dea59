#include <algorithm>
#include <cmath>
#include <limits>

#include "train/head_trainer.h"

namespace graft {

BatchResult reference_step(Head& head, const Batch& batch, double learning_rate) {
  const auto features = static_cast<std::size_t>(head.features());
  const auto classes = static_cast<std::size_t>(head.classes());
  const std::size_t count = batch.rows.size();
  if (count == 0) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    return {nan, nan};
  }
  const auto weights = head.weights.as<float>();
  const auto biases = head.biases.as<float>();
  std::vector<double> dw(features * classes, 0.0), db(classes, 0.0), logits(classes);
  double loss = 0;
  std::size_t correct = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const float* const row = batch.rows[s];
    const auto label = static_cast<std::size_t>(batch.labels[s]);
    for (std::size_t k = 0; k < classes; ++k) {
      logits[k] = static_cast<double>(biases[k]);
      for (std::size_t f = 0; f < features; ++f) {
        logits[k] += static_cast<double>(row[f]) * static_cast<double>(weights[f * classes + k]);
      }
    }
    const auto best = std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const double z : logits) sum += std::exp(z - *best);
    loss += std::log(sum) + *best - logits[label];
    if (static_cast<std::size_t>(best - logits.begin()) == label) ++correct;
    for (std::size_t k = 0; k < classes; ++k) {
      const double score = std::exp(logits[k] - *best) / sum;
      const double g = (score - (k == label ? 1.0 : 0.0)) / static_cast<double>(count);
      db[k] += g;
      for (std::size_t f = 0; f < features; ++f) {
        dw[f * classes + k] += g * static_cast<double>(row[f]);
      }
    }
  }
  for (std::size_t i = 0; i < dw.size(); ++i) {
    weights[i] = static_cast<float>(static_cast<double>(weights[i]) - learning_rate * dw[i]);
  }
  for (std::size_t k = 0; k < classes; ++k) {
    biases[k] = static_cast<float>(static_cast<double>(biases[k]) - learning_rate * db[k]);
  }
  return {static_cast<float>(loss / static_cast<double>(count)),
          static_cast<float>(static_cast<double>(correct) / static_cast<double>(count))};
}

}  // namespace graft
