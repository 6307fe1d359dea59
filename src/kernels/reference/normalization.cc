#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/reference/reference.h"

namespace graft::reference {

// TensorFlow's BatchNormWithGlobalNormalization, in its order: the scale first, in float32.
void run(const BatchNorm& op, const Call& call) {
  const std::span<const float> x = call.in[0].as<float>();
  const std::span<const float> mean = call.in[1].as<float>();
  const std::span<const float> variance = call.in[2].as<float>();
  const std::span<const float> beta = call.in[3].as<float>();
  const std::span<const float> gamma = call.in[4].as<float>();
  const std::span<float> out = call.out.as<float>();
  const std::size_t channels = mean.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t c = i % channels;
    const float moved = variance[c] + op.epsilon;
    const auto inverse = static_cast<float>(1.0 / std::sqrt(static_cast<double>(moved)));
    const float scale = op.scale ? inverse * gamma[c] : inverse;
    out[i] = (x[i] - mean[c]) * scale + beta[c];
  }
}

void run(const Softmax&, const Call& call) {
  const Shape& shape = call.out.spec.shape;
  const auto width = static_cast<std::size_t>(shape[shape.rank() - 1]);
  const std::span<const float> x = call.in[0].as<float>();
  const std::span<float> out = call.out.as<float>();
  const std::span<double> powers = accumulators(call, shape[shape.rank() - 1]);
  for (std::size_t row = 0; row < x.size(); row += width) {
    const double largest = *std::max_element(&x[row], &x[row] + width);
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) {
      powers[i] = std::exp(static_cast<double>(x[row + i]) - largest);
      sum += powers[i];
    }
    for (std::size_t i = 0; i < width; ++i) out[row + i] = static_cast<float>(powers[i] / sum);
  }
}

void run(const Mean& op, const Call& call) {
  const Shape& shape = call.in[0].spec.shape;
  // Steps through the results for one step along each axis of x; 0 along a reduced axis.
  std::array<std::int64_t, Shape::kMaxRank> strides{};
  std::int64_t stride = 1;
  std::int64_t count = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (std::ranges::find(op.axes, axis) != op.axes.end()) {
      count *= shape[axis];
    } else {
      strides[static_cast<std::size_t>(axis)] = stride;
      stride *= shape[axis];
    }
  }
  const std::span<double> sums = accumulators(call, call.out.spec.shape.elements());
  std::ranges::fill(sums, 0.0);
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t at = 0;
  for (const float value : call.in[0].as<float>()) {
    sums[static_cast<std::size_t>(at)] += static_cast<double>(value);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      at += strides[i];
      if (++index[i] < shape[axis]) break;
      at -= strides[i] * index[i];
      index[i] = 0;
    }
  }
  std::ranges::transform(sums, call.out.as<float>().begin(), [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(count));
  });
}

}  // namespace graft::reference
