#include "cli/format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace graft {
namespace {

// RFC 4180, section 2.
TEST(CsvField, QuotesWhatMustBeQuoted) {
  EXPECT_EQ(csv_field("daisy"), "daisy");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
}

TEST(AsWritten, TheShortDecimalOfAFloat) {
  EXPECT_EQ(as_written(0.01F), 0.01);
  EXPECT_EQ(as_written(1e-7F), 1e-7);
  EXPECT_EQ(as_written(-3.3064318F), -3.3064318);
  EXPECT_TRUE(std::isnan(as_written(NAN)));
}

TEST(Percent, OneDecimalOrNotKnown) {
  EXPECT_EQ(percent(0.885), "88.5%");
  EXPECT_EQ(percent(std::nan("")), "n/a");
}

}  // namespace
}  // namespace graft
