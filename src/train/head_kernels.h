// The two inner loops of training a softmax head, for whatever vectors the machine has (Highway,
// chosen at run time). Weights lie transposed and padded: wt[k * stride + f], stride a multiple of
// kRowPad, zeros behind the F-th. Thread rule: pure functions; tables are immutable.
#pragma once

#include <cstddef>
#include <vector>

namespace graft {

struct HeadKernels {
  static constexpr std::size_t kBlock = 4;    // photos handled together
  static constexpr std::size_t kRowPad = 16;  // floats; a whole vector of any supported width

  // logits[s * K + k] = Σ_f rows[s][f] * wt[k * stride + f] for the kBlock rows and the classes
  // [first, last). Each sum is one chain a vector lane, then across lanes: the same bits however
  // the classes and photos are blocked. Rows need no alignment and are not read past F.
  void (*forward)(const float* const* rows, const float* wt, std::size_t features,
                  std::size_t stride, std::size_t classes, std::size_t first, std::size_t last,
                  float* logits);
  // dwt[k * stride + f] += Σ_s gradient[s * K + k] * rows[s][f], s in order, for [first, last).
  void (*backward)(const float* const* rows, const float* gradient, std::size_t features,
                   std::size_t stride, std::size_t classes, std::size_t first, std::size_t last,
                   float* dwt);
};

// The fastest that this machine runs.
const HeadKernels& head_kernels();
// One for each instruction set that this machine runs, for tests. Not while others call
// head_kernels() for the first time.
std::vector<HeadKernels> all_head_kernels();

}  // namespace graft
