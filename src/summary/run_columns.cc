#include "summary/run_columns.h"

#include <algorithm>
#include <limits>

namespace graft {
namespace {

std::vector<Stretch> all_stretches(std::span<const Column* const> columns) {
  std::vector<Stretch> stretches;
  for (std::size_t file = 0; file < columns.size(); ++file) {
    if (columns[file] == nullptr || columns[file]->steps.empty()) continue;
    std::size_t begin = 0;
    for (const std::size_t restart : columns[file]->restarts) {
      stretches.push_back({file, begin, restart});
      begin = restart;
    }
    stretches.push_back({file, begin, columns[file]->steps.size()});
  }
  return stretches;
}

}  // namespace

std::uint32_t TagTable::index_of(std::string_view tag, std::uint32_t guess) {
  if (guess < names_.size() && names_[guess] == tag) return guess;
  const auto known = indices_.find(tag);
  if (known != indices_.end()) return known->second;
  if (names_.size() >= kMaxTags || tag.size() > kMaxTagBytes) return kNone;
  const auto index = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(tag);
  indices_.emplace(std::string(tag), index);
  return index;
}

std::uint32_t TagTable::find(std::string_view tag) const {
  const auto known = indices_.find(tag);
  return known == indices_.end() ? kNone : known->second;
}

std::vector<Stretch> visible_stretches(std::span<const Column* const> columns, bool all) {
  std::vector<Stretch> stretches = all_stretches(columns);
  if (all) return stretches;
  double first_later = std::numeric_limits<double>::infinity();
  for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch) {
    const std::vector<double>& steps = columns[stretch->file]->steps;
    const auto at = [&](std::size_t i) { return steps.begin() + static_cast<std::ptrdiff_t>(i); };
    const double first = steps[stretch->begin];
    stretch->end = static_cast<std::size_t>(
        std::lower_bound(at(stretch->begin), at(stretch->end), first_later) - steps.begin());
    first_later = std::min(first_later, first);
  }
  std::erase_if(stretches, [](const Stretch& s) { return s.begin == s.end; });
  return stretches;
}

std::size_t count_restarts(std::span<const Column* const> columns) {
  std::size_t count = 0;
  double last = -std::numeric_limits<double>::infinity();
  for (const Stretch& stretch : all_stretches(columns)) {
    const std::vector<double>& steps = columns[stretch.file]->steps;
    if (steps[stretch.begin] <= last) ++count;
    last = steps[stretch.end - 1];
  }
  return count;
}

}  // namespace graft
