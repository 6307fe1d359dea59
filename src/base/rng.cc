#include "base/rng.h"

#include <cmath>
#include <numbers>

namespace graft {

std::array<std::uint32_t, 4> philox_4x32_10(std::array<std::uint32_t, 4> counter,
                                            std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9;  // golden ratio
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85;  // square root of 3, less 1
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter)
    : seed_(seed), stream_(stream), counter_(counter) {}

std::uint32_t Rng::next_u32() {
  if (used_ == 4) {
    block_ = philox_4x32_10(
        {static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32),
         static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
        {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
    ++counter_;
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

std::uint64_t Rng::next_u64() {
  const std::uint64_t low = next_u32();
  return low | std::uint64_t{next_u32()} << 32;
}

float Rng::uniform() {
  return static_cast<float>(next_u32() >> 8) * 0x1p-24F;
}

double Rng::uniform_double() {
  return static_cast<double>(next_u64() >> 11) * 0x1p-53;
}

float Rng::uniform(float low, float high) {
  const float value = low + (high - low) * uniform();
  // The sum may round up to the excluded end.
  return value < high ? value : (low < high ? std::nextafter(high, low) : low);
}

std::uint32_t Rng::below(std::uint32_t bound) {
  // Lemire, "Fast random integer generation in an interval", 2019: the few products whose low half
  // falls short would make some results likelier, so they are drawn again.
  std::uint64_t product = std::uint64_t{next_u32()} * bound;
  if (static_cast<std::uint32_t>(product) < bound) {
    const std::uint32_t threshold = (0U - bound) % bound;
    while (static_cast<std::uint32_t>(product) < threshold) {
      product = std::uint64_t{next_u32()} * bound;
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

float Rng::normal() {
  const double radius_source = (static_cast<double>(next_u32()) + 1.0) * 0x1p-32;  // (0, 1]
  const double angle = 2.0 * std::numbers::pi * (static_cast<double>(next_u32()) * 0x1p-32);
  return static_cast<float>(std::sqrt(-2.0 * std::log(radius_source)) * std::cos(angle));
}

float Rng::truncated_normal() {
  for (;;) {
    const float value = normal();
    if (std::abs(value) < 2.0F) return value;
  }
}

}  // namespace graft
