#include "summary/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>

namespace graft {
namespace {

// A float's sign, exponent and four highest mantissa bits name one of 8,192 cells. A cell spans at
// most 1/16 of its lowest value, limits lie a tenth apart, so at most one limit falls inside a
// cell: the bucket of the cell's lowest value, corrected by one comparison, is exact. The two cells
// of the smallest exponent hold only the limit 0 (and the values below 1e-12 around it).
constexpr int kCellShift = 32 - 13;
constexpr std::size_t kCells = std::size_t{1} << 13;

std::vector<double> make_limits() {
  std::vector<double> positive;
  for (double v = 1e-12; v < 1e20; v *= 1.1) positive.push_back(v);
  positive.push_back(DBL_MAX);
  std::vector<double> limits;
  limits.reserve(2 * positive.size() + 1);
  for (auto v = positive.rbegin(); v != positive.rend(); ++v) limits.push_back(-*v);
  limits.push_back(0.0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  return limits;
}

const std::vector<double>& limits() {
  static const std::vector<double> kLimits = make_limits();
  return kLimits;
}

using CellTable = std::array<std::uint16_t, kCells>;

CellTable make_cells() {
  CellTable cells{};
  constexpr std::uint32_t kInside = (std::uint32_t{1} << kCellShift) - 1;
  for (std::uint32_t cell = 0; cell < kCells; ++cell) {
    const bool negative = cell >= kCells / 2;
    const std::uint32_t bits = (cell << kCellShift) | (negative ? kInside : 0);
    const auto lowest = std::bit_cast<float>(bits);
    const double value = std::isfinite(lowest) ? static_cast<double>(lowest) : 0.0;
    cells[cell] = static_cast<std::uint16_t>(histogram_bucket_reference(value));
  }
  return cells;
}

const CellTable& cells() {
  static const CellTable kTable = make_cells();
  return kTable;
}

inline std::size_t bucket_of(const CellTable& table, const double* limit, float value) {
  const std::size_t base = table[std::bit_cast<std::uint32_t>(value) >> kCellShift];
  return base + static_cast<std::size_t>(static_cast<double>(value) >= limit[base]);
}

constexpr std::uint32_t kExponent = 0x7F800000U;
constexpr std::uint32_t kSign = 0x80000000U;

}  // namespace

std::span<const double> histogram_limits() {
  return limits();
}

std::size_t histogram_bucket_reference(double value) {
  const auto& all = limits();
  return static_cast<std::size_t>(std::upper_bound(all.begin(), all.end(), value) - all.begin());
}

std::size_t histogram_bucket(float value) {
  return bucket_of(cells(), limits().data(), value);
}

void histogram_of(std::span<const float> values, Histogram& into) {
  const std::vector<double>& all = limits();
  const CellTable& table = cells();
  const double* limit = all.data();
  // Two sets of counters: neighbours in a tensor often share a bucket, and an increment must not
  // wait for the one before it.
  thread_local std::vector<std::uint32_t> counters;
  counters.assign(2 * all.size(), 0);
  std::uint32_t* const even = counters.data();
  std::uint32_t* const odd = even + all.size();

  double min = DBL_MAX, max = -DBL_MAX, sum = 0, sum_squares = 0;
  std::size_t num = 0;
  const auto add = [&](std::uint32_t* counts, float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & kExponent) == kExponent) return;
    if ((bits & kExponent) == 0) value = std::bit_cast<float>(bits & kSign);
    const auto v = static_cast<double>(value);
    counts[bucket_of(table, limit, value)] += 1;
    if (min > v) min = v;
    if (max < v) max = v;
    sum += v;
    sum_squares += v * v;
    ++num;
  };
  std::size_t i = 0;
  for (; i + 2 <= values.size(); i += 2) {
    add(even, values[i]);
    add(odd, values[i + 1]);
  }
  if (i < values.size()) add(even, values[i]);

  into.min = min;
  into.max = max;
  into.num = static_cast<double>(num);
  into.sum = sum;
  into.sum_squares = sum_squares;
  into.bucket_limit.clear();
  into.bucket.clear();
  const std::size_t last = all.size() - 1;
  if (num == 0) {
    into.bucket_limit.push_back(limit[last]);
    into.bucket.push_back(0);
    return;
  }
  // Only what lies between the smallest and the largest value can be non-empty; the empty run
  // before it ends at the limit below it, the one after it at DBL_MAX.
  const std::size_t first_used = histogram_bucket_reference(min);
  const std::size_t last_used = histogram_bucket_reference(max);
  if (first_used > 0) {
    into.bucket_limit.push_back(limit[first_used - 1]);
    into.bucket.push_back(0);
  }
  for (std::size_t b = first_used; b <= last_used; ++b) {
    const std::uint32_t count = even[b] + odd[b];
    // A run of empty buckets keeps the limit of its last one.
    if (count == 0 && into.bucket.back() == 0) {
      into.bucket_limit.back() = limit[b];
      continue;
    }
    into.bucket_limit.push_back(limit[b]);
    into.bucket.push_back(static_cast<double>(count));
  }
  if (last_used < last) {
    into.bucket_limit.push_back(limit[last]);
    into.bucket.push_back(0);
  }
}

Histogram histogram_of(std::span<const float> values) {
  Histogram result;
  histogram_of(values, result);
  return result;
}

}  // namespace graft
