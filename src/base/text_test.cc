#include "base/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/rng.h"

namespace graft {
namespace {

TEST(Utf8, AcceptsOnlyWellFormedText) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xE5\x90\x91\xE6\x97\xA5\xE8\x91\xB5"));  // a sunflower in Chinese
  EXPECT_TRUE(is_utf8("\xF4\x8F\xBF\xBF"));                      // U+10FFFF
  EXPECT_FALSE(is_utf8("\xFF"));
  EXPECT_FALSE(is_utf8("\x80"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));          // overlong '/'
  EXPECT_FALSE(is_utf8("\xE0\x80\xAF"));      // overlong '/'
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // a surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("\xE5\x90"));          // cut off
}

TEST(Printable, LeavesGoodTextAlone) {
  for (const std::string text : {"", "a b/c.jpg", "C:\\x", "\xE5\x90\x91 \xC3\xA9"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesWhatATerminalOrALineWouldNotSurvive) {
  EXPECT_EQ(printable("a\nb\tc\\"), "a\\nb\\tc\\\\");
  EXPECT_EQ(printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(printable("\xE5\x90\x91\xFF"), "\xE5\x90\x91\\xff");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");                         // C1 control
  EXPECT_EQ(printable("\xE2\x80\xAEgpj.exe"), "\\xe2\\x80\\xaegpj.exe");  // right-to-left override
}

TEST(Printable, StopsAtAWholeCharacter) {
  EXPECT_EQ(printable_start("abc", 3), "abc");
  EXPECT_EQ(printable_start("abcd", 3), "abc\xE2\x80\xA6");
  EXPECT_EQ(printable_start("ab\xE5\x90\x91z", 4), "ab\xE2\x80\xA6");
  EXPECT_EQ(printable_start("a\xFF\xFF", 2), "a\\xff\xE2\x80\xA6");
}

TEST(Text, TrimsSplitsAndLowers) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(to_lower_ascii("AbZ\xC3\x89"), "abz\xC3\x89");
  EXPECT_EQ(split_lines("a\nb\r\n\nc"), (std::vector<std::string>{"a", "b", "", "c"}));
  EXPECT_EQ(split_lines("a\n"), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(split_lines("").empty());
}

TEST(Nearest, FindsTheSlipOfAFinger) {
  const std::vector<std::string> flags = {"--image_dir", "--output_graph", "--output_labels",
                                          "--learning_rate", "--model_dir"};
  EXPECT_EQ(nearest("--image_dri", flags), "--image_dir");
  EXPECT_EQ(nearest("--images_dir", flags), "--image_dir");
  EXPECT_EQ(nearest("--output_label", flags), "--output_labels");
  EXPECT_EQ(nearest("--summaries", flags), "");
  EXPECT_EQ(nearest("", flags), "");
  EXPECT_EQ(nearest("ab", std::vector<std::string>{"xy"}), "");
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(Format, CountsBytesAndDurations) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(12345), "12,345");
  EXPECT_EQ(format_count(1234567890), "1,234,567,890");
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(4300000), "4.3 MB");
  EXPECT_EQ(format_bytes(999999), "1.0 MB");
  EXPECT_EQ(format_bytes(228000000), "228 MB");
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "18.4 EB");
  EXPECT_EQ(format_duration(0.42), "0.42 s");
  EXPECT_EQ(format_duration(0.042), "0.042 s");
  EXPECT_EQ(format_duration(4.21), "4.2 s");
  EXPECT_EQ(format_duration(12), "12 s");
  EXPECT_EQ(format_duration(59.9), "1 min 0 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(7500), "2 h 5 min");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(std::nan("")), "?");
}

std::string text_of(float value) {
  std::string out;
  append_float(out, value);
  return out;
}

// The right column is what NumPy 1.26 prints for str(np.float32(x)), x being the left column.
TEST(AppendFloat, AsNumPyPrintsIt) {
  const struct {
    float value;
    const char* text;
  } kCases[] = {
      {0.0F, "0.0"},
      {-0.0F, "-0.0"},
      {1.0F, "1.0"},
      {-1.0F, "-1.0"},
      {0.1F, "0.1"},
      {1e-7F, "1e-07"},
      {-3.306431770324707F, "-3.3064318"},
      {1e-4F, "1e-04"},
      {9.999900066759437e-05F, "9.9999e-05"},
      {0.00012345678987912834F, "0.00012345679"},
      {123456.7890625F, "123456.79"},
      {16777216.0F, "16777216.0"},
      {999999986991104.0F, "1000000000000000.0"},
      {9999999198822400.0F, "9999999000000000.0"},
      {1e16F, "1e+16"},
      {1.1754943508222875e-38F, "1.1754944e-38"},
      {1.401298464324817e-45F, "1e-45"},
      {3.4028234663852886e+38F, "3.4028235e+38"},
      {0.3333333432674408F, "0.33333334"},
      {100.0F, "100.0"},
      {4.2e9F, "4200000000.0"},
      {0.001F, "0.001"},
      {65504.0F, "65504.0"},
      {2.5F, "2.5"},
  };
  for (const auto& c : kCases) EXPECT_EQ(text_of(c.value), c.text);
  EXPECT_EQ(text_of(std::numeric_limits<float>::quiet_NaN()), "nan");
  EXPECT_EQ(text_of(-std::numeric_limits<float>::infinity()), "-inf");
}

TEST(AppendFloat, ReadsBackAsTheSameFloat) {
  Rng rng(1);
  for (int i = 0; i < 100000; ++i) {
    const std::uint32_t bits = rng.next_u32();
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const float back = std::strtof(text_of(value).c_str(), nullptr);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back), std::bit_cast<std::uint32_t>(value))
        << text_of(value);
  }
}

// Expected by POSIX: 2.2.2 Single-Quotes.
TEST(ShellQuote, WordsReadBackAsTheyWere) {
  EXPECT_EQ(shell_quote("tf_files/a-b.jpg"), "tf_files/a-b.jpg");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("$HOME"), "'$HOME'");
}

}  // namespace
}  // namespace graft
