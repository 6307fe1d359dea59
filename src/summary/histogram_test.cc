#include "summary/histogram.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "summary/event_reader.h"
#include "summary/golden_events_test.h"

namespace graft {
namespace {

// limits[k+1] and limits[k] as TensorFlow prints them; the three in the middle are exact by rule.
TEST(HistogramLimits, AreTensorFlows) {
  const auto limits = histogram_limits();
  ASSERT_EQ(limits.size(), 1551U);
  EXPECT_EQ(limits.front(), -DBL_MAX);
  EXPECT_EQ(limits[774], -1e-12);
  EXPECT_EQ(limits[775], 0.0);
  EXPECT_EQ(limits[776], 1e-12);
  EXPECT_EQ(limits[777], 1e-12 * 1.1);
  // Read from a histogram of {1, 1e20} that TensorFlow 2.15 made.
  EXPECT_EQ(limits[776 + 289], 0x1.d5a1519699908p-1);
  EXPECT_EQ(limits[776 + 290], 0x1.024becdfa142bp+0);
  EXPECT_EQ(limits[1549], 0x1.58323029f544cp+66);
  EXPECT_EQ(limits.back(), DBL_MAX);
}

void expect_same_bucket(float value) {
  if (!std::isfinite(value)) return;
  ASSERT_EQ(histogram_bucket(value), histogram_bucket_reference(static_cast<double>(value)))
      << value;
}

// Within one cell of the table the result may change only at a limit, so agreement on both sides of
// every limit and at both ends of every cell is agreement everywhere.
TEST(HistogramBucket, AgreesWithBinarySearchAtEveryLimitAndCell) {
  for (const double limit : histogram_limits()) {
    if (std::abs(limit) > FLT_MAX) continue;
    const auto near = static_cast<float>(limit);
    expect_same_bucket(near);
    float up = near, down = near;
    for (int i = 0; i < 3; ++i) {
      up = std::nextafter(up, std::numeric_limits<float>::infinity());
      down = std::nextafter(down, -std::numeric_limits<float>::infinity());
      expect_same_bucket(up);
      expect_same_bucket(down);
    }
  }
  for (std::uint64_t cell = 0; cell < (1U << 13); ++cell) {
    const auto first = static_cast<std::uint32_t>(cell << 19);
    for (const std::uint32_t bits : {first, first + 1, first + 0x3FFFF, first + 0x7FFFF}) {
      expect_same_bucket(std::bit_cast<float>(bits));
    }
  }
  for (const std::uint32_t bits : golden::random_bits(1'000'000, 7)) {
    expect_same_bucket(std::bit_cast<float>(bits));
  }
}

// At most one limit lies strictly inside a cell: what makes one comparison enough.
TEST(HistogramBucket, CellsHoldAtMostOneLimit) {
  std::set<std::uint32_t> seen;
  for (const double limit : histogram_limits()) {
    if (limit == 0 || std::abs(limit) > FLT_MAX) continue;
    // The cell of the smallest float that is not below the limit.
    auto value = static_cast<float>(limit);
    if (static_cast<double>(value) < limit) {
      value = std::nextafter(value, std::numeric_limits<float>::infinity());
    }
    EXPECT_TRUE(seen.insert(std::bit_cast<std::uint32_t>(value) >> 19).second) << limit;
  }
}

// The histograms in the file were counted by TensorFlow's op.
TEST(HistogramOf, EqualsTensorFlows) {
  const auto tensors = golden::tensors();
  std::set<std::string> seen;
  EventHandler handler;
  handler.on_histogram = [&](const HistogramEvent& event) {
    const std::string tag(event.tag);
    SCOPED_TRACE(tag);
    ASSERT_TRUE(tensors.contains(tag));
    seen.insert(tag);
    const Histogram got = histogram_of(tensors.at(tag));
    EXPECT_EQ(got.min, event.value.min);
    EXPECT_EQ(got.max, event.value.max);
    EXPECT_EQ(got.num, event.value.num);
    EXPECT_EQ(got.sum, event.value.sum);
    EXPECT_EQ(got.sum_squares, event.value.sum_squares);
    EXPECT_EQ(got.bucket_limit, event.value.bucket_limit);
    EXPECT_EQ(got.bucket, event.value.bucket);
  };
  EventReader reader(golden::events_path("tensorflow1"));
  const auto read = reader.poll(handler);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(seen.size(), tensors.size());
}

TEST(HistogramOf, LeavesOutWhatIsNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {1, std::nanf(""), 2, inf, -inf, -std::nanf("")};
  const Histogram h = histogram_of(values);
  EXPECT_EQ(h.num, 2);
  EXPECT_EQ(h.min, 1);
  EXPECT_EQ(h.max, 2);
  EXPECT_EQ(h.sum, 3);
  EXPECT_EQ(h.sum_squares, 5);
}

}  // namespace
}  // namespace graft
