#include "data/text_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/rng.h"
#include "base/test_directory.h"

namespace graft {
namespace {

using ::testing::ElementsAre;

std::vector<float> parsed(std::string_view text, std::size_t width = 0) {
  auto values = parse_text_cache(text, width);
  EXPECT_TRUE(values.ok()) << values.error().message;
  return values.ok() ? *values : std::vector<float>{};
}

TEST(ParseTextCache, ReadsWhatPythonWrites) {
  EXPECT_THAT(parsed("-3.3064318,0.1,1e-07,1e+16,0.0", 5),
              ElementsAre(-3.3064318F, 0.1F, 1e-7F, 1e16F, 0.0F));
  // str() of a Python double, as other versions of the script wrote it.
  EXPECT_THAT(parsed("0.10000000149011612,-1.2345678806304932"), ElementsAre(0.1F, -1.2345679F));
}

TEST(ParseTextCache, IsLenientAboutSpace) {
  EXPECT_THAT(parsed(" 1 , +2\t,\r\n3\n"), ElementsAre(1, 2, 3));
  EXPECT_THAT(parsed("4"), ElementsAre(4));
  EXPECT_THAT(parsed("1e-60,-1e-60"), ElementsAre(0, 0));  // below the smallest float
}

TEST(ParseTextCache, RefusesEverythingElse) {
  for (const std::string text : {"", " \n", "1,", ",1", "1,,2", "1 2", "a", "1,b", "nan", "inf",
                                 "1,-inf", "1e60", "0x10", "1,2;", "+-1", "<html>", "1,2\x01"}) {
    const auto values = parse_text_cache(text, 0);
    ASSERT_FALSE(values.ok()) << text;
    EXPECT_EQ(values.error().kind, ErrorKind::kCorrupt) << text;
  }
  EXPECT_FALSE(parse_text_cache("1,2,3", 2).ok());
  EXPECT_FALSE(parse_text_cache("1,2,3", 4).ok());
  EXPECT_TRUE(parse_text_cache("1,2,3", 3).ok());
}

TEST(TextCache, SurvivesTheRoundTrip) {
  const TestDirectory dir;
  Rng rng(1);
  std::vector<float> values(1001);
  for (float& value : values) value = rng.normal() * 3;
  const std::string path = text_cache_path(dir.path(), "daisy", "1.jpg", "mobilenet_0.50_224");
  ASSERT_TRUE(write_text_cache(path, values).ok());
  EXPECT_EQ(path, dir / "daisy/1.jpg_mobilenet_0.50_224.txt");
  const auto back = read_text_cache(path, 1001);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, values);  // bit for bit
}

TEST(TextCache, NamesTheFile) {
  const TestDirectory dir;
  EXPECT_EQ(read_text_cache(dir / "none", 0).error().kind, ErrorKind::kNotFound);
  std::ofstream(dir / "bad") << "1,2,x";
  const auto bad = read_text_cache(dir / "bad", 0);
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message, ::testing::StartsWith(dir / "bad"));
  // No one waits for a terabyte of numbers.
  std::ofstream(dir / "huge") << "1";
  std::filesystem::resize_file(dir / "huge", std::uint64_t{1} << 40);
  EXPECT_EQ(read_text_cache(dir / "huge", 0).error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace graft
