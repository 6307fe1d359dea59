#include "model/head.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace graft {

void predict(const Head& head, std::span<const float> feature, std::span<float> scores) {
  const auto features = static_cast<std::size_t>(head.features());
  const auto classes = static_cast<std::size_t>(head.classes());
  assert(feature.size() == features && scores.size() == classes);
  const std::span<const float> weights = head.weights.as<float>();
  const std::span<const float> biases = head.biases.as<float>();
  // Each logit's sum runs over f in ascending order, whatever the loops' nesting: reading the
  // weights row by row is only faster.
  std::fill(scores.begin(), scores.end(), 0.0F);
  for (std::size_t f = 0; f < features; ++f) {
    const float x = feature[f];
    const float* row = weights.data() + f * classes;
    for (std::size_t k = 0; k < classes; ++k) scores[k] += x * row[k];
  }
  for (std::size_t k = 0; k < classes; ++k) scores[k] += biases[k];
  const float largest = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& s : scores) {
    s = std::exp(s - largest);
    sum += s;
  }
  for (float& s : scores) s /= sum;
}

}  // namespace graft
