// The columns behind RunStore: one tag of one file, and how the files of a run make one curve.
// Internal to the summary room. Thread rule: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "summary/run_store.h"

namespace graft {

// Points of one tag in one file, in the file's order.
struct Column {
  std::vector<double> steps, walls;
  std::vector<float> values;           // scalars
  std::vector<std::uint64_t> offsets;  // blobs: where their records begin
  std::vector<std::size_t> restarts;   // indices at which a step is less than the one before

  void begin(double step, double wall) {
    if (!steps.empty() && step < steps.back()) restarts.push_back(steps.size());
    steps.push_back(step);
    walls.push_back(wall);
  }
};

// Tag ↔ index, with a guess: tags come in the same order in every step.
class TagTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  // The index of `tag`, added when it is new; kNone: there are too many, or it is too long.
  std::uint32_t index_of(std::string_view tag, std::uint32_t guess);
  std::uint32_t find(std::string_view tag) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  static constexpr std::size_t kMaxTags = 20000, kMaxTagBytes = 4096;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> indices_;
};

// A stretch of a column whose steps do not decrease.
struct Stretch {
  std::size_t file = 0;  // index into what visible_stretches() was given
  std::size_t begin = 0, end = 0;
};

// The parts of the columns (one a file, in the order of the files; null: the tag is not there) that
// make the curve: of each stretch what lies before the first step of every later one. all: every
// stretch, whole.
std::vector<Stretch> visible_stretches(std::span<const Column* const> columns, bool all);
// How often the curve began anew.
std::size_t count_restarts(std::span<const Column* const> columns);

}  // namespace graft
