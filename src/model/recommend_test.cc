#include "model/recommend.h"

#include <gtest/gtest.h>

#include <string>

#include "model/speed.h"

namespace graft {
namespace {

// A machine that does 30 billion multiply-adds a second and nothing else.
double speed_of(const ModelSpec& spec) {
  return 30000 / spec.multiply_adds_m;
}

std::string best(Requirement requirement) {
  const auto ranked = rank_networks(requirement, speed_of);
  return ranked.front().fits() ? ranked.front().spec.architecture : "";
}

TEST(RankNetworks, HoldsAllThirtyThree) {
  const auto ranked = rank_networks({}, speed_of);
  EXPECT_EQ(ranked.size(), 33U);
  for (const Candidate& candidate : ranked) {
    EXPECT_TRUE(candidate.fits());
    EXPECT_FALSE(candidate.spec.untrained);
  }
}

// By hand from the published table.
TEST(RankNetworks, TakesTheMostAccurateThatFits) {
  EXPECT_EQ(best({}), "inception_v3");
  EXPECT_EQ(best({10, 0}), "mobilenet_1.0_224");            // 52 a second; Inception V3: 5
  EXPECT_EQ(best({100, 0}), "mobilenet_0.75_192");          // 129; 1.0_192: 72, 0.75_224: 95
  EXPECT_EQ(best({0, 17.5}), "mobilenet_1.0_224");          // about 17.1 MB
  EXPECT_EQ(best({0, 11}), "mobilenet_1.0_224_quantized");  // about 4.6 MB, at most 70.7 %
  EXPECT_EQ(best({0, 4}), "mobilenet_0.75_224_quantized");  // 3.0 MB
  EXPECT_EQ(best({0, 0.95}), "mobilenet_0.25_224_quantized");
  EXPECT_EQ(best({1000, 1}), "mobilenet_0.25_160_quantized");  // 1,429 a second
  EXPECT_EQ(best({0, 0.5}), "");
  EXPECT_EQ(best({1e6, 0}), "");
}

TEST(RankNetworks, SaysWhichLimitFails) {
  for (const Candidate& candidate : rank_networks({100, 3}, speed_of)) {
    EXPECT_EQ(candidate.fast_enough, speed_of(candidate.spec) >= 100);
    EXPECT_EQ(candidate.small_enough, candidate.spec.graph_size.bytes <= 3000000U);
  }
}

TEST(Speed, ScalesWithMultiplyAddsAndAddsTheDecoding) {
  Speed speed;
  speed.threads = 2;
  speed.decode_seconds = 0.001;
  speed.network_seconds = {0.004, 0.003, 0.002, 0.001};
  const auto rate = [&](const char* name) {
    return speed.photos_per_second(find_model(name).value());
  };
  EXPECT_DOUBLE_EQ(rate("mobilenet_0.25_128"), 2 / (0.001 + 0.001));
  EXPECT_DOUBLE_EQ(rate("mobilenet_0.50_224"), 2 / (0.001 + 0.002 * 150 / 49));
  EXPECT_DOUBLE_EQ(rate("mobilenet_0.50_224_quantized"), rate("mobilenet_0.50_224"));
  EXPECT_DOUBLE_EQ(rate("inception_v3"), 2 / (0.001 + 0.004 * 5700 / 186));
}

}  // namespace
}  // namespace graft
