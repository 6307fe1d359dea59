// Which stream of the run's seed each use of random numbers in this room draws from (base/rng.h;
// batches have theirs in data/sampler.cc). The numbers are part of what makes a run repeatable:
// never reuse or renumber one.
#pragma once

#include <cstdint>

namespace graft {

inline constexpr std::uint64_t kWeightsStream = 1;
inline constexpr std::uint64_t kDistortionStream = 2;
inline constexpr std::uint64_t kVariantStream = 3;        // how a kept variant is distorted
inline constexpr std::uint64_t kVariantChoiceStream = 4;  // which variant a step takes

}  // namespace graft
