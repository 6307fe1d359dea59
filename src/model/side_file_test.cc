#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_directory.h"
#include "model/export.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

SideFile sample_side() {
  SideFile side;
  side.architecture = "mobilenet_0.25_128";
  side.backbone_fingerprint = "ab12";
  side.input_tensor = "input:0";
  side.feature_tensor = "MobilenetV1/Predictions/Reshape:0";
  side.output_tensor = "final_result:0";
  side.input_height = 128;
  side.input_width = 160;
  side.mean = 127.5F;
  side.std = 0.1F;  // not exact in binary: must come back as the same float
  side.apply_exif_orientation = true;
  side.labels = {"daisy", "郁金香", "a \"b\" \\ c"};
  side.graph_sha256 = "cd34";
  // A seed that a double cannot hold.
  side.split = SplitRecord{"./photos", "/home/me/photos", 12.5, 0, "relative", 0xFFFFFFFFFFFFFFFFU};
  return side;
}

void expect_equal(const SideFile& a, const SideFile& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.backbone_fingerprint, b.backbone_fingerprint);
  EXPECT_EQ(a.input_tensor, b.input_tensor);
  EXPECT_EQ(a.feature_tensor, b.feature_tensor);
  EXPECT_EQ(a.output_tensor, b.output_tensor);
  EXPECT_EQ(a.input_height, b.input_height);
  EXPECT_EQ(a.input_width, b.input_width);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.std, b.std);
  EXPECT_EQ(a.apply_exif_orientation, b.apply_exif_orientation);
  EXPECT_EQ(a.labels, b.labels);
}

TEST(SideFile, LiesBesideItsGraph) {
  EXPECT_EQ(side_file_path("out/retrained_graph.pb"), "out/retrained_graph.json");
  EXPECT_EQ(side_file_path("out/graph"), "out/graph.json");
  EXPECT_EQ(side_file_path("out/.pb"), "out/.json");
  EXPECT_EQ(side_file_path(".pb"), ".pb.json");
}

TEST(SideFile, SaysInt8WithItsRangesAndNothingOfFloat32) {
  SideFile side = sample_side();
  EXPECT_EQ(to_json(side).find("precision"), std::string::npos);
  side.int8_ranges = {{"MobilenetV1/Conv2d_0/Relu6", {{0, 149}, {255, 3}}}};
  const TestDirectory dir;
  const std::string text = to_json(side);
  ASSERT_TRUE(write_atomically(dir / "g.json", text).ok());
  const auto read = read_side_file(dir / "g.pb");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->int8_ranges, side.int8_ranges);

  for (const auto& [what, with] : {std::pair("\"int8\"", "\"int4\""),
                                   {"\"int8\"", "8"},
                                   {"\"0095ff03\"", "\"0095ff\""},
                                   {"\"ranges\"", "\"rages\""}}) {
    std::string wrong = text;
    wrong.replace(wrong.find(what), std::string(what).size(), with);
    ASSERT_TRUE(write_atomically(dir / "g.json", wrong).ok());
    const auto refused = read_side_file(dir / "g.pb");
    ASSERT_FALSE(refused.ok()) << with;
    EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(SideFile, ComesBackAsWritten) {
  const TestDirectory dir;
  const SideFile side = sample_side();
  ASSERT_TRUE(write_atomically(dir / "g.json", to_json(side)).ok());
  const auto read = read_side_file(dir / "g.pb");
  ASSERT_TRUE(read.ok()) << read.error().message;
  expect_equal(*read, side);
  EXPECT_EQ(read->graph_sha256, "cd34");
  ASSERT_TRUE(read->split.has_value());
  EXPECT_EQ(read->split->image_dir, "./photos");
  EXPECT_EQ(read->split->absolute_image_dir, "/home/me/photos");
  EXPECT_EQ(read->split->testing_percentage, 12.5);
  EXPECT_EQ(read->split->validation_percentage, 0);
  EXPECT_EQ(read->split->split_key, "relative");
  EXPECT_EQ(read->split->split_seed, 0xFFFFFFFFFFFFFFFFU);
}

TEST(SideFile, WithoutAUsableSplitIsReadAllTheSame) {
  const TestDirectory dir;
  for (const auto& [from, to] :
       {std::pair("\"split\"", "\"other\""), std::pair("\"testing_percentage\": 12.5", "\"x\": 1"),
        std::pair("\"testing_percentage\": 12.5", "\"testing_percentage\": 101"),
        std::pair("\"relative\"", "\"folder\""), std::pair("18446744073709551615", "-1")}) {
    std::string text = to_json(sample_side());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, std::string_view(from).size(), to);
    ASSERT_TRUE(write_atomically(dir / "g.json", text).ok());
    const auto read = read_side_file(dir / "g.pb");
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_FALSE(read->split.has_value()) << to;
    EXPECT_EQ(read->labels, sample_side().labels);
  }
}

TEST(SideFile, ComesBackFromInsideAGraph) {
  wire::GraphDef graph;
  graph.add_node()->set_name("input");
  graph.add_node()->set_name("final_result");
  ASSERT_TRUE(embed_side_file(graph, sample_side()).ok());
  const auto read = embedded_side_file(graph);
  ASSERT_TRUE(read.ok()) << read.error().message;
  expect_equal(*read, sample_side());
  EXPECT_EQ(read->graph_sha256, "");
  EXPECT_FALSE(read->split.has_value());  // the graph may travel: its maker's folders stay behind
}

TEST(SideFile, NeedsTheNodeItDescribes) {
  wire::GraphDef graph;
  graph.add_node()->set_name("input");
  const auto embedded = embed_side_file(graph, sample_side());
  ASSERT_FALSE(embedded.ok());
  EXPECT_EQ(embedded.error().kind, ErrorKind::kInvalidArgument);
  const auto read = embedded_side_file(graph);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kNotFound);
}

TEST(SideFile, IsNotFoundWhereThereIsNone) {
  const TestDirectory dir;
  const auto read = read_side_file(dir / "g.pb");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kNotFound);
}

struct Damage {
  const char* from;
  const char* to;
};
class DamagedSideFile : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedSideFile, IsCorruptAndNamed) {
  const TestDirectory dir;
  std::string text = to_json(sample_side());
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view(GetParam().from).size(), GetParam().to);
  ASSERT_TRUE(write_atomically(dir / "g.json", text).ok());
  const auto read = read_side_file(dir / "g.pb");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr(dir / "g.json"));
}

INSTANTIATE_TEST_SUITE_P(SideFile, DamagedSideFile,
                         ::testing::Values(Damage{"{", "["},
                                           Damage{"graft-classifier", "something-else"},
                                           Damage{"\"version\": 1", "\"version\": 2"},
                                           Damage{"\"height\": 128", "\"height\": 0"},
                                           Damage{"\"width\": 160", "\"width\": 99999999999"},
                                           Damage{"\"mean\": 127.5", "\"mean\": \"127.5\""},
                                           Damage{"\"std\": 0.1", "\"std\": 1e-60, \"was\": 0.1"},
                                           Damage{"\"input:0\"", "\"\""}, Damage{"\"daisy\"", "7"},
                                           Damage{"\"labels\"", "\"names\""}));

}  // namespace
}  // namespace graft
