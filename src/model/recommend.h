// Which network to take: the most accurate of those that are fast and small enough.
// Thread rule: pure functions.
#pragma once

#include <functional>
#include <vector>

#include "model/spec.h"

namespace graft {

struct Requirement {
  double photos_per_second = 0;  // at least; 0: any
  double megabytes = 0;          // of the graph file, in millions of bytes, at most; 0: any
};

struct Candidate {
  ModelSpec spec;
  double photos_per_second = 0;
  bool fast_enough = false, small_enough = false;
  bool fits() const { return fast_enough && small_enough; }
};

// The 33 networks (not the built-in one): those that fit before those that do not, the more
// accurate first within both; at equal accuracy (ranking_top1) float before quantized, then the
// faster.
std::vector<Candidate> rank_networks(
    const Requirement& requirement,
    const std::function<double(const ModelSpec&)>& photos_per_second);

}  // namespace graft
