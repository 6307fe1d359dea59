// Networks whose file has images as [N,C,H,W], beside the same ones written with [N,H,W,C]: the
// same steps, so at no cost, and the same bits. TensorFlow's numbers are import_ops_test.cc's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "graph/channels_first.h"
#include "graph/import.h"
#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kBatch = 2, kHeight = 6, kWidth = 5, kChannels = 4;

// Writes a network either way, by the same calls and under the same names. Axes, windows and
// operands are given as NHWC has them.
class Writer {
 public:
  explicit Writer(bool channels_first) : first_(channels_first) {
    b.placeholder("x", {kBatch, kHeight, kWidth, kChannels});
    if (first_) transpose("first", "x", {0, 3, 1, 2});
  }

  GraphDefBuilder b;

  std::string in() const { return first_ ? "first" : "x"; }
  // What a layout-aware node needs besides: its data_format, its windows.
  NodeDefBuilder image_node(const std::string& op, const std::string& name,
                            const std::vector<std::string>& inputs) {
    return b.node(op, name, inputs).text("data_format", first_ ? "NCHW" : "NHWC");
  }
  Dims window(std::int64_t h, std::int64_t w) const {
    return first_ ? Dims{1, 1, h, w} : Dims{1, h, w, 1};
  }
  void axes(const std::string& name, const std::vector<int>& axes) {
    std::vector<std::int32_t> written;
    for (const int axis : axes) written.push_back(at(axis));
    b.integers(name, {static_cast<std::int64_t>(axes.size())}, written);
  }
  void axis(const std::string& name, int axis) { b.integers(name, {}, {at(axis)}); }
  void paddings(const std::string& name, const std::vector<AxisPadding>& nhwc) {
    std::vector<std::int32_t> written(8);
    for (int axis = 0; axis < 4; ++axis) {
      const auto to = 2 * static_cast<std::size_t>(at(axis));
      written[to] = nhwc[static_cast<std::size_t>(axis)].before;
      written[to + 1] = nhwc[static_cast<std::size_t>(axis)].after;
    }
    b.integers(name, {4, 2}, written);
  }
  // One number a channel, beside an image.
  void operand(const std::string& name, int rank = 4) {
    const Dims vector = {kChannels};
    const Dims dims = rank == 4 ? Dims{1, kChannels, 1, 1} : Dims{kChannels, 1, 1};
    b.constant(name, first_ ? dims : vector, numbers(kChannels));
  }
  void transpose(const std::string& name, const std::string& of,
                 const std::vector<std::int32_t>& axes) {
    b.integers(name + "/perm", {static_cast<std::int64_t>(axes.size())}, axes);
    b.node("Transpose", name, {of, name + "/perm"});
  }
  // The image as NHWC; "y" is the network's result.
  void out(const std::string& image, const std::string& name = "y") {
    if (first_) {
      transpose(name, image, {0, 2, 3, 1});
    } else {
      b.node("Identity", name, {image});
    }
  }
  std::vector<float> numbers(std::size_t count) {
    std::vector<float> values(count);
    std::ranges::generate(values, [&] { return rng_.uniform(0.5F, 2.0F); });
    return values;
  }

 private:
  std::int32_t at(int axis) const { return first_ ? std::array{0, 2, 3, 1}[axis] : axis; }

  const bool first_;
  Rng rng_{5};
};

using Write = std::function<void(Writer&)>;

std::string steps_of(const Program& program) {
  std::string text;
  for (const Program::Step& step : program.steps()) {
    text += step.node + " " + step.op + " " + step.backend + " " + step.output_shape + "\n";
  }
  return text;
}

Program compiled(const wire::GraphDef& def, const std::string& backend) {
  const std::vector<std::string> outputs = {"y"};
  CompileOptions options;
  options.backend = backend;
  const Graph graph = must(import_graph_def(def, from_x_to_y()));
  return must(Program::compile(must(simplify(graph, outputs)), outputs, options));
}

void expect_twins(const wire::GraphDef& last, const wire::GraphDef& first,
                  const std::string& backend) {
  const Program a = compiled(last, backend);
  const Program b = compiled(first, backend);
  EXPECT_EQ(steps_of(a), steps_of(b));
  EXPECT_EQ(a.workspace_bytes(), b.workspace_bytes());
  Rng rng(11);
  const Tensor input = random_f32(a.input().shape, rng);
  EXPECT_TRUE(same_bits(run(a, input)[0], run(b, input)[0]));
}

void expect_twins(const std::string& what, const Write& write) {
  SCOPED_TRACE(what);
  Writer last(false);
  Writer first(true);
  write(last);
  write(first);
  expect_twins(last.b.def(), first.b.def(), "reference");
}

void write_convolution(Writer& w, const std::string& op, const std::string& name,
                       const std::string& x, const Dims& filter, std::int64_t stride = 1) {
  std::size_t count = 1;
  for (const std::int64_t dim : filter) count *= static_cast<std::size_t>(dim);
  w.b.constant(name + "/w", filter, w.numbers(count));
  w.image_node(op, name, {x, name + "/w"})
      .integers("strides", w.window(stride, stride))
      .text("padding", "SAME");
}

TEST(ChannelsFirst, WindowsGiveTheSame) {
  for (const char* padding : {"SAME", "VALID"}) {
    for (const char* op : {"Conv2D", "DepthwiseConv2dNative"}) {
      expect_twins(std::string(op) + padding, [&](Writer& w) {
        w.b.constant("w", {3, 2, kChannels, 3}, w.numbers(6 * kChannels * 3));
        w.image_node(op, "conv", {w.in(), "w"})
            .integers("strides", w.window(2, 1))
            .integers("dilations", w.window(1, 2))
            .text("padding", padding);
        w.out("conv");
      });
    }
    for (const char* op : {"AvgPool", "MaxPool"}) {
      expect_twins(std::string(op) + padding, [&](Writer& w) {
        w.image_node(op, "pool", {w.in()})
            .integers("ksize", w.window(3, 2))
            .integers("strides", w.window(1, 2))
            .text("padding", padding);
        w.out("pool");
      });
    }
  }
}

TEST(ChannelsFirst, ArithmeticGivesTheSame) {
  for (const char* op : {"Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"}) {
    for (const int rank : {3, 4}) {
      expect_twins(op, [&](Writer& w) {
        w.operand("c", rank);
        w.b.node(op, "sum", {w.in(), "c"});
        w.b.node(op, "turned", {"c", "sum"});
        w.out("turned");
      });
    }
    for (const Dims& dims : {Dims{}, Dims{1}, Dims{1, 1, 1, 1}}) {
      expect_twins(op, [&](Writer& w) {
        w.b.constant("c", dims, {1.5F});
        w.b.node(op, "sum", {w.in(), "c"});
        w.out("sum");
      });
    }
    expect_twins(op, [&](Writer& w) {
      w.b.node("Sigmoid", "other", {w.in()});
      w.b.node(op, "sum", {w.in(), "other"});
      w.out("sum");
    });
  }
  for (const char* op : {"Relu", "Relu6", "Neg", "Square", "Exp", "Sigmoid", "Tanh", "Identity",
                         "StopGradient", "CheckNumerics"}) {
    expect_twins(op, [&](Writer& w) {
      w.b.node(op, "value", {w.in()});
      w.out("value");
    });
  }
  for (const char* op : {"Sqrt", "Rsqrt"}) {
    expect_twins(op, [&](Writer& w) {
      w.b.node("Exp", "positive", {w.in()});
      w.b.node(op, "value", {"positive"});
      w.out("value");
    });
  }
}

TEST(ChannelsFirst, NormsGiveTheSame) {
  expect_twins("BiasAdd", [](Writer& w) {
    w.b.constant("b", {kChannels}, w.numbers(kChannels));
    w.image_node("BiasAdd", "sum", {w.in(), "b"});
    w.out("sum");
  });
  for (const char* op : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}) {
    expect_twins(op, [&](Writer& w) {
      w.b.constant("c", {kChannels}, w.numbers(kChannels));
      w.image_node(op, "norm", {w.in(), "c", "c", "c", "c"}).flag("is_training", false);
      w.out("norm");
    });
  }
}

TEST(ChannelsFirst, ShapesGiveTheSame) {
  for (const int axis : {0, 1, 2, 3}) {
    expect_twins("ConcatV2 " + std::to_string(axis), [&](Writer& w) {
      w.axis("axis", axis);
      w.b.node("Neg", "neg", {w.in()});
      w.b.node("ConcatV2", "joined", {w.in(), "neg", "axis"});
      w.b.node("Concat", "more", {"axis", "joined", w.in()});
      w.out("more");
    });
  }
  expect_twins("Pad", [](Writer& w) {
    w.paddings("p", {{0, 1}, {2, 3}, {1, 0}, {4, 5}});
    w.b.node("Pad", "padded", {w.in(), "p"});
    w.out("padded");
  });
  const std::vector<std::vector<int>> axes = {{1, 2}, {2, 1}, {3}, {0, 1, 2}, {3, 1}, {0, 1, 2, 3}};
  for (const std::vector<int>& reduced : axes) {
    for (const bool keep : {false, true}) {
      expect_twins("Mean", [&](Writer& w) {
        w.axes("axes", reduced);
        w.b.node("Mean", "mean", {w.in(), "axes"}).flag("keep_dims", keep);
        if (keep) {
          w.out("mean");
        } else {
          w.b.node("Identity", "y", {"mean"});
        }
      });
    }
  }
  // An image of one pixel has its elements in the same order either way.
  for (const char* op : {"Reshape", "Squeeze"}) {
    expect_twins(op, [&](Writer& w) {
      w.axes("axes", {1, 2});
      w.b.node("Mean", "mean", {w.in(), "axes"}).flag("keep_dims", true);
      if (std::string(op) == "Reshape") {
        w.b.integers("shape", {2}, {-1, kChannels});
        w.b.node("Reshape", "y", {"mean", "shape"});
      } else {
        w.b.node("Squeeze", "y", {"mean"});
      }
    });
  }
  expect_twins("flatten", [](Writer& w) {
    w.b.integers("shape", {2}, {kBatch, -1});
    w.b.node("Relu", "active", {w.in()});
    w.out("active", "image");
    w.b.node("Reshape", "y", {"image", "shape"});
  });
}

// Two blocks of a residual network with all that belongs to one, up to its scores.
void write_residual_network(Writer& w) {
  w.paddings("pads", {{0, 0}, {1, 1}, {1, 1}, {0, 0}});
  w.b.node("Pad", "padded", {w.in(), "pads"});
  write_convolution(w, "Conv2D", "stem", "padded", {3, 3, kChannels, kChannels}, 2);
  w.b.constant("b", {kChannels}, w.numbers(kChannels));
  w.image_node("BiasAdd", "biased", {"stem", "b"});
  w.image_node("MaxPool", "pool", {"biased"})
      .integers("ksize", w.window(2, 2))
      .integers("strides", w.window(1, 1))
      .text("padding", "SAME");
  std::string last = "pool";
  for (const std::string block : {"one", "two"}) {
    w.image_node("FusedBatchNormV3", block + "/norm", {last, "b", "b", "b", "b"})
        .flag("is_training", false);
    w.b.node("Relu", block + "/active", {block + "/norm"});
    write_convolution(w, "DepthwiseConv2dNative", block + "/spread", block + "/active",
                      {3, 3, kChannels, 1});
    write_convolution(w, "Conv2D", block + "/conv", block + "/spread",
                      {1, 1, kChannels, kChannels});
    w.operand(block + "/scale");
    w.b.node("Mul", block + "/scaled", {block + "/conv", block + "/scale"});
    w.b.node("AddV2", block + "/sum", {last, block + "/scaled"});
    last = block + "/sum";
  }
  w.axes("axes", {1, 2});
  w.b.node("Mean", "mean", {last, "axes"}).flag("keep_dims", true);
  w.b.node("Squeeze", "flat", {"mean"});
  w.b.constant("dense/w", {kChannels, 3}, w.numbers(kChannels * 3));
  w.b.node("MatMul", "dense", {"flat", "dense/w"});
  w.b.node("Softmax", "y", {"dense"});
}

TEST(ChannelsFirst, AWholeNetworkGivesTheSameOnEveryBackend) {
  Writer last(false);
  Writer first(true);
  write_residual_network(last);
  write_residual_network(first);
  expect_twins(last.b.def(), first.b.def(), "reference");
  expect_twins(last.b.def(), first.b.def(), "");
}

// A placeholder that is [N,C,H,W] itself; it is fed as any other.
wire::GraphDef fed_channels_first(const Dims& dims) {
  GraphDefBuilder b;
  b.placeholder("x", dims);
  b.constant("w", {2, 2, 3, 2}, std::vector<float>(24, 0.25F));
  b.node("Conv2D", "conv", {"x", "w"})
      .integers("strides", {1, 1, 1, 2})
      .text("padding", "VALID")
      .text("data_format", "NCHW");
  b.integers("axes", {2}, {2, 3});
  b.node("Mean", "y", {"conv", "axes"});
  return b.def();
}

Result<Graph> imported(const wire::GraphDef& def, const Dims& shape = {},
                       const std::string& output = "y") {
  ImportOptions options = from_x_to_y();
  options.input_shape = shape;
  options.outputs = {output};
  return import_graph_def(def, options);
}

TEST(ChannelsFirst, InputsAreFedWithChannelsLast) {
  wire::GraphDef last = fed_channels_first({-1, 4, 7, 3});
  wire::NodeDef* conv = find_node(last, "conv");
  conv->mutable_attr()->erase("strides");
  NodeDefBuilder(conv).integers("strides", {1, 1, 2, 1}).text("data_format", "NHWC");
  NodeDefBuilder(find_node(last, "axes")).i32("value", {2}, {1, 2});
  const wire::GraphDef first = fed_channels_first({-1, 3, 4, 7});
  expect_twins(last, first, "reference");

  const auto shape_for = [](const Dims& declared, const Dims& wanted) {
    return must(imported(fed_channels_first(declared), wanted)).node(0).output.shape;
  };
  EXPECT_EQ(shape_for({-1, 3, 4, 7}, {}), (Shape{1, 4, 7, 3}));
  EXPECT_EQ(shape_for({1, 3, 4, 7}, {2, 4, 7, 3}), (Shape{2, 4, 7, 3}));
  EXPECT_EQ(shape_for({-1, 3, -1, -1}, {1, 9, 8, 3}), (Shape{1, 9, 8, 3}));
  const auto other = imported(first, {1, 4, 9, 3});
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message, HasSubstr("dimension 3 of the file is 7, not 9"));
  const auto as_in_file = imported(first, {1, 3, 4, 7});
  ASSERT_FALSE(as_in_file.ok());
  EXPECT_THAT(as_in_file.error().message, HasSubstr("dimension 2 of the file is 4, not 3"));
}

TEST(ChannelsFirst, IsDeclaredByTheChannelsOfAPhoto) {
  for (const Dims& dims : {Dims{1, 3, 224, 224}, Dims{-1, 3, -1, -1}, Dims{8, 1, 28, 28}}) {
    EXPECT_TRUE(declares_channels_first(dims));
  }
  for (const Dims& dims :
       {Dims{1, 224, 224, 3}, Dims{-1, -1, -1, 3}, Dims{1, 3, 224, 3}, Dims{1, 1, 1, 512},
        Dims{1, 3, 3, 512}, Dims{1, 64, 7, 7}, Dims{-1, -1, -1, -1}, Dims{1, 3, 9}, Dims{}}) {
    EXPECT_FALSE(declares_channels_first(dims));
  }
}

TEST(ChannelsFirst, OutputsOfOnePixelCanBeRead) {
  const wire::GraphDef def = fed_channels_first({1, 3, 2, 2});
  const Graph graph = must(imported(def, {}, "conv"));
  EXPECT_EQ(graph.node(graph.outputs()[0]).output.shape, (Shape{1, 1, 1, 2}));
  const auto input = imported(def, {}, "x");
  ASSERT_FALSE(input.ok());
  EXPECT_THAT(input.error().message, HasSubstr("node \"x\" (Placeholder): gives the channels-"));
  ImportOptions options = from_x_to_y();
  options.outputs = {"x"};
  options.only_shapes = true;
  EXPECT_TRUE(import_graph_def(def, options).ok());
}

// What import adds takes no name of the file's, wherever that stands.
TEST(ChannelsFirst, AddedNodesTakeFreeNames) {
  GraphDefBuilder b;
  b.placeholder("x", {1, 3, 4, 5});
  b.constant("c", {3, 1, 1}, {1, 2, 3});
  b.node("Mul", "sum", {"x", "c"});
  b.node("Neg", "sum/reshaped", {"sum"});
  b.node("Relu", "sum/reshaped_1", {"sum/reshaped"});
  b.integers("axes", {3}, {1, 2, 3});
  b.node("Mean", "y", {"sum/reshaped_1", "axes"});
  const Graph graph = must(imported(b.def()));
  EXPECT_TRUE(graph.find("sum/reshaped_2"));
}

}  // namespace
}  // namespace graft
