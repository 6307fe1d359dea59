// The event files that real TensorFlow wrote, and the tensors that stand behind their histograms
// (tests/golden/events/make_events.py says how they were made).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace graft::golden {

inline std::string events_path(const std::string& name) {
  return std::string(GRAFT_SOURCE_DIR) + "/tests/golden/events/" + name + ".events";
}

inline std::vector<std::uint32_t> random_bits(int count, std::uint64_t state) {
  std::vector<std::uint32_t> out;
  for (int i = 0; i < count; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    out.push_back(static_cast<std::uint32_t>(state >> 32));
  }
  return out;
}

inline std::vector<float> floats_of_all_classes(int count, std::uint64_t seed) {
  std::vector<float> out;
  for (const std::uint32_t bits : random_bits(count, seed)) {
    const auto value = std::bit_cast<float>(bits);
    if (std::isfinite(value)) out.push_back(value);
  }
  return out;
}

inline std::vector<float> small_floats(int count, std::uint64_t seed) {
  std::vector<float> out;
  for (const std::uint32_t bits : random_bits(count, seed)) {
    const auto steps = static_cast<std::int32_t>(bits / 256) - (1 << 23);
    out.push_back(std::ldexp(static_cast<float>(steps), -26));
  }
  return out;
}

inline std::map<std::string, std::vector<float>> tensors() {
  return {
      {"empty", {}},
      {"zero", {0.0F}},
      {"around_zero", {-0.0F, 1e-13F, -1e-13F}},
      {"few", {1, 2, 3, 3}},
      {"first_limits", {1e-12F, -1e-12F, 1.1e-12F}},
      {"beyond_the_last_limit", {1e20F, 3e38F, -3e38F, 1e21F}},
      {"weights", small_floats(5005, 1)},
      {"all_classes", floats_of_all_classes(4000, 2)},
  };
}

}  // namespace graft::golden
