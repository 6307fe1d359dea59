#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/reference/reference.h"

namespace graft::reference {

void run(const Pool& op, const Call& call) {
  const Shape& x = call.in[0].spec.shape;
  const Shape& out = call.out.spec.shape;
  const std::span<const float> image = call.in[0].as<float>();
  float* result = call.out.as<float>().data();
  for (std::int64_t n = 0; n < out[0]; ++n) {
    for (std::int64_t row = 0; row < out[1]; ++row) {
      const std::int64_t top = row * op.stride_h - op.padding.top;
      const std::int64_t first_row = std::max<std::int64_t>(top, 0);
      const std::int64_t end_row = std::min(top + op.kernel_h, x[1]);
      for (std::int64_t column = 0; column < out[2]; ++column) {
        const std::int64_t left = column * op.stride_w - op.padding.left;
        const std::int64_t first_column = std::max<std::int64_t>(left, 0);
        const std::int64_t end_column = std::min(left + op.kernel_w, x[2]);
        const auto count = static_cast<double>((end_row - first_row) * (end_column - first_column));
        for (std::int64_t c = 0; c < x[3]; ++c) {
          double sum = 0;
          float largest = -std::numeric_limits<float>::infinity();
          for (std::int64_t h = first_row; h < end_row; ++h) {
            for (std::int64_t w = first_column; w < end_column; ++w) {
              const float value =
                  image[static_cast<std::size_t>(((n * x[1] + h) * x[2] + w) * x[3] + c)];
              sum += static_cast<double>(value);
              if (value > largest) largest = value;
            }
          }
          *result++ = op.kind == Pool::Kind::kMax ? largest : static_cast<float>(sum / count);
        }
      }
    }
  }
}

}  // namespace graft::reference
