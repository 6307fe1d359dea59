#include "model/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_directory.h"
#include "graph/import.h"
#include "model/test_network.h"

namespace graft {
namespace {

using test::tiny_graph;
using test::tiny_head;
using test::tiny_side;
using test::tiny_spec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string describe(const wire::NodeDef& node) {
  std::string text = node.name() + " = " + node.op() + "(";
  for (const std::string& input : node.input()) text += input + ",";
  text += ")";
  const std::map<std::string, wire::AttrValue> sorted(node.attr().begin(), node.attr().end());
  for (const auto& [name, value] : sorted) {
    text += " " + name + "=";
    if (value.has_type()) text += std::to_string(value.type());
    if (value.has_b()) text += value.b() ? "true" : "false";
    if (value.has_shape()) {
      for (const auto& dim : value.shape().dim()) text += std::to_string(dim.size()) + ",";
    }
    if (value.has_list()) text += value.list().s(0);
    if (value.has_tensor()) {
      text += std::to_string(value.tensor().dtype()) + ":";
      for (const auto& dim : value.tensor().tensor_shape().dim()) {
        text += std::to_string(dim.size()) + ",";
      }
      text += ":" + std::to_string(value.tensor().tensor_content().size());
    }
  }
  return text;
}

std::vector<std::string> describe_from(const wire::GraphDef& graph, int first) {
  std::vector<std::string> lines;
  for (int i = first; i < graph.node_size(); ++i) lines.push_back(describe(graph.node(i)));
  return lines;
}

// Node by node what TensorFlow's convert_variables_to_constants leaves of the original's
// add_final_training_ops (run with TensorFlow 2.15's compat.v1; "Add" is TensorFlow 1's name of
// what that version calls AddV2).
TEST(RetrainedGraph, HasTensorFlowsNodes) {
  const wire::GraphDef backbone = tiny_graph();
  const auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(3), "final_result");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_THAT(
      describe_from(*graph, 3),
      ElementsAre(
          "input_1/BottleneckInputPlaceholder = PlaceholderWithDefault(flat,) dtype=1 shape=-1,12,",
          "final_training_ops/weights/final_weights = Const() dtype=1 value=1:12,3,:144",
          "final_training_ops/weights/final_weights/read = "
          "Identity(final_training_ops/weights/final_weights,) T=1 "
          "_class=loc:@final_training_ops/weights/final_weights",
          "final_training_ops/biases/final_biases = Const() dtype=1 value=1:3,:12",
          "final_training_ops/biases/final_biases/read = "
          "Identity(final_training_ops/biases/final_biases,) T=1 "
          "_class=loc:@final_training_ops/biases/final_biases",
          "final_training_ops/Wx_plus_b/MatMul = MatMul(input_1/BottleneckInputPlaceholder,"
          "final_training_ops/weights/final_weights/read,) T=1 transpose_a=false "
          "transpose_b=false",
          "final_training_ops/Wx_plus_b/add = Add(final_training_ops/Wx_plus_b/MatMul,"
          "final_training_ops/biases/final_biases/read,) T=1",
          "final_result = Softmax(final_training_ops/Wx_plus_b/add,) T=1"));
}

// A pooled feature of [1,1,1,F], say: the new layer's product is over [-1,F].
TEST(RetrainedGraph, FlattensAFeatureThatIsNoVector) {
  const wire::GraphDef backbone = tiny_graph();
  ModelSpec spec = tiny_spec();
  spec.feature_tensor = "input:0";
  spec.flatten_feature = true;
  const auto graph = build_retrained_graph(&backbone, spec, tiny_head(3), "final_result");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_EQ(describe(graph->node(3)),
            "input_1/BottleneckFlat/shape = Const() dtype=3 value=3:2,:8");
  EXPECT_EQ(describe(graph->node(4)),
            "input_1/BottleneckFlat = Reshape(input,input_1/BottleneckFlat/shape,) T=1 Tshape=3");
  EXPECT_EQ(describe(graph->node(5)),
            "input_1/BottleneckInputPlaceholder = PlaceholderWithDefault(input_1/BottleneckFlat,) "
            "dtype=1 shape=-1,12,");
  std::int32_t shape[2] = {};
  const std::string& content = graph->node(3).attr().at("value").tensor().tensor_content();
  std::memcpy(shape, content.data(), sizeof shape);
  EXPECT_THAT(shape, ElementsAre(-1, 12));
  EXPECT_FALSE(build_retrained_graph(&backbone, spec, tiny_head(3), "input_1/BottleneckFlat").ok());
  // Fed with features there is nothing to flatten.
  const auto alone = build_retrained_graph(nullptr, spec, tiny_head(3), "final_result");
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(alone->node(0).op(), "Placeholder");
}

TEST(RetrainedGraph, SortsTheBackbone) {
  const wire::GraphDef backbone = tiny_graph();
  ASSERT_EQ(backbone.node(0).name(), "flat");  // before its inputs
  const auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), "final_result");
  ASSERT_TRUE(graph.ok());
  std::map<std::string, int> place;
  for (int i = 0; i < graph->node_size(); ++i) {
    for (const std::string& input : graph->node(i).input()) {
      EXPECT_TRUE(place.contains(input)) << graph->node(i).name() << " reads " << input;
    }
    place[graph->node(i).name()] = i;
  }
  EXPECT_EQ(graph->node_size(), backbone.node_size() + 8);
}

TEST(RetrainedGraph, KeepsTheBackbonesNodesAndVersions) {
  wire::GraphDef backbone = tiny_graph();
  backbone.mutable_versions()->set_producer(22);
  const auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), "final_result");
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->versions().producer(), 22);
  for (const wire::NodeDef& node : backbone.node()) {
    bool found = false;
    for (const wire::NodeDef& kept : graph->node()) {
      found = found || wire::serialize(kept).value() == wire::serialize(node).value();
    }
    EXPECT_TRUE(found) << node.name();
  }
}

TEST(RetrainedGraph, NamesTheScopeAsTensorFlowWould) {
  wire::GraphDef backbone = tiny_graph();
  test::add(backbone, "input_1/x", "NoOp");
  auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), "final_result");
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->node(4).name(), "input_2/BottleneckInputPlaceholder");

  backbone = tiny_graph();  // Inception's input is called Mul: "input" is free
  backbone.mutable_node(2)->set_name("Mul");
  backbone.mutable_node(0)->set_input(0, "Mul");
  ModelSpec spec = tiny_spec();
  spec.input_tensor = "Mul:0";
  graph = build_retrained_graph(&backbone, spec, tiny_head(2), "final_result");
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->node(3).name(), "input/BottleneckInputPlaceholder");
}

TEST(RetrainedGraph, CanBeTheHeadAlone) {
  const auto graph = build_retrained_graph(nullptr, tiny_spec(), tiny_head(2), "mine");
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->node_size(), 8);
  EXPECT_EQ(describe(graph->node(0)),
            "input_1/BottleneckInputPlaceholder = Placeholder() dtype=1 shape=-1,12,");
  EXPECT_EQ(graph->node(7).name(), "mine");
}

class BadFinalName : public ::testing::TestWithParam<const char*> {};

TEST_P(BadFinalName, IsRefused) {
  const wire::GraphDef backbone = tiny_graph();
  const auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), GetParam());
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(graph.error().message, HasSubstr("--final_tensor_name"));
}

INSTANTIATE_TEST_SUITE_P(RetrainedGraph, BadFinalName,
                         ::testing::Values("flat", "input", "input_1", "final_training_ops",
                                           "final_training_ops/Wx_plus_b",
                                           "final_training_ops/Wx_plus_b/add", "", "final_result:0",
                                           "_x", "/x", "x/", "a//b", "ein name", "ergebnis\n",
                                           "结果"));

TEST(RetrainedGraph, RefusesARetrainedBackbone) {
  const wire::GraphDef backbone = tiny_graph();
  const auto once = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), "final_result");
  ASSERT_TRUE(once.ok());
  const auto twice = build_retrained_graph(&*once, tiny_spec(), tiny_head(2), "again");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(twice.error().message, HasSubstr("retrained"));
}

TEST(RetrainedGraph, RefusesABackboneWithoutTheFeature) {
  const wire::GraphDef backbone = tiny_graph();
  ModelSpec spec = tiny_spec();
  spec.feature_tensor = "pool_3/_reshape:0";
  const auto graph = build_retrained_graph(&backbone, spec, tiny_head(2), "final_result");
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().kind, ErrorKind::kCorrupt);
}

TEST(SaveRetrainedGraph, WritesBothFilesTheSameEachTime) {
  const TestDirectory dir;
  const wire::GraphDef backbone = tiny_graph();
  const auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), "final_result");
  ASSERT_TRUE(graph.ok());
  const auto first = save_retrained_graph(*graph, tiny_side({"a", "b"}), dir / "new/one.pb");
  const auto second = save_retrained_graph(*graph, tiny_side({"a", "b"}), dir / "two.pb");
  ASSERT_TRUE(first.ok()) << first.error().message;
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*first, *second);
  const std::string bytes = read_text_file(dir / "new/one.pb").value();
  EXPECT_EQ(bytes, read_text_file(dir / "two.pb").value());
  EXPECT_EQ(hex(sha256(as_bytes(bytes))), *first);

  const auto side = read_side_file(dir / "new/one.pb");
  ASSERT_TRUE(side.ok());
  EXPECT_EQ(side->graph_sha256, *first);
  const auto parsed = parse_graph_def(as_bytes(bytes));
  ASSERT_TRUE(parsed.ok());
  const auto embedded = embedded_side_file(*parsed);
  ASSERT_TRUE(embedded.ok());
  EXPECT_THAT(embedded->labels, ElementsAre("a", "b"));
}

TEST(SaveRetrainedGraph, NamesWhatCannotBeWritten) {
  const TestDirectory dir;
  const wire::GraphDef backbone = tiny_graph();
  const auto graph = build_retrained_graph(&backbone, tiny_spec(), tiny_head(2), "final_result");
  ASSERT_TRUE(graph.ok());
  std::filesystem::create_directory(dir / "g.pb");
  const auto saved = save_retrained_graph(*graph, tiny_side({"a", "b"}), dir / "g.pb");
  ASSERT_FALSE(saved.ok());
  EXPECT_THAT(saved.error().message, HasSubstr("g.pb"));
}

TEST(Labels, StandOneALine) {
  const TestDirectory dir;
  const std::vector<std::string> labels = {"daisy", " ", "郁金香"};
  ASSERT_TRUE(save_labels(labels, dir / "l.txt").ok());
  EXPECT_EQ(read_text_file(dir / "l.txt").value(), "daisy\n \n郁金香\n");
  const auto read = read_labels(dir / "l.txt");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, labels);
}

TEST(Labels, KeepALineBreakOutOfTheFile) {
  const TestDirectory dir;
  ASSERT_TRUE(save_labels({"two\nlines", "b"}, dir / "l.txt").ok());
  const auto read = read_labels(dir / "l.txt");
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*read, ElementsAre("two\\nlines", "b"));
}

TEST(Labels, ReportWhatIsWrong) {
  const TestDirectory dir;
  EXPECT_EQ(read_labels(dir / "none.txt").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(write_atomically(dir / "empty.txt", std::string_view("")).ok());
  EXPECT_EQ(read_labels(dir / "empty.txt").error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace graft
