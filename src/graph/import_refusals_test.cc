// What import says, op by op, to attributes and inputs that cannot be: one change of a good graph a
// line, its kind and a part of its message. The message names the node and stands on one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr ErrorKind kCorrupt = ErrorKind::kCorrupt;
constexpr ErrorKind kUnsupported = ErrorKind::kUnsupported;
constexpr ErrorKind kRefused = ErrorKind::kInvalidArgument;

// Changes the node "y".
using Change = std::function<void(wire::NodeDef&)>;

struct RefusedChange {
  Change change;
  ErrorKind kind;
  std::string says;
};

Change text(const std::string& name, const std::string& value) {
  return [=](wire::NodeDef& y) { NodeDefBuilder(&y).text(name, value); };
}
Change integer(const std::string& name, std::int64_t value) {
  return [=](wire::NodeDef& y) { NodeDefBuilder(&y).integer(name, value); };
}
Change number(const std::string& name, float value) {
  return [=](wire::NodeDef& y) { NodeDefBuilder(&y).number(name, value); };
}
Change flag(const std::string& name, bool value) {
  return [=](wire::NodeDef& y) { NodeDefBuilder(&y).flag(name, value); };
}
Change type(const std::string& name, wire::DataType value) {
  return [=](wire::NodeDef& y) { NodeDefBuilder(&y).type(name, value); };
}
Change list(const std::string& name, const Dims& values) {
  return [=](wire::NodeDef& y) {
    y.mutable_attr()->erase(name);
    NodeDefBuilder(&y).integers(name, values);
  };
}
Change reads(int input, const std::string& name) {
  return [=](wire::NodeDef& y) { y.set_input(input, name); };
}
Change also_reads(const std::string& name) {
  return [=](wire::NodeDef& y) { y.add_input(name); };
}
void reads_one_less(wire::NodeDef& y) {
  y.mutable_input()->RemoveLast();
}

void expect_refused(const wire::GraphDef& def, const std::vector<RefusedChange>& refusals) {
  const auto whole = import_graph_def(def, from_x_to_y());
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  for (const RefusedChange& refusal : refusals) {
    SCOPED_TRACE(refusal.says);
    wire::GraphDef changed = def;
    refusal.change(*find_node(changed, "y"));
    const auto graph = import_graph_def(changed, from_x_to_y());
    ASSERT_FALSE(graph.ok());
    EXPECT_EQ(graph.error().kind, refusal.kind) << graph.error().message;
    EXPECT_THAT(graph.error().message, HasSubstr(refusal.says));
    EXPECT_THAT(graph.error().message, HasSubstr("node \"y\""));
    EXPECT_THAT(graph.error().message, Not(HasSubstr("\n")));
  }
}

TEST(ImportRefusals, Convolutions) {
  for (const char* op : {"Conv2D", "DepthwiseConv2dNative"}) {
    SCOPED_TRACE(op);
    GraphDefBuilder b;
    b.placeholder("x", {1, 5, 5, 2});
    b.constant("w", {3, 3, 2, 1}, std::vector<float>(18, 1.0F));
    b.constant("deep", {3, 3, 4, 1}, std::vector<float>(36, 1.0F));
    b.constant("flat", {9, 2}, std::vector<float>(18, 1.0F));
    b.constant("tall", {6, 1, 2, 1}, std::vector<float>(12, 1.0F));
    b.constant("none", {3, 0, 2, 1}, {});
    b.integers("whole", {3, 3, 2, 1}, std::vector<std::int32_t>(18, 1));
    b.node(op, "y", {"x", "w"}).integers("strides", {1, 1, 1, 1}).text("padding", "VALID");
    expect_refused(b.def(),
                   {
                       {text("data_format", "NCHW"), kUnsupported, "data_format \"NCHW\""},
                       {text("data_format", "NCHW"), kUnsupported, "export the graph with NHWC"},
                       {text("data_format", "NHW"), kUnsupported, "NHWC and NCHW are"},
                       {text("padding", "EXPLICIT"), kUnsupported, "padding \"EXPLICIT\""},
                       {text("padding", "same"), kUnsupported, "SAME and VALID are"},
                       {text("padding", "a\nb"), kUnsupported, "padding \"a\\nb\""},
                       {list("strides", {1, 1, 1}), kCorrupt, "strides has 3 numbers, needs 4"},
                       {list("strides", {}), kCorrupt, "strides has 0 numbers"},
                       {list("strides", {1, 0, 1, 1}), kCorrupt, "strides holds 0"},
                       {list("strides", {1, 1, -1, 1}), kCorrupt, "strides holds -1"},
                       {list("strides", {1, 1, 1LL << 40, 1}), kCorrupt, "holds 1099511627776"},
                       {list("strides", {2, 1, 1, 1}), kUnsupported, "over images or channels"},
                       {list("strides", {1, 1, 1, 2}), kUnsupported, "over images or channels"},
                       {list("dilations", {1, 0, 1, 1}), kCorrupt, "dilations holds 0"},
                       {list("dilations", {1, 1}), kCorrupt, "dilations has 2 numbers"},
                       {list("dilations", {1, 1, 1, 3}), kUnsupported, "over images or channels"},
                       {list("dilations", {1, 3, 1, 1}), kRefused, "does not fit"},
                       {list("dilations", {1, 2147483647, 1, 1}), kRefused, "does not fit"},
                       {reads(1, "deep"), kRefused, "4 channels"},
                       {reads(1, "flat"), kCorrupt, "not of rank 4"},
                       {reads(1, "tall"), kRefused, "a window of 6"},
                       {reads(1, "none"), kUnsupported, "no elements"},
                       {reads(1, "whole"), kUnsupported, "i32"},
                       {reads(0, "flat"), kCorrupt, "not [batch, height, width, channels]"},
                       {also_reads("w"), kCorrupt, "has 3 inputs, needs 2"},
                       {reads_one_less, kCorrupt, "has 1 inputs, needs 2"},
                       {integer("groups", 2), kUnsupported, "attribute \"groups\" is not known"},
                       {type("T", wire::DT_HALF), kUnsupported, "number 19"},
                       {type("T", wire::DT_INT32), kCorrupt, "says i32, its input is f32"},
                   });
  }
}

TEST(ImportRefusals, Pools) {
  for (const char* op : {"AvgPool", "MaxPool"}) {
    SCOPED_TRACE(op);
    GraphDefBuilder b;
    b.placeholder("x", {1, 4, 4, 2});
    b.constant("flat", {4, 4}, std::vector<float>(16, 1.0F));
    b.node(op, "y", {"x"})
        .integers("strides", {1, 1, 1, 1})
        .integers("ksize", {1, 2, 2, 1})
        .text("padding", "VALID");
    expect_refused(b.def(), {
                                {list("ksize", {}), kCorrupt, "ksize has 0 numbers"},
                                {list("ksize", {1, 0, 1, 1}), kCorrupt, "ksize holds 0"},
                                {list("ksize", {1, 1, 1, 2}), kUnsupported, "images or channels"},
                                {list("ksize", {1, 5, 1, 1}), kRefused, "a window of 5"},
                                {list("strides", {1, 1, 1, 0}), kCorrupt, "strides holds 0"},
                                {text("data_format", "NCHW"), kUnsupported, "NCHW"},
                                {text("padding", ""), kUnsupported, "padding \"\""},
                                {reads(0, "flat"), kCorrupt, "not [batch, height"},
                            });
  }
}

TEST(ImportRefusals, Arithmetic) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.constant("c", {3}, {1, 2, 3});
  b.constant("four", {4}, {1, 2, 3, 4});
  b.constant("none", {0}, {});
  b.integers("whole", {3}, {1, 2, 3});
  b.node("Add", "y", {"x", "c"});
  expect_refused(b.def(), {
                              {reads(1, "four"), kRefused, "do not broadcast"},
                              {reads(1, "none"), kUnsupported, "no elements"},
                              {reads(1, "whole"), kUnsupported, "i32"},
                              {reads_one_less, kCorrupt, "has 1 inputs, needs 2"},
                          });
  GraphDefBuilder relu;
  relu.placeholder("x", {2, 3});
  relu.integers("whole", {3}, {1, 2, 3});
  relu.node("Relu", "y", {"x"});
  expect_refused(relu.def(), {
                                 {reads(0, "whole"), kUnsupported, "i32"},
                                 {also_reads("x"), kCorrupt, "has 2 inputs, needs 1"},
                                 {flag("inplace", true), kUnsupported, "\"inplace\""},
                             });
}

TEST(ImportRefusals, BiasAdd) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.constant("c", {3}, {1, 2, 3});
  b.constant("one", {1}, {1});
  b.constant("row", {1, 3}, {1, 2, 3});
  b.node("BiasAdd", "y", {"x", "c"});
  expect_refused(b.def(), {
                              {reads(1, "one"), kCorrupt, "a bias of shape [1] does not fit"},
                              {reads(1, "row"), kCorrupt, "a bias of shape [1,3] does not fit"},
                              {reads(0, "c"), kCorrupt, "an input of shape [3]"},
                              {text("data_format", "NCHW"), kUnsupported, "NCHW"},
                          });
}

TEST(ImportRefusals, MatMul) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.constant("w", {3, 4}, std::vector<float>(12, 1.0F));
  b.constant("flat", {3}, {1, 2, 3});
  b.node("MatMul", "y", {"x", "w"});
  expect_refused(b.def(), {
                              {flag("transpose_a", true), kRefused, "inner elements"},
                              {flag("transpose_b", true), kRefused, "inner elements"},
                              {reads(1, "flat"), kRefused, "not of rank 2"},
                              {flag("adj_x", false), kUnsupported, "\"adj_x\""},
                          });
}

TEST(ImportRefusals, Norms) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const bool fused : {false, true}) {
    SCOPED_TRACE(fused);
    GraphDefBuilder b;
    b.placeholder("x", {1, 2, 2, 3});
    b.constant("c", {3}, {1, 2, 3});
    b.constant("two", {2}, {1, 2});
    const std::string epsilon = fused ? "epsilon" : "variance_epsilon";
    auto y = b.node(fused ? "FusedBatchNormV3" : "BatchNormWithGlobalNormalization", "y",
                    {"x", "c", "c", "c", "c"});
    y.number(epsilon, 0.001F);
    if (fused) {
      y.flag("is_training", false);
    } else {
      y.flag("scale_after_normalization", true);
    }
    expect_refused(b.def(), {
                                {number(epsilon, -1.0F), kCorrupt, "is negative"},
                                {number(epsilon, kNan), kCorrupt, epsilon},
                                {reads(1, "two"), kRefused, "not of shape [3]"},
                                {reads(4, "two"), kRefused, "not of shape [3]"},
                                {reads_one_less, kCorrupt, "has 4 inputs, needs 5"},
                            });
    if (!fused) continue;
    const auto as_in_training = [](wire::NodeDef& node) {
      node.mutable_attr()->erase("is_training");  // the default is true
    };
    expect_refused(b.def(), {
                                {flag("is_training", true), kUnsupported, "training mode"},
                                {as_in_training, kUnsupported, "freeze the graph"},
                                {text("data_format", "NCHW"), kUnsupported, "NCHW"},
                            });
  }
}

TEST(ImportRefusals, Dequantize) {
  GraphDefBuilder b;
  b.node("Placeholder", "x", {}).type("dtype", wire::DT_QUINT8).shape("shape", {2});
  b.constant("low", {}, {0});
  b.constant("two", {2}, {0, 1});
  b.node("Dequantize", "y", {"x", "low", "low"})
      .type("T", wire::DT_QUINT8)
      .text("mode", "MIN_FIRST");
  const auto without_mode = [](wire::NodeDef& y) { y.mutable_attr()->erase("mode"); };
  expect_refused(b.def(), {
                              {text("mode", "SCALED"), kUnsupported, "mode \"SCALED\""},
                              {without_mode, kUnsupported, "mode \"MIN_COMBINED\""},
                              {type("T", wire::DT_QINT8), kUnsupported, "only quint8"},
                              {type("T", wire::DT_QINT32), kUnsupported, "only quint8"},
                              {type("dtype", wire::DT_HALF), kUnsupported, "a float result"},
                              {flag("narrow_range", true), kUnsupported, "narrow_range"},
                              {integer("axis", 0), kUnsupported, "a range for each slice"},
                              {reads(2, "two"), kUnsupported, "not one number"},
                              {reads(0, "low"), kCorrupt, "its input is f32"},
                          });
}

TEST(ImportRefusals, Reshape) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.integers("good", {2}, {3, -1});
  b.integers("two_open", {2}, {-1, -1});
  b.integers("negative", {2}, {-2, -3});
  b.integers("odd", {2}, {4, -1});
  b.integers("zero", {2}, {0, -1});
  b.integers("less", {1}, {5});
  b.integers("deep", {9}, {6, 1, 1, 1, 1, 1, 1, 1, 1});
  b.node("Const", "huge", {})
      .type("dtype", wire::DT_INT64)
      .i64("value", {3}, {1LL << 40, 1LL << 40, -1});
  b.constant("real", {1}, {6});
  b.node("Relu", "computed", {"x"});
  b.node("Reshape", "y", {"x", "good"});
  expect_refused(b.def(), {
                              {reads(1, "two_open"), kCorrupt, "negative dimension"},
                              {reads(1, "negative"), kCorrupt, "negative dimension"},
                              {reads(1, "odd"), kCorrupt, "holds 4 elements a slice"},
                              {reads(1, "zero"), kCorrupt, "holds 0 elements a slice"},
                              {reads(1, "less"), kRefused, "does not have the elements of [5]"},
                              {reads(1, "deep"), kCorrupt, "rank 9"},
                              {reads(1, "huge"), kCorrupt, "2^62"},
                              {reads(1, "real"), kCorrupt, "of type f32, not an integer"},
                              {reads(1, "computed"), kUnsupported, "computed at run time"},
                          });
}

TEST(ImportRefusals, Squeeze) {
  GraphDefBuilder b;
  b.placeholder("x", {1, 2, 1});
  b.node("Squeeze", "y", {"x"});
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  expect_refused(b.def(), {
                              {list("squeeze_dims", {1}), kCorrupt, "axis 1 of its input [1,2,1]"},
                              {list("axis", {-2}), kCorrupt, "axis 1 of its input"},
                              {list("squeeze_dims", {3}), kCorrupt, "axis 3 is outside"},
                              {list("squeeze_dims", {-4}), kCorrupt, "axis -4 is outside"},
                              {list("squeeze_dims", {least}), kCorrupt, "is outside"},
                              {list("squeeze_dims", {most}), kCorrupt, "is outside"},
                          });
}

TEST(ImportRefusals, Concat) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.constant("wide", {2, 5}, std::vector<float>(10, 1.0F));
  b.constant("tall", {4, 3}, std::vector<float>(12, 1.0F));
  b.constant("flat", {3}, {1, 2, 3});
  b.integers("whole", {2, 3}, {1, 2, 3, 4, 5, 6});
  b.integers("one", {}, {1});
  b.integers("two", {}, {2});
  b.integers("pair", {2}, {0, 1});
  b.node("Relu", "computed", {"x"});
  b.node("ConcatV2", "y", {"x", "wide", "one"}).integer("N", 2);
  expect_refused(b.def(), {
                              {reads(2, "two"), kCorrupt, "axis 2 is outside"},
                              {reads(2, "pair"), kCorrupt, "the axis is not one number"},
                              {reads(2, "computed"), kUnsupported, "computed at run time"},
                              {reads(2, "flat"), kCorrupt, "not an integer"},
                              {reads(1, "tall"), kRefused, "does not continue"},
                              {reads(1, "flat"), kRefused, "does not continue"},
                              {reads(1, "whole"), kRefused, "does not continue"},
                              {integer("N", 3), kCorrupt, "N says 3 inputs, there are 2"},
                              {also_reads("one"), kCorrupt, "N says 2 inputs, there are 3"},
                          });
}

TEST(ImportRefusals, Pad) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.integers("good", {2, 2}, {0, 1, 1, 0});
  b.integers("three", {3, 2}, {0, 1, 1, 0, 0, 0});
  b.integers("flat", {4}, {0, 1, 1, 0});
  b.integers("negative", {2, 2}, {0, -1, 1, 0});
  b.integers("large", {2, 2}, {0, 2147483647, 0, 2147483647});
  b.node("Const", "huge", {})
      .type("dtype", wire::DT_INT64)
      .i64("value", {2, 2}, {0, 1LL << 40, 0, 0});
  b.node("Pad", "y", {"x", "good"});
  expect_refused(b.def(), {
                              {reads(1, "three"), kCorrupt, "paddings of shape [3,2]"},
                              {reads(1, "flat"), kCorrupt, "paddings of shape [4]"},
                              {reads(1, "negative"), kCorrupt, "a padding of -1"},
                              {reads(1, "huge"), kCorrupt, "a padding of 1099511627776"},
                              {reads(1, "large"), kUnsupported, "more than 2^31 elements"},
                          });
}

TEST(ImportRefusals, Mean) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.integers("good", {1}, {-1});
  b.integers("outside", {1}, {2});
  b.integers("before", {1}, {-3});
  b.integers("twice", {2}, {1, -1});
  b.node("Mean", "y", {"x", "good"});
  expect_refused(b.def(), {
                              {reads(1, "outside"), kCorrupt, "axis 2 is outside"},
                              {reads(1, "before"), kCorrupt, "axis -3 is outside"},
                              {reads(1, "twice"), kRefused, "named twice"},
                              {reads(1, "x"), kUnsupported, "computed at run time"},
                          });
}

TEST(ImportRefusals, PlaceholdersWithDefault) {
  GraphDefBuilder b;
  b.placeholder("x", {2, 3});
  b.node("PlaceholderWithDefault", "y", {"x"}).type("dtype", wire::DT_FLOAT).shape("shape", {2, 3});
  const auto shape = [](const Dims& dims) {
    return [=](wire::NodeDef& y) {
      y.mutable_attr()->erase("shape");
      NodeDefBuilder(&y).shape("shape", dims);
    };
  };
  expect_refused(b.def(), {
                              {shape({2}), kCorrupt, "[2,3] does not fit its attribute shape"},
                              {shape({2, 4}), kCorrupt, "does not fit"},
                              {shape({-2, 3}), kCorrupt, "does not fit"},
                              {type("dtype", wire::DT_INT32), kCorrupt, "says i32"},
                          });
}

TEST(ImportRefusals, Constants) {
  GraphDefBuilder b;
  b.placeholder("x", {2});
  b.node("Const", "y", {}).type("dtype", wire::DT_FLOAT).f32("value", {2}, {1, 2});
  const auto value = [](const std::function<void(wire::TensorProto&)>& change) {
    return [=](wire::NodeDef& y) { change(*(*y.mutable_attr())["value"].mutable_tensor()); };
  };
  expect_refused(
      b.def(),
      {
          {type("dtype", wire::DT_INT32), kCorrupt, "not the type of its value"},
          {also_reads("x"), kCorrupt, "has 1 inputs, needs 0"},
          {[](wire::NodeDef& y) {
             NodeDefBuilder(&y).type("dtype", wire::DT_STRING);
             (*y.mutable_attr())["value"].mutable_tensor()->set_dtype(wire::DT_STRING);
           },
           kUnsupported, "TensorFlow's type number 7"},
          {value([](wire::TensorProto& t) { t.mutable_tensor_content()->pop_back(); }), kCorrupt,
           "holds 7 bytes, but its shape [2] needs 8"},
          {value([](wire::TensorProto& t) { t.mutable_tensor_shape()->add_dim()->set_size(-1); }),
           kCorrupt, "the dimension -1"},
      });
}

}  // namespace
}  // namespace graft
