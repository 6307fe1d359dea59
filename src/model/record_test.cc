#include "model/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/test_directory.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

TEST(ModelRecord, IsEmptyWhereThereIsNone) {
  const TestDirectory dir;
  const auto record = read_record(dir.path());
  ASSERT_TRUE(record.ok());
  EXPECT_TRUE(record->empty());
}

TEST(ModelRecord, DescribesAFile) {
  const TestDirectory dir;
  ASSERT_TRUE(write_atomically(dir / "abc", "abc").ok());
  const auto file = describe_file(dir / "abc");
  ASSERT_TRUE(file.ok());
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(file->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(file->bytes, 3U);
  EXPECT_THAT(file->first_seen, ::testing::MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]"));
  EXPECT_FALSE(file->placed);
  EXPECT_EQ(describe_file(dir / "none").error().kind, ErrorKind::kNotFound);
}

TEST(ModelRecord, ComesBackAsItWasWritten) {
  const TestDirectory dir;
  RecordedFile file{std::string(64, 'a'), 12345678901, "https://x.example/a \"b\".tgz",
                    "2026-11-25", true};
  ASSERT_TRUE(update_record(dir.path(), [&](ModelRecord& all) { all["f/a.pb"] = file; }).ok());
  ASSERT_TRUE(update_record(dir.path(), [&](ModelRecord& all) {
                all["b.tgz"] = {std::string(64, 'b'), 1, "", "2026-11-26", false};
              }).ok());
  const auto record = read_record(dir.path());
  ASSERT_TRUE(record.ok()) << record.error().message;
  ASSERT_EQ(record->size(), 2U);
  const RecordedFile& first = record->at("f/a.pb");
  EXPECT_EQ(first.sha256, file.sha256);
  EXPECT_EQ(first.bytes, file.bytes);
  EXPECT_EQ(first.source, file.source);
  EXPECT_EQ(first.first_seen, file.first_seen);
  EXPECT_TRUE(first.placed);
  EXPECT_FALSE(record->at("b.tgz").placed);
  // The layout that docs/formats/model_record.md promises to other programs.
  const Json json = parse_json(read_text_file(record_path(dir.path())).value()).value();
  EXPECT_EQ(json.at("format"), "graft-models");
  EXPECT_EQ(json.at("version"), 1);
  EXPECT_EQ(json.at("files").at("b.tgz").at("placed_by_graft"), false);
}

TEST(ModelRecord, IsRefusedWhenItIsNone) {
  const std::string good = R"({"format":"graft-models","version":1,"files":{"a":{"sha256":")" +
                           std::string(64, '0') + R"(","bytes":1,"placed_by_graft":true}}})";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const TestDirectory dir;
  ASSERT_TRUE(write_atomically(record_path(dir.path()), good).ok());
  ASSERT_TRUE(read_record(dir.path()).ok());
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{"), with("graft-models", "other"),
        with("\"version\":1", "\"version\":2"), with("\"bytes\":1", "\"bytes\":-1"),
        with("\"bytes\":1", "\"bytes\":\"1\""), with("0000", "00G0"), with("true", "1"),
        with("{\"a\":{", "{\"a\":[{"), with("\"files\":{", "\"files\":[{")}) {
    ASSERT_TRUE(write_atomically(record_path(dir.path()), bad).ok());
    const auto record = read_record(dir.path());
    ASSERT_FALSE(record.ok()) << bad;
    EXPECT_EQ(record.error().kind, ErrorKind::kCorrupt) << bad;
    EXPECT_THAT(record.error().message, HasSubstr("move it away"));
    EXPECT_FALSE(update_record(dir.path(), [](ModelRecord&) {}).ok()) << bad;
    EXPECT_EQ(read_text_file(record_path(dir.path())).value(), bad);  // left as it was
  }
}

TEST(ModelRecord, KeepsWhatSeveralWriteAtOnce) {
  const TestDirectory dir;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&dir, i] {
      const auto written = update_record(dir.path(), [i](ModelRecord& all) {
        all[std::to_string(i)] = {std::string(64, 'c'), 1, "", "2026-11-25", true};
      });
      EXPECT_TRUE(written.ok());
    });
  }
  writers.clear();
  EXPECT_EQ(read_record(dir.path()).value().size(), 8U);
}

}  // namespace
}  // namespace graft
