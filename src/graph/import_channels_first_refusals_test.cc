// What import says to networks with [N,C,H,W] that cannot be held as [N,H,W,C], or are read in
// another order than they say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "graph/import.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One change of a good network a line; the message names the node "y" and stands on one line.
void expect_unreadable(const std::function<void(GraphDefBuilder&)>& write, const std::string& says,
                       ErrorKind kind = ErrorKind::kUnsupported) {
  SCOPED_TRACE(says);
  GraphDefBuilder b;
  b.placeholder("x", {1, 4, 5, 2});
  b.integers("to_first", {4}, {0, 3, 1, 2});
  b.node("Transpose", "first", {"x", "to_first"});
  b.constant("w", {2, 2, 2, 2}, std::vector<float>(16, 1));
  b.constant("c", {2}, {1, 2});
  write(b);
  const auto graph = import_graph_def(b.def(), from_x_to_y());
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().kind, kind) << graph.error().message;
  EXPECT_THAT(graph.error().message, HasSubstr(says));
  EXPECT_THAT(graph.error().message, HasSubstr("node \"y\""));
  EXPECT_THAT(graph.error().message, Not(HasSubstr("\n")));
}

NodeDefBuilder write_op(GraphDefBuilder& b, const std::string& op,
                        const std::vector<std::string>& inputs, const std::string& format) {
  auto y = b.node(op, "y", inputs);
  y.text("data_format", format);
  if (op == "FusedBatchNorm") return y.flag("is_training", false);
  if (op == "BiasAdd") return y;
  y.text("padding", "SAME").integers("strides", {1, 1, 1, 1});
  return op.ends_with("Pool") ? y.integers("ksize", {1, 1, 1, 1}) : y;
}

TEST(ChannelsFirstRefusals, FormatsThatDoNotFitTheInputAreRefused) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> ops = {
      {"Conv2D", {"w"}},  {"DepthwiseConv2dNative", {"w"}},        {"AvgPool", {}}, {"MaxPool", {}},
      {"BiasAdd", {"c"}}, {"FusedBatchNorm", {"c", "c", "c", "c"}}};
  for (const auto& tested : ops) {
    const std::string& op = tested.first;
    const std::vector<std::string>& others = tested.second;
    SCOPED_TRACE(op);
    const auto with = [&](const std::string& image, const std::string& format) {
      return [&, image, format](GraphDefBuilder& b) {
        std::vector<std::string> inputs = {image};
        inputs.insert(inputs.end(), others.begin(), others.end());
        write_op(b, op, inputs, format);
      };
    };
    expect_unreadable(
        with("x", "NCHW"),
        "data_format \"NCHW\", but its input of shape [1,4,5,2] is not known to be "
        "channels first: export the graph with NHWC, or its placeholder as [batch, 3, "
        "height, width]");
    expect_unreadable(with("first", "NHWC"),
                      "data_format \"NHWC\", but its input of shape [1,2,4,5] is channels first: "
                      "export the graph with one data_format");
    expect_unreadable(with("first", "NCHW_VECT_C"),
                      "data_format \"NCHW_VECT_C\" is not handled, NHWC and NCHW are");
  }
  const auto moving = [](const std::string& op, const std::string& attribute) {
    return [=](GraphDefBuilder& b) {
      const bool pool = op == "MaxPool";
      std::vector<std::string> inputs = {"first"};
      if (!pool) inputs.emplace_back("w");
      auto y = b.node(op, "y", inputs).text("data_format", "NCHW").text("padding", "SAME");
      for (const std::string name : {"strides", pool ? "ksize" : "dilations"}) {
        y.integers(name, name == attribute ? Dims{1, 2, 2, 1} : Dims{1, 1, 1, 1});
      }
    };
  };
  expect_unreadable(moving("Conv2D", "strides"), "attribute strides moves over images or channels");
  expect_unreadable(moving("Conv2D", "dilations"),
                    "attribute dilations moves over images or channels");
  expect_unreadable(moving("MaxPool", "ksize"), "attribute ksize moves over images or channels");
}

TEST(ChannelsFirstRefusals, OpsOfOtherOrdersAreRefused) {
  const std::string where =
      " of shape [1,2,4,5] is channels first, which is not handled here: "
      "export the graph with NHWC, or with a Transpose [0,2,3,1] in front";
  for (const char* op : {"Softmax", "MatMul", "BatchNormWithGlobalNormalization", "Dequantize"}) {
    const std::size_t inputs = std::string(op) == "Softmax"      ? 1
                               : std::string(op) == "MatMul"     ? 2
                               : std::string(op) == "Dequantize" ? 3
                                                                 : 5;
    expect_unreadable(
        [&](GraphDefBuilder& b) { b.node(op, "y", std::vector<std::string>(inputs, "first")); },
        "its input 0" + where);
  }
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.node("Transpose", "turned_w", {"w", "to_first"});
        write_op(b, "Conv2D", {"first", "turned_w"}, "NCHW");
      },
      "its input 1 of shape [2,2,2,2] is channels first");
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.node("Mean", "y", {"x", "first"});
      },
      "its input 1" + where);
}

TEST(ChannelsFirstRefusals, OperandsAlongOtherAxesAreRefused) {
  const std::vector<std::pair<Dims, std::string>> refused = {{{2}, "[2]"},
                                                             {{5}, "[5]"},
                                                             {{4, 5}, "[4,5]"},
                                                             {{1, 2}, "[1,2]"},
                                                             {{1, 4, 1}, "[1,4,1]"},
                                                             {{2, 4, 5}, "[2,4,5]"},
                                                             {{1, 1, 4, 5}, "[1,1,4,5]"},
                                                             {{1, 4, 5, 2}, "[1,4,5,2]"},
                                                             {{1, 1, 1, 1, 1}, "[1,1,1,1,1]"}};
  for (const auto& [dims, text] : refused) {
    for (const bool image_first : {false, true}) {
      expect_unreadable(
          [&, dims = dims](GraphDefBuilder& b) {
            std::size_t count = 1;
            for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
            b.constant("operand", dims, std::vector<float>(count, 1));
            b.node("Mul", "y",
                   image_first ? std::vector<std::string>{"first", "operand"}
                               : std::vector<std::string>{"operand", "first"});
          },
          "an operand of shape " + text +
              " beside the channels-first [1,2,4,5] is not handled, one of shape [1,channels,1,1] "
              "is: export the graph with NHWC");
    }
  }
  // These fit no image of two channels, whichever the order.
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.constant("operand", {1, 3, 1, 1}, {1, 2, 3});
        b.node("Mul", "y", {"first", "operand"});
      },
      "do not broadcast", ErrorKind::kInvalidArgument);
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.integers("axis", {}, {1});
        b.node("ConcatV2", "y", {"first", "x", "axis"});
      },
      "joins what is channels first with what is not: export the graph with one data_format");
}

TEST(ChannelsFirstRefusals, ReadingElementByElementIsRefused) {
  const std::string where =
      "reads the channels-first [1,2,4,5] element by element: export the "
      "graph with NHWC, or with a pool over all pixels or a Transpose";
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.integers("shape", {2}, {1, -1});
        b.node("Reshape", "y", {"first", "shape"});
      },
      where);
  expect_unreadable(
      [](GraphDefBuilder& b) { b.node("Squeeze", "y", {"first"}).integers("squeeze_dims", {0}); },
      where);
  for (const std::int32_t side : {2, 3, -1}) {
    expect_unreadable(
        [&](GraphDefBuilder& b) {
          b.integers("axes", {1}, {side});
          b.node("Mean", "y", {"first", "axes"});
        },
        "leaves channels beside rows or columns of the channels-first [1,2,4,5]");
  }
  const std::string gives =
      ": gives the channels-first [1,2,4,5], which cannot be read in that "
      "order: name a layer behind the pool over all pixels";
  expect_unreadable([](GraphDefBuilder& b) { b.node("Relu", "y", {"first"}); }, "(Relu)" + gives);
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.node("Transpose", "y", {"x", "to_first"});
      },
      "(Transpose)" + gives);
}

TEST(ChannelsFirstRefusals, PermutationsThatCannotBeAreRefused) {
  constexpr auto cannot_be = ErrorKind::kCorrupt;
  const auto by = [](const std::vector<std::int32_t>& axes, const std::string& of) {
    return [=](GraphDefBuilder& b) {
      b.integers("perm", {static_cast<std::int64_t>(axes.size())}, axes);
      b.node("Transpose", "y", {of, "perm"});
    };
  };
  for (const std::vector<std::int32_t>& axes : {std::vector<std::int32_t>{},
                                                {0, 3, 1},
                                                {0, 3, 1, 2, 4},
                                                {0, 3, 1, 3},
                                                {0, 3, 1, 4},
                                                {0, 3, 1, -2},
                                                {2147483647, 0, 1, -2147483647}}) {
    expect_unreadable(by(axes, "first"), "its permutation is none of the axes of [1,2,4,5]",
                      cannot_be);
    expect_unreadable(by(axes, "x"), "its permutation is none of the axes of [1,4,5,2]", cannot_be);
  }
  const std::string otherwise = " otherwise than between NHWC and NCHW, which is not handled";
  for (const std::vector<std::int32_t>& axes :
       {std::vector<std::int32_t>{0, 2, 3, 1}, {0, 2, 1, 3}, {3, 2, 1, 0}}) {
    expect_unreadable(by(axes, "x"), "moves the axes of a [1,4,5,2]" + otherwise);
  }
  for (const std::vector<std::int32_t>& axes :
       {std::vector<std::int32_t>{0, 3, 1, 2}, {0, 1, 3, 2}, {1, 0, 2, 3}}) {
    expect_unreadable(by(axes, "first"),
                      "moves the axes of a channels-first [1,2,4,5]" + otherwise);
  }
  expect_unreadable(by({1, 0}, "c"), "its permutation is none of the axes of [2]", cannot_be);
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.node("Transpose", "y", {"first", "x"});
      },
      "the permutation is computed at run time");
  expect_unreadable(
      [](GraphDefBuilder& b) {
        b.node("Transpose", "y", {"first", "c"});
      },
      "the permutation is of type f32, not an integer", cannot_be);
}

}  // namespace
}  // namespace graft
