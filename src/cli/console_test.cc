#include "cli/console.h"

#include <gtest/gtest.h>

namespace graft {
namespace {

TEST(RateMeter, UnknownUntilTwoSamples) {
  RateMeter meter;
  EXPECT_EQ(meter.rate(), 0);
  meter.add(0, 0);
  EXPECT_EQ(meter.rate(), 0);
  meter.add(2, 100);
  EXPECT_DOUBLE_EQ(meter.rate(), 50);
}

TEST(RateMeter, ForgetsAQuickStart) {
  RateMeter meter;
  meter.add(0, 0);
  meter.add(1, 10000);  // found in the cache
  for (int second = 2; second <= 20; ++second) {
    meter.add(second, 10000 + 100 * static_cast<std::uint64_t>(second - 1));
  }
  EXPECT_DOUBLE_EQ(meter.rate(), 100);
}

TEST(RateMeter, ItemsSlowerThanTheWindowHaveARate) {
  RateMeter meter;
  meter.add(0, 0);
  meter.add(60, 1);
  meter.add(120, 2);
  EXPECT_DOUBLE_EQ(meter.rate(), 1.0 / 60);
}

TEST(RateMeter, StartsAnewWhenWorkDoes) {
  RateMeter meter;
  meter.add(0, 0);
  meter.add(1, 500);
  meter.add(0, 0);
  EXPECT_EQ(meter.rate(), 0);
}

TEST(ProgressLine, PlainInAPipe) {
  EXPECT_EQ(progress_line({"Features", 412, 1000, 2, Unit::kPhotos}, 210, 0),
            "Features: 412 of 1,000 photos, 210 a second, 2.8 s left");
}

TEST(ProgressLine, BarIsAsFullAsTheWork) {
  const std::string half = progress_line({"Training", 50, 100, 1, Unit::kSteps}, 0, 100);
  EXPECT_NE(half.find("[####################--------------------]"), std::string::npos) << half;
  const std::string all = progress_line({"Training", 100, 100, 1, Unit::kSteps}, 0, 100);
  EXPECT_EQ(all.find('-'), std::string::npos) << all;
}

TEST(ProgressLine, NeverWiderThanTheTerminal) {
  for (int columns = 1; columns < 200; ++columns) {
    const std::string line =
        progress_line({"Features", 123456, 1234567, 100, Unit::kPhotos}, 1234, columns);
    EXPECT_LE(line.size(), static_cast<std::size_t>(columns));
  }
}

TEST(ProgressLine, UnknownTotalHasNoBarAndNoEnd) {
  const std::string line = progress_line({"Download", 4300000, 0, 2, Unit::kBytes}, 2e6, 100);
  EXPECT_EQ(line, "Download  4.3 MB, 2.0 MB a second");
}

TEST(ProgressLine, SlowWorkShowsADecimal) {
  EXPECT_EQ(progress_line({"Features", 5, 10, 2, Unit::kPhotos}, 2.5, 0),
            "Features: 5 of 10 photos, 2.5 a second, 2.0 s left");
}

}  // namespace
}  // namespace graft
