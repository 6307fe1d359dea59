#include <cstdint>

#include "kernels/reference/reference.h"

namespace graft::reference {

void run(const MatMul& op, const Call& call) {
  const Shape& a = call.in[0].spec.shape;
  const Shape& b = call.in[1].spec.shape;
  const std::span<const float> left = call.in[0].as<float>();
  const std::span<const float> right = call.in[1].as<float>();
  const std::int64_t rows = call.out.spec.shape[0];
  const std::int64_t columns = call.out.spec.shape[1];
  const std::int64_t depth = a[op.transpose_a ? 0 : 1];
  const std::int64_t a_row = op.transpose_a ? 1 : a[1];
  const std::int64_t a_depth = op.transpose_a ? a[1] : 1;
  const std::int64_t b_depth = op.transpose_b ? 1 : b[1];
  const std::int64_t b_column = op.transpose_b ? b[1] : 1;
  const std::span<double> sums = accumulators(call, columns);
  float* result = call.out.as<float>().data();
  for (std::int64_t row = 0; row < rows; ++row) {
    start_from_bias(call, sums);
    for (std::int64_t k = 0; k < depth; ++k) {
      const double value = left[static_cast<std::size_t>(row * a_row + k * a_depth)];
      for (std::int64_t column = 0; column < columns; ++column) {
        sums[static_cast<std::size_t>(column)] +=
            value *
            static_cast<double>(right[static_cast<std::size_t>(k * b_depth + column * b_column)]);
      }
    }
    for (const double sum : sums) *result++ = activate(op.activation, sum);
  }
}

}  // namespace graft::reference
