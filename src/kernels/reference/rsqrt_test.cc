#include "kernels/reference/rsqrt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/rng.h"

namespace graft::reference {
namespace {

// That the bits are TensorFlow's is seen where TensorFlow is at hand (tests/interop/parity.py).
// Here: the estimate is right to 1.5·2^-12, the step squares that to 1.5²·2^-24·1.5 < 2^-22, and
// its roundings add at most one unit in the last place.
TEST(Rsqrt, IsRightToTheLastBits) {
  Rng rng(1);
  for (int i = 0; i < 200000; ++i) {
    const std::uint32_t bits = rng.next_u32() & 0x7fffffffU;
    float x = 0;
    std::memcpy(&x, &bits, sizeof x);
    if (!std::isnormal(x)) continue;
    const double exact = 1.0 / std::sqrt(static_cast<double>(x));
    const double bound = exact * (std::ldexp(1.0, -22) + std::ldexp(1.0, -23));
    ASSERT_NEAR(rsqrt(x), exact, bound) << x;
  }
}

TEST(Rsqrt, HasTheUsualLimits) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(rsqrt(infinity), 0.0F);
  EXPECT_EQ(rsqrt(0.0F), infinity);
  EXPECT_TRUE(std::isnan(rsqrt(-1.0F)));
  EXPECT_TRUE(std::isnan(rsqrt(std::numeric_limits<float>::quiet_NaN())));
  const float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(rsqrt(tiny), static_cast<float>(1.0 / std::sqrt(static_cast<double>(tiny))));
}

TEST(Rsqrt, NamesItsTableOnce) {
  EXPECT_EQ(rsqrt_mode(), rsqrt_mode());
}

}  // namespace
}  // namespace graft::reference
