#include "base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace graft {
namespace {

using Block = std::array<std::uint32_t, 4>;

// The known answers for philox4x32 with 10 rounds that Random123 publishes (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox_4x32_10({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(
      philox_4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox_4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, DrawsTheBlocksInOrder) {
  Rng rng(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88);
  for (const std::uint32_t expected : {0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U}) {
    EXPECT_EQ(rng.next_u32(), expected);
  }
  Rng wide(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88);
  EXPECT_EQ(wide.next_u64(), 0x94fdccebd16cfe09U);
}

TEST(Rng, StartsAnywhere) {
  Rng whole(5, 6);
  std::vector<std::uint32_t> draws(40);
  std::generate(draws.begin(), draws.end(), [&] { return whole.next_u32(); });
  for (std::uint64_t block = 0; block < 10; ++block) {
    Rng later(5, 6, block);
    for (std::size_t i = 4 * block; i < draws.size(); ++i) ASSERT_EQ(later.next_u32(), draws[i]);
  }
}

TEST(Rng, StreamsAndSeedsDiffer) {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    for (std::uint64_t stream = 0; stream < 30; ++stream) {
      firsts.insert(Rng(seed, stream).next_u64());
    }
  }
  EXPECT_EQ(firsts.size(), 900U);
}

constexpr int kDraws = 200000;
// A sample mean of n draws with standard deviation s lies within 5 s/sqrt(n) of the true mean but
// for one seed in two million; the seed here is fixed, so this never depends on luck.
double five_sigma(double deviation) {
  return 5 * deviation / std::sqrt(double{kDraws});
}

TEST(Rng, UniformHasItsMomentsAndRange) {
  Rng rng(1);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float u = rng.uniform();
    ASSERT_GE(u, 0.0F);
    ASSERT_LT(u, 1.0F);
    sum += u;
    squares += double{u} * u;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, five_sigma(std::sqrt(1.0 / 12)));
  // Var(U^2) = 1/5 - 1/9.
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, five_sigma(std::sqrt(1.0 / 5 - 1.0 / 9)));
  for (int i = 0; i < 1000; ++i) {
    const double d = rng.uniform_double();
    ASSERT_GE(d, 0.0);
    ASSERT_LT(d, 1.0);
  }
}

TEST(Rng, UniformNeverReachesItsUpperEnd) {
  Rng rng(2);
  const float high = std::nextafter(1.0F, 2.0F);  // [1, 1+ulp): only 1 is inside
  for (int i = 0; i < 10000; ++i) {
    const float u = rng.uniform(1.0F, high);
    ASSERT_EQ(u, 1.0F);
  }
  EXPECT_EQ(rng.uniform(3.0F, 3.0F), 3.0F);
}

TEST(Rng, BelowIsUnbiased) {
  Rng rng(3);
  constexpr std::uint32_t kBound = 7;
  std::vector<int> counts(kBound);
  for (int i = 0; i < kDraws; ++i) ++counts[rng.below(kBound)];
  // Pearson's statistic with 6 degrees of freedom exceeds 37.3 once in a million.
  double chi_square = 0;
  const double expected = double{kDraws} / kBound;
  for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_square, 37.3);
  EXPECT_EQ(rng.below(1), 0U);

  // A bound of 3·2^30: taking a remainder would make the lowest third twice as likely (p = 1/2).
  constexpr std::uint32_t kLarge = 3U << 30;
  int low = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint32_t value = rng.below(kLarge);
    ASSERT_LT(value, kLarge);
    low += value < (1U << 30) ? 1 : 0;
  }
  EXPECT_NEAR(double{1} * low / kDraws, 1.0 / 3, five_sigma(std::sqrt(2.0 / 9)));
}

TEST(Rng, NormalHasItsMoments) {
  Rng rng(4);
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = rng.normal();
    ASSERT_TRUE(std::isfinite(z));
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0, five_sigma(1));
  EXPECT_NEAR(squares / kDraws, 1, five_sigma(std::sqrt(2.0)));   // Var(z^2) = 3 - 1
  EXPECT_NEAR(fourths / kDraws, 3, five_sigma(std::sqrt(96.0)));  // Var(z^4) = 105 - 9
}

TEST(Rng, TruncatedNormalStaysWithinTwoDeviations) {
  Rng rng(5);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = rng.truncated_normal();
    ASSERT_LT(std::abs(z), 2.0);
    sum += z;
    squares += z * z;
  }
  // The variance of a normal cut at ±2: 1 - 4 φ(2) / (2 Φ(2) - 1).
  const double density = std::exp(-2.0) / std::sqrt(2 * std::acos(-1.0));
  const double variance = 1 - 4 * density / std::erf(2 / std::sqrt(2.0));
  EXPECT_NEAR(sum / kDraws, 0, five_sigma(std::sqrt(variance)));
  EXPECT_NEAR(squares / kDraws, variance, five_sigma(1));  // z^2 < 4, so its deviation is below 2
}

}  // namespace
}  // namespace graft
