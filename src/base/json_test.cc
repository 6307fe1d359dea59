#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace graft {
namespace {

TEST(Json, KeepsTheOrderOfKeys) {
  const auto value = parse_json(R"({"b": 1, "a": [true, null, "x"]})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(dump_json(*value, -1), R"({"b":1,"a":[true,null,"x"]})");
}

TEST(Json, NamesTheByteWhereItBreaks) {
  const auto broken = parse_json(R"({"a": 1,, })");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(broken.error().message.find("byte 9"), std::string::npos) << broken.error().message;
}

TEST(Json, RefusesHostileText) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')).ok());
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')).ok());
  EXPECT_FALSE(parse_json(std::string(1000000, '[')).ok());
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\\\"[\"").ok());  // brackets in a string
  EXPECT_FALSE(parse_json("1e999").ok());
  EXPECT_FALSE(parse_json("\"\xff\"").ok());
  EXPECT_FALSE(parse_json("").ok());
  EXPECT_FALSE(parse_json("NaN").ok());
  EXPECT_FALSE(parse_json("[1] x").ok());
  EXPECT_FALSE(parse_json(R"("\ud800")").ok());
}

TEST(Json, WritesAnythingWithoutThrowing) {
  Json value;
  value["name"] = "a\xff<b>\n";
  value["nan"] = std::nan("");
  EXPECT_EQ(dump_json(value, -1), "{\"name\":\"a\xEF\xBF\xBD<b>\\n\",\"nan\":null}");
}

TEST(Json, DoublesSurviveTheRoundTrip) {
  for (const double number : {0.1, 1.0 / 3, 1e-300, 123456789.123456789}) {
    const auto back = parse_json(dump_json(Json(number)));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->get<double>(), number);
  }
}

}  // namespace
}  // namespace graft
