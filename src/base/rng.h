// Counter-based random numbers: the n-th draw of a stream is a pure function of (seed, stream, n),
// so a run can be resumed at any step, and threads can draw in any order, with the same result.
// Source: Philox-4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Thread rule: one Rng a thread; copies are independent.
#pragma once

#include <array>
#include <cstdint>

namespace graft {

// One block of the generator: ten rounds on a 128-bit counter under a 64-bit key, low words first.
std::array<std::uint32_t, 4> philox_4x32_10(std::array<std::uint32_t, 4> counter,
                                            std::array<std::uint32_t, 2> key);

class Rng {
 public:
  // stream separates uses of one seed (weights, batches, distortions …); counter is where to start,
  // in blocks of four draws (a training step's number, say, times a fixed stride).
  explicit Rng(std::uint64_t seed, std::uint64_t stream = 0, std::uint64_t counter = 0);

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  float uniform();                           // [0, 1), 24 bits
  double uniform_double();                   // [0, 1), 53 bits
  float uniform(float low, float high);      // [low, high)
  std::uint32_t below(std::uint32_t bound);  // [0, bound), unbiased; bound ≥ 1
  float normal();                            // mean 0, variance 1 (Box-Muller)
  float truncated_normal();                  // normal, redrawn beyond 2σ, as TensorFlow's

 private:
  std::uint64_t seed_, stream_, counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace graft
