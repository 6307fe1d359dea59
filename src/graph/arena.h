// Places values of one run in one block of memory, so that values that never live together share
// bytes. Internal to the graph room. Thread rule: pure function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace graft {

struct Lifetime {
  std::size_t bytes = 0;
  int first = 0;  // the step that writes the value
  int last = 0;   // the last step that reads it, ≥ first
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  // one a value, multiples of 64
  std::size_t bytes = 0;
};

// Values whose [first, last] meet never overlap. Smallest free block that fits, steps in order:
// O(n log n), so that a hostile graph of many values costs little.
ArenaPlan plan_arena(std::span<const Lifetime> values);

}  // namespace graft
