#include "graph/arena.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace graft {
namespace {

constexpr std::size_t kAlignment = 64;

// Free blocks below `end`, neighbours always joined.
class FreeList {
 public:
  std::size_t take(std::size_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit != by_size_.end()) {
      const auto [size, offset] = *fit;
      erase(offset, size);
      if (size > bytes) insert(offset + bytes, size - bytes);
      return offset;
    }
    std::size_t offset = end_;
    if (!by_offset_.empty()) {  // a free block at the end grows instead
      const auto [last, size] = *by_offset_.rbegin();
      if (last + size == end_) {
        offset = last;
        erase(last, size);
      }
    }
    end_ = offset + bytes;
    return offset;
  }

  void give(std::size_t offset, std::size_t bytes) {
    const auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + bytes) {
      const std::size_t size = next->second;
      erase(offset + bytes, size);
      bytes += size;
    }
    const auto after = by_offset_.lower_bound(offset);
    if (after != by_offset_.begin()) {
      const auto [before, size] = *std::prev(after);
      if (before + size == offset) {
        erase(before, size);
        offset = before;
        bytes += size;
      }
    }
    insert(offset, bytes);
  }

  std::size_t end() const { return end_; }

 private:
  void insert(std::size_t offset, std::size_t bytes) {
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }
  void erase(std::size_t offset, std::size_t bytes) {
    by_offset_.erase(offset);
    by_size_.erase({bytes, offset});
  }

  std::map<std::size_t, std::size_t> by_offset_;
  std::set<std::pair<std::size_t, std::size_t>> by_size_;
  std::size_t end_ = 0;
};

std::size_t rounded(std::size_t bytes) {
  return std::max<std::size_t>((bytes + kAlignment - 1) / kAlignment, 1) * kAlignment;
}

}  // namespace

ArenaPlan plan_arena(std::span<const Lifetime> values) {
  std::vector<std::size_t> by_first(values.size());
  std::iota(by_first.begin(), by_first.end(), std::size_t{0});
  std::vector<std::size_t> by_last = by_first;
  std::ranges::stable_sort(by_first, {}, [&](std::size_t i) { return values[i].first; });
  std::ranges::stable_sort(by_last, {}, [&](std::size_t i) { return values[i].last; });
  ArenaPlan plan;
  plan.offsets.resize(values.size());
  FreeList free;
  std::size_t ended = 0;
  for (const std::size_t i : by_first) {
    for (; values[by_last[ended]].last < values[i].first; ++ended) {
      free.give(plan.offsets[by_last[ended]], rounded(values[by_last[ended]].bytes));
    }
    plan.offsets[i] = free.take(rounded(values[i].bytes));
  }
  plan.bytes = free.end();
  return plan;
}

}  // namespace graft
