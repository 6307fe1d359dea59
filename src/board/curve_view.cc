#include "board/curve_view.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

namespace graft {

std::vector<float> smoothed_at(std::span<const float> values, double weight,
                               std::span<const std::size_t> indices) {
  std::vector<float> out;
  out.reserve(indices.size());
  // Less than that is nothing beside 1; and numbers that end up as the least there are cost time.
  constexpr double kNothing = 0x1p-60;
  double last = 0, power = 1;
  std::size_t next = 0;
  for (const std::size_t wanted : indices) {
    for (const float value : values.subspan(next, wanted + 1 - next)) {
      if (!std::isfinite(value)) continue;
      last = last * weight + (1 - weight) * static_cast<double>(value);
      power = power > kNothing ? power * weight : 0;
    }
    next = wanted + 1;
    const float value = values[wanted];
    out.push_back(std::isfinite(value) ? static_cast<float>(last / (1 - power)) : value);
  }
  return out;
}

namespace {

// The points whose x lies within the range, [begin, end) from the first to the last of them, and
// one beyond on either side; where none does, the two that the line is drawn between.
struct Part {
  std::size_t first, begin, end, last;
};
Part part_within(std::span<const double> xs, ViewRange range) {
  const auto within = [&](double x) { return x >= range.low && x <= range.high; };
  std::size_t begin = 0, end = xs.size();
  while (begin < end && !within(xs[begin])) ++begin;
  while (end > begin && !within(xs[end - 1])) --end;
  if (begin == end) {
    begin = end = static_cast<std::size_t>(
        std::find_if(xs.begin(), xs.end(), [&](double x) { return x > range.high; }) - xs.begin());
  }
  return {begin > 0 ? begin - 1 : 0, begin, end, std::min(xs.size(), end + 1)};
}

// Which of `pixels` equal columns between the ends of the xs an x falls into. Where xs are not
// ordered, some lie beyond the range on either side: in columns of their own. xs: at least one.
class PixelColumns {
 public:
  PixelColumns(std::span<const double> xs, ViewRange range, std::size_t pixels)
      : xs_(xs),
        pixels_(static_cast<double>(pixels)),
        ordered_(std::adjacent_find(xs.begin(), xs.end(),
                                    [](double a, double b) { return !(a <= b); }) == xs.end()) {
    const auto [lowest, highest] = ordered_ ? std::pair(xs.begin(), std::prev(xs.end()))
                                            : std::minmax_element(xs.begin(), xs.end());
    low_ = std::max(range.low, *lowest);
    const double high = std::min(range.high, *highest);
    scale_ = high > low_ ? pixels_ / (high - low_) : 0;
  }
  // How many points from xs[begin] on, in their order, fall into the column that it falls into.
  std::size_t count_from(std::size_t begin) const {
    const auto from = xs_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto same = [this, here = column(*from)](double x) { return column(x) == here; };
    const auto behind = ordered_ ? std::partition_point(from, xs_.end(), same)
                                 : std::find_if_not(from, xs_.end(), same);
    return static_cast<std::size_t>(behind - from);
  }

 private:
  std::int64_t column(double x) const {
    const double at = (x - low_) * scale_;
    if (!std::isfinite(at)) return 0;
    const double clamped = std::clamp(at, -1.0, pixels_);
    const auto whole = static_cast<std::int64_t>(clamped);  // towards zero
    return clamped < static_cast<double>(whole) ? whole - 1 : whole;
  }

  std::span<const double> xs_;
  double pixels_, low_ = 0, scale_ = 0;
  bool ordered_;
};

}  // namespace

std::vector<std::size_t> points_to_draw(std::span<const double> xs, std::span<const float> values,
                                        ViewRange range, std::size_t pixels) {
  const auto [first, begin, end, last] = part_within(xs, range);
  std::vector<std::size_t> out;
  if (pixels == 0 || last - first <= pixels * 4) {
    for (std::size_t i = first; i < last; ++i) out.push_back(i);
    return out;
  }
  if (first < begin) out.push_back(first);
  const PixelColumns columns(xs.subspan(begin, end - begin), range, pixels);
  for (std::size_t i = begin; i < end;) {
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    std::size_t lowest = kNone, highest = kNone, odd = kNone;
    float low = std::numeric_limits<float>::infinity(), high = -low;
    const std::size_t head = i;
    for (const float value : values.subspan(head, columns.count_from(head - begin))) {
      if (!std::isfinite(value)) {
        odd = std::min(odd, i);
      } else {
        if (value < low) {
          low = value;
          lowest = i;
        }
        if (value > high) {
          high = value;
          highest = i;
        }
      }
      ++i;
    }
    std::array<std::size_t, 5> kept = {head, i - 1, lowest, highest, odd};
    std::sort(kept.begin(), kept.end());  // kNone behind all others
    const auto behind = std::unique(kept.begin(), std::find(kept.begin(), kept.end(), kNone));
    out.insert(out.end(), kept.begin(), behind);
  }
  if (end < last) out.push_back(end);
  return out;
}

std::string encode_curve(const CurveSpans& curve, std::span<const float> smooth,
                         std::span<const std::size_t> indices) {
  static_assert(std::endian::native == std::endian::little);
  std::string out = "GRS1";
  const auto put = [&out](auto value) {
    char raw[sizeof(value)];
    std::memcpy(raw, &value, sizeof(value));
    out.append(raw, sizeof(value));
  };
  out.reserve(16 + indices.size() * 24);
  put(static_cast<std::uint32_t>(indices.size()));
  put(static_cast<std::uint64_t>(curve.steps.size()));
  for (const std::size_t i : indices) put(curve.steps[i]);
  for (const std::size_t i : indices) put(curve.walls[i]);
  for (const std::size_t i : indices) put(curve.values[i]);
  for (const float value : smooth) put(value);
  return out;
}

std::int64_t whole_step(double step) {
  constexpr double kBeyond = 0x1p63;
  if (!(step < kBeyond)) return std::numeric_limits<std::int64_t>::max();
  if (step < -kBeyond) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(step);
}

std::string csv_of(const Curve& curve) {
  std::string out = "Wall time,Step,Value\n";
  std::array<char, 96> line{};
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    char* at = std::to_chars(line.data(), line.data() + line.size(), curve.walls[i]).ptr;
    *at++ = ',';
    at = std::to_chars(at, line.data() + line.size(), whole_step(curve.steps[i])).ptr;
    *at++ = ',';
    at = std::to_chars(at, line.data() + line.size(), curve.values[i]).ptr;
    *at++ = '\n';
    out.append(line.data(), at);
  }
  return out;
}

std::vector<std::size_t> evenly_chosen(std::size_t count, std::size_t most) {
  std::vector<std::size_t> out;
  if (count <= most || most < 2) {
    for (std::size_t i = 0; i < count; ++i) out.push_back(i);
    if (most == 1 && count > 1) out = {count - 1};
    return out;
  }
  for (std::size_t i = 0; i < most; ++i) out.push_back(i * (count - 1) / (most - 1));
  return out;
}

std::vector<Bucket> buckets_of(const Histogram& h) {
  const std::size_t count = std::min(h.bucket.size(), h.bucket_limit.size());
  std::size_t first = 0, last = count;
  while (first < count && !(h.bucket[first] > 0)) ++first;
  while (last > first && !(h.bucket[last - 1] > 0)) --last;
  constexpr double kMost = 1e300;
  std::vector<Bucket> out;
  for (std::size_t i = first; i < last; ++i) {
    const double left = i == first ? h.min : h.bucket_limit[i - 1];
    const double right = i + 1 == last ? h.max : h.bucket_limit[i];
    if (std::isnan(left) || std::isnan(right)) continue;
    out.push_back({std::clamp(left, -kMost, kMost), std::clamp(right, -kMost, kMost), h.bucket[i]});
  }
  return out;
}

std::vector<double> rebinned(std::span<const Bucket> buckets, std::span<const double> edges) {
  std::vector<double> counts(edges.size() - 1, 0.0);
  const double low = edges.front(), high = edges.back();
  const auto bins = static_cast<double>(counts.size());
  const auto bin_at = [&](double x) {
    const double at = high > low ? (x - low) / (high - low) * bins : 0;
    return static_cast<std::size_t>(std::clamp(at, 0.0, bins - 1));
  };
  for (const Bucket& b : buckets) {
    if (!(b.count > 0) || !std::isfinite(b.left) || !std::isfinite(b.right)) continue;
    const double width = b.right - b.left;
    const std::size_t first = bin_at(b.left), last = bin_at(b.right);
    if (!(width > 0) || first == last) {
      counts[first] += b.count;
      continue;
    }
    for (std::size_t bin = first; bin <= last; ++bin) {
      const double from = bin == first ? b.left : std::max(b.left, edges[bin]);
      const double to = bin == last ? b.right : std::min(b.right, edges[bin + 1]);
      if (to > from) counts[bin] += b.count * (to - from) / width;
    }
  }
  return counts;
}

double percentile(std::span<const Bucket> buckets, double percent) {
  double total = 0;
  for (const Bucket& b : buckets) total += b.count;
  if (!(total > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double wanted = total * percent / 100;
  double below = 0;
  for (const Bucket& b : buckets) {
    if (below + b.count >= wanted && b.count > 0) {
      return b.left + (b.right - b.left) * (wanted - below) / b.count;
    }
    below += b.count;
  }
  return buckets.back().right;
}

}  // namespace graft
