#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/import.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> lines(const std::vector<OpCount>& ops) {
  std::vector<std::string> result;
  result.reserve(ops.size());
  for (const OpCount& op : ops) result.push_back(op.op + " " + std::to_string(op.count));
  return result;
}

TEST(Summarize, CountsOpsInputsOutputsAndConstants) {
  GraphDefBuilder b;
  b.node("Softmax", "scores", {"logits:0"});  // any order
  b.placeholder("input", {-1, 224, 224, 3});
  b.node("Placeholder", "keep_prob", {}).type("dtype", wire::DT_BOOL).shape("shape", {});
  b.constant("w", {2, 2}, {1, 2, 3, 4});
  b.node("Const", "half", {}).f32_values("value", {1000}, {0.5F});
  b.integers("axes", {2}, {1, 2});
  b.node("Add", "logits", {"input", "w", "^half"});
  b.node("Add", "other", {"input", "half"});
  b.node("NoOp", "init", {"^other"});
  b.node("CheckNumerics", "finite", {"logits"});
  const GraphSummary summary = must(summarize(b.def()));
  EXPECT_EQ(summary.nodes, 10);
  EXPECT_THAT(lines(summary.ops), ElementsAre("Const 3", "Add 2", "Placeholder 2",
                                              "CheckNumerics 1", "NoOp 1", "Softmax 1"));
  EXPECT_THAT(summary.inputs, ElementsAre("input f32 [?,224,224,3]", "keep_prob bool []"));
  // A control edge reads no value; constants and checks that nobody reads are no results.
  EXPECT_THAT(summary.outputs, ElementsAre("scores", "keep_prob", "other"));
  EXPECT_EQ(summary.constant_bytes, 4U * 4 + 4 + 2 * 4);  // as the file stores them
}

TEST(Summarize, CountsEveryKindOfList) {
  wire::TensorProto value;
  value.add_float_val(1);
  value.add_double_val(1);
  value.add_int_val(1);
  value.add_int64_val(1);
  value.add_bool_val(true);
  value.add_string_val("abc");
  value.set_tensor_content("12345");
  GraphDefBuilder b;
  b.node("Const", "c", {}).tensor("value", value);
  EXPECT_EQ(must(summarize(b.def())).constant_bytes, 4U + 8 + 4 + 8 + 1 + 3 + 5);
}

TEST(Summarize, ShowsPlaceholdersWhateverTheyLack) {
  GraphDefBuilder b;
  b.node("Placeholder", "bare", {});
  b.node("Placeholder", "text", {}).type("dtype", wire::DT_STRING).shape("shape", {-1});
  b.node("Placeholder", "wrong", {}).number("dtype", 1).flag("shape", true);
  b.node("Placeholder", "new\nline", {}).type("dtype", wire::DT_UINT8).shape("shape", {1});
  wire::GraphDef def = b.def();
  b.node("Placeholder", "any", {}).type("dtype", wire::DT_FLOAT);
  def = b.def();
  (*find_node(def, "any")->mutable_attr())["shape"].mutable_shape()->set_unknown_rank(true);
  EXPECT_THAT(must(summarize(def)).inputs, ElementsAre("bare ? [...]", "text ? [?]", "wrong ? []",
                                                       "new\\nline u8 [1]", "any f32 [...]"));
}

TEST(Summarize, NeedsNoOpToBeKnown) {
  GraphDefBuilder b;
  b.node("ReadFile", "a", {"b"});
  b.node("While", "b", {"a"});  // a loop is not its business
  const GraphSummary summary = must(summarize(b.def()));
  EXPECT_THAT(lines(summary.ops), ElementsAre("ReadFile 1", "While 1"));
  EXPECT_THAT(summary.outputs, IsEmpty());
}

TEST(Summarize, RefusesGraphsWithoutNames) {
  const auto expect = [](const wire::GraphDef& def, const std::string& says) {
    const auto summary = summarize(def);
    ASSERT_FALSE(summary.ok());
    EXPECT_EQ(summary.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(summary.error().message, HasSubstr(says));
  };
  expect({}, "holds no nodes");
  GraphDefBuilder twice;
  twice.node("NoOp", "a", {});
  twice.node("NoOp", "a", {});
  expect(twice.def(), "used twice");
  GraphDefBuilder nameless;
  nameless.node("NoOp", "", {});
  expect(nameless.def(), "has no name");
}

}  // namespace
}  // namespace graft
