// What a graph asks for, so that a small file cannot ask for much. Internal to the graph room.
// Thread rule: pure functions.
#pragma once

#include <cstdint>

#include "graph/graph.h"
#include "kernels/backend.h"

namespace graft {

// Element steps of one evaluation: inputs read, results written, multiply-adds, and the elements
// that a pool's windows visit. Below 2^63.
std::uint64_t work_of(const OpSpec& spec);

// How many bytes one step may make of a graph's constants (fold, scale, pack): `times` what they
// hold, 16 MiB at least and 1 GiB at most, so that memory stays in proportion to the file even when
// thousands of ops read one constant.
std::uint64_t derived_bytes_allowed(const Graph& graph, std::uint64_t times);

// An amount that is used up.
class Budget {
 public:
  explicit Budget(std::uint64_t amount) : left_(amount) {}
  // False, and nothing taken, when less is left.
  bool take(std::uint64_t amount) {
    if (amount > left_) return false;
    left_ -= amount;
    return true;
  }

 private:
  std::uint64_t left_;
};

}  // namespace graft
