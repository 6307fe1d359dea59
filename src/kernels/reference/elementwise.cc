#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/reference/reference.h"
#include "kernels/reference/rsqrt.h"

namespace graft::reference {
namespace {

float apply(Binary::Kind kind, float a, float b) {
  switch (kind) {
    case Binary::Kind::kAdd:
      return a + b;
    case Binary::Kind::kSub:
      return a - b;
    case Binary::Kind::kMul:
      return a * b;
    case Binary::Kind::kDiv:
      return a / b;
    case Binary::Kind::kMaximum:
      return std::isnan(a) || a > b ? a : b;
    case Binary::Kind::kMinimum:
      return std::isnan(a) || a < b ? a : b;
  }
  return std::numeric_limits<float>::quiet_NaN();
}

float apply(Unary::Kind kind, float x) {
  const double wide = x;
  switch (kind) {
    case Unary::Kind::kIdentity:
      return x;
    case Unary::Kind::kRelu:
      return x < 0 ? 0.0F : x;
    case Unary::Kind::kRelu6:
      return x < 0 ? 0.0F : (x > 6 ? 6.0F : x);
    case Unary::Kind::kRsqrt:
      return rsqrt(x);
    case Unary::Kind::kSqrt:
      return std::sqrt(x);
    case Unary::Kind::kExp:
      return static_cast<float>(std::exp(wide));
    case Unary::Kind::kNeg:
      return -x;
    case Unary::Kind::kSquare:
      return x * x;
    case Unary::Kind::kSigmoid:
      return static_cast<float>(1.0 / (1.0 + std::exp(-wide)));
    case Unary::Kind::kTanh:
      return static_cast<float>(std::tanh(wide));
  }
  return std::numeric_limits<float>::quiet_NaN();
}

// Elements to move on for one step along each of the result's axes; 0 where the input is repeated.
std::array<std::int64_t, Shape::kMaxRank> broadcast_strides(const Shape& input,
                                                            const Shape& result) {
  std::array<std::int64_t, Shape::kMaxRank> strides{};
  std::int64_t stride = 1;
  for (int i = 1; i <= input.rank(); ++i) {
    const std::int64_t dim = input[input.rank() - i];
    if (dim != 1) strides[static_cast<std::size_t>(result.rank() - i)] = stride;
    stride *= dim;
  }
  return strides;
}

}  // namespace

void run(const Binary& op, const Call& call) {
  const Shape& shape = call.out.spec.shape;
  const auto a_strides = broadcast_strides(call.in[0].spec.shape, shape);
  const auto b_strides = broadcast_strides(call.in[1].spec.shape, shape);
  const std::span<const float> a = call.in[0].as<float>();
  const std::span<const float> b = call.in[1].as<float>();
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t at_a = 0;
  std::int64_t at_b = 0;
  for (float& result : call.out.as<float>()) {
    result = apply(op.kind, a[static_cast<std::size_t>(at_a)], b[static_cast<std::size_t>(at_b)]);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      at_a += a_strides[i];
      at_b += b_strides[i];
      if (++index[i] < shape[axis]) break;
      at_a -= a_strides[i] * index[i];
      at_b -= b_strides[i] * index[i];
      index[i] = 0;
    }
  }
}

void run(const Unary& op, const Call& call) {
  if (op.kind == Unary::Kind::kIdentity) {
    std::memcpy(call.out.data, call.in[0].data, call.out.spec.bytes());
    return;
  }
  const std::span<float> out = call.out.as<float>();
  std::ranges::transform(call.in[0].as<float>(), out.begin(),
                         [&](float x) { return apply(op.kind, x); });
}

// MIN_FIRST of TensorFlow's quantization_utils.h: the range's minimum is moved to a whole number of
// steps, so that zero is met exactly. A range of no width has only its minimum.
void run(const Dequantize&, const Call& call) {
  const float min = call.in[1].as<float>()[0];
  const float max = call.in[2].as<float>()[0];
  const float step = (max - min) / 255.0F;
  const float start = max == min ? min : std::round(min / step) * step;
  const std::span<float> out = call.out.as<float>();
  std::ranges::transform(call.in[0].as<std::uint8_t>(), out.begin(),
                         [&](std::uint8_t q) { return start + static_cast<float>(q) * step; });
}

}  // namespace graft::reference
