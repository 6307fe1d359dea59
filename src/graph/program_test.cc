#include "graph/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CompileOptions on(const std::string& backend) {
  CompileOptions options;
  options.backend = backend;
  return options;
}

std::vector<std::string> op_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<Op>(node.body)) names.push_back(node.name);
  }
  return names;
}

const Tensor& value_at(const Graph& graph, const std::vector<Tensor>& values,
                       std::string_view name) {
  return values[static_cast<std::size_t>(*graph.find(name))];
}

void expect_error(const Result<Program>& program, ErrorKind kind, const std::string& says) {
  SCOPED_TRACE(says);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().kind, kind);
  EXPECT_THAT(program.error().message, HasSubstr(says));
}

// --- values: the arena against memory that nobody shares

TEST(Program, EveryValueSurvivesUntilItIsRead) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed, 11);
    const Graph graph = random_graph(rng, 14);
    const Tensor input = random_f32(input_shape(graph), rng);
    const auto expected = evaluate_all(graph, input);
    for (const std::string& name : op_names(graph)) {
      const std::vector<std::string> outputs = {name};
      const Program program = must(Program::compile(graph, outputs, on("reference")));
      EXPECT_TRUE(same_bits(run(program, input)[0], value_at(graph, expected, name))) << name;
    }
    // Any few of them together.
    std::vector<std::string> some;
    for (const std::string& name : op_names(graph)) {
      if (rng.below(3) == 0) some.push_back(name);
    }
    const Program program = must(Program::compile(graph, some, on("reference")));
    const auto results = run(program, input);
    for (std::size_t i = 0; i < some.size(); ++i) {
      EXPECT_TRUE(same_bits(results[i], value_at(graph, expected, some[i]))) << some[i];
    }
  }
}

TEST(Program, BackendsAgreeWithinRounding) {
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed, 12);
    const Graph graph = random_graph(rng, 12);
    const Tensor input = random_f32(input_shape(graph), rng);
    const auto expected = evaluate_all(graph, input);
    const auto bounds = rounding_bounds(graph, input);
    std::vector<std::string> names = op_names(graph);
    std::erase_if(names, [&](const std::string&) { return rng.below(2) == 0; });
    names.push_back(op_names(graph).back());
    const Graph simple = must(simplify(graph, names));
    for (const Graph* candidate : {&graph, &simple}) {
      const Program program = must(Program::compile(*candidate, names));
      const auto results = run(program, input);
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto id = static_cast<std::size_t>(*graph.find(names[i]));
        EXPECT_EQ(beyond(results[i], expected[id], bounds[id]), "")
            << names[i] << (candidate == &simple ? ", simplified" : "");
      }
    }
  }
}

// A second photo in the same workspace finds nothing of the first.
TEST(Program, RunsCarryNothingOver) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed, 13);
    const Graph graph = random_graph(rng, 12);
    const std::vector<std::string> outputs = {op_names(graph).back()};
    for (const char* backend : {"", "reference"}) {
      const Program program = must(Program::compile(graph, outputs, on(backend)));
      const auto shared = program.make_workspace();
      for (int i = 0; i < 3; ++i) {
        const Tensor input = random_f32(input_shape(graph), rng);
        EXPECT_TRUE(same_bits(run(program, input, *shared)[0], run(program, input)[0]))
            << "seed " << seed << ", backend '" << backend << "'";
      }
    }
  }
}

TEST(Program, ManyThreadsShareOne) {
  Rng rng(14);
  const Graph graph = random_graph(rng, 25);
  const std::vector<std::string> outputs = {op_names(graph).front(), op_names(graph).back()};
  const Program program = must(Program::compile(graph, outputs));
  constexpr std::size_t kThreads = 4;
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> expected;
  for (std::size_t t = 0; t < kThreads; ++t) {
    inputs.push_back(random_f32(input_shape(graph), rng));
    expected.push_back(run(program, inputs.back()));
  }
  std::vector<int> wrong(kThreads, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto workspace = program.make_workspace();
      for (int i = 0; i < 50; ++i) {
        const auto got = run(program, inputs[t], *workspace);
        if (!same_bits(got[0], expected[t][0]) || !same_bits(got[1], expected[t][1])) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

// --- outputs of every kind

TEST(Program, GivesInputsConstantsAndAliases) {
  for (const char* backend : {"", "reference"}) {
    Graph graph;
    const NodeId x = add_input(graph, Shape{2, 2});
    add_constant(graph, "c", f32(Shape{3}, {7, 8, 9}));
    const NodeId whole = add_constant(graph, "codes", u8(Shape{4}, {1, 2, 3, 4}));
    add_constant(graph, "none", Tensor(DType::kI32, Shape{0}));
    const NodeId flat = must(graph.add_op("flat", Reshape{Shape{4}}, {x}));
    const NodeId again = must(graph.add_op("again", Unary{}, {flat}));
    const NodeId negative = must(graph.add_op("negative", Unary{Unary::Kind::kNeg}, {again}));
    must(graph.add_op("square", Reshape{Shape{2, 2}}, {negative}));
    must(graph.add_op("code_square", Reshape{Shape{2, 2}}, {whole}));
    must(graph.add_op("after", Binary{}, {negative, negative}));
    graph.add_alias("alias", negative);
    const std::vector<std::string> outputs = {"x",           "c",     "codes", "none",
                                              "flat",        "again", "alias", "square",
                                              "code_square", "after", "x:0",   "after"};
    const Program program = must(Program::compile(graph, outputs, on(backend)));
    const Tensor input = f32(Shape{2, 2}, {1, -2, 3, -4});
    const auto expected = evaluate_all(graph, input);
    const auto results = run(program, input);
    ASSERT_EQ(results.size(), outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_TRUE(same_bits(results[i], value_at(graph, expected, outputs[i]))) << outputs[i];
      EXPECT_EQ(program.outputs()[i], results[i].spec());
    }
    // What only moves names costs no step.
    EXPECT_THAT(program.steps(), ::testing::SizeIs(2));
  }
}

TEST(Program, MayHaveNothingToDo) {
  Graph graph;
  add_input(graph, Shape{2});
  const std::vector<std::string> outputs = {"x"};
  const Program program = must(Program::compile(graph, outputs));
  EXPECT_EQ(program.workspace_bytes(), 0U);
  EXPECT_EQ(program.multiply_adds(), 0U);
  EXPECT_THAT(program.steps(), IsEmpty());
  const Tensor input = f32(Shape{2}, {1, 2});
  EXPECT_TRUE(same_bits(run(program, input)[0], input));
}

TEST(Program, ReadsTheInputWhereverItIsUsed) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 2});
  const NodeId column = must(graph.add_op("column", Reshape{Shape{2, 1}}, {x}));
  const NodeId table = must(graph.add_op("table", Binary{Binary::Kind::kMul}, {x, column}));
  must(graph.add_op("y", Concat{0}, {table, x, x}));
  const std::vector<std::string> outputs = {"y"};
  const Program program = must(Program::compile(graph, outputs));
  EXPECT_TRUE(same_bits(run(program, f32(Shape{1, 2}, {2, 3}))[0],
                        f32(Shape{4, 2}, {4, 6, 6, 9, 2, 3, 2, 3})));
}

// --- refusals

TEST(Program, RefusesUnknownNamesAndBackends) {
  Graph graph;
  add_input(graph, Shape{2});
  const std::vector<std::string> good = {"x"};
  const std::vector<std::string> bad = {"x", "y"};
  expect_error(Program::compile(graph, bad), ErrorKind::kInvalidArgument, "tensor \"y\"");
  expect_error(Program::compile(graph, good, on("cuda")), ErrorKind::kInvalidArgument,
               "onednn, reference");
}

TEST(Program, NeedsExactlyOneInput) {
  const std::vector<std::string> outputs = {"y"};
  Graph none;
  const NodeId c = add_constant(none, "c", Tensor::scalar(1));
  must(none.add_op("y", Unary{Unary::Kind::kNeg}, {c}));
  expect_error(Program::compile(none, outputs), ErrorKind::kInvalidArgument, "has 0 inputs");
  Graph two;
  const NodeId a = add_input(two, Shape{2});
  const NodeId b = must(two.add_input("b", {DType::kF32, Shape{2}, Layout::kDense}));
  must(two.add_op("y", Binary{}, {a, b}));
  expect_error(Program::compile(two, outputs), ErrorKind::kInvalidArgument, "has 2 inputs");
}

Graph chain(int length, const Shape& shape) {
  Graph graph;
  NodeId last = add_input(graph, shape);
  for (int i = 0; i < length; ++i) {
    last = must(graph.add_op("n" + std::to_string(i), Unary{Unary::Kind::kTanh}, {last}));
  }
  return graph;
}

TEST(Program, ReusesMemoryAlongAChain) {
  const Graph graph = chain(50, Shape{1, 16, 16, 4});
  const std::vector<std::string> outputs = {"n49"};
  const Program program = must(Program::compile(graph, outputs, on("reference")));
  EXPECT_EQ(program.workspace_bytes(), 2 * 16 * 16 * 4 * sizeof(float));
}

TEST(Program, RefusesMoreMemoryThanAllowed) {
  Graph graph = chain(3, Shape{1, 16, 16, 4});
  must(graph.add_op("soft", Softmax{}, {*graph.find("n2")}));  // needs scratch, too
  const std::vector<std::string> outputs = {"soft", "n0"};
  for (const char* backend : {"", "reference"}) {
    CompileOptions options = on(backend);
    options.max_arena_bytes = must(Program::compile(graph, outputs, options)).workspace_bytes();
    EXPECT_TRUE(Program::compile(graph, outputs, options).ok());
    --options.max_arena_bytes;
    expect_error(Program::compile(graph, outputs, options), ErrorKind::kUnsupported,
                 "its activations need");
    options.max_arena_bytes = 0;
    expect_error(Program::compile(graph, outputs, options), ErrorKind::kUnsupported,
                 "at most 0 B are allowed");
  }
}

TEST(Program, RefusesMoreWorkThanAllowed) {
  const Graph graph = chain(3, Shape{10});
  const std::vector<std::string> outputs = {"n2"};
  CompileOptions options;
  options.max_work = 3 * (10 + 10);
  EXPECT_TRUE(Program::compile(graph, outputs, options).ok());
  --options.max_work;
  expect_error(Program::compile(graph, outputs, options), ErrorKind::kUnsupported,
               "node \"n2\" (Unary): one run up to here takes more than 59 steps");
}

// --- what a program says of itself

TEST(Program, NumericModeIsKnownBeforehand) {
  Rng rng(15);
  const Graph graph = random_graph(rng, 10);
  const std::vector<std::string> outputs = {op_names(graph).back()};
  for (const char* backend : {"", "highway", "onednn", "reference"}) {
    const Program program = must(Program::compile(graph, outputs, on(backend)));
    EXPECT_EQ(program.numeric_mode(), expected_numeric_mode(backend));
    EXPECT_NE(program.numeric_mode(), "");
  }
  std::string all;
  for (const Backend* backend : all_backends()) {
    all += (all.empty() ? "" : "+") + backend->numeric_mode();
  }
  EXPECT_EQ(expected_numeric_mode(""), all);
  EXPECT_NE(expected_numeric_mode(""), expected_numeric_mode("reference"));
  EXPECT_EQ(expected_numeric_mode("cuda"), "");
}

TEST(Program, ListsItsSteps) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 4, 4, 2});
  const NodeId w = add_constant(graph, "w", Tensor(DType::kF32, Shape{3, 3, 2, 5}));
  const NodeId conv = must(graph.add_op("conv", Conv2D{}, {x, w}));
  const NodeId mean = must(graph.add_op("pool", Mean{{1, 2}, false}, {conv}));
  const NodeId v = add_constant(graph, "v", Tensor(DType::kF32, Shape{5, 7}));
  must(graph.add_op("y", MatMul{}, {mean, v}));
  const std::vector<std::string> outputs = {"y"};
  const Program program = must(Program::compile(graph, outputs, on("reference")));
  std::vector<std::string> lines;
  for (const Program::Step& step : program.steps()) {
    lines.push_back(step.node + " " + step.op + " " + step.backend + " " + step.output_shape + " " +
                    std::to_string(step.multiply_adds));
  }
  EXPECT_THAT(lines, ElementsAre("conv Conv2D reference [1,2,2,5] 360",  // 2·2·5 · 3·3·2
                                 "pool Mean reference [1,5] 0", "y MatMul reference [1,7] 35"));
  EXPECT_EQ(program.multiply_adds(), 395U);
}

// Two convolutions become one step where a backend has a kernel for both, and only there.
TEST(Program, JoinsDepthwiseAndPointwise) {
  Graph graph;
  Rng rng(16);
  const NodeId x = add_input(graph, Shape{2, 9, 7, 12});
  const auto constant = [&](const std::string& name, const Shape& shape) {
    return add_constant(graph, name, random_f32(shape, rng));
  };
  const NodeId taps = constant("taps", Shape{3, 3, 12, 1});
  const NodeId bias = constant("bias", Shape{12});
  const NodeId scale = constant("scale", Shape{12});
  const DepthwiseConv2D depthwise{2, 2, 1, 1, {1, 1, 1, 1}, Activation::kRelu6};
  const NodeId first = must(graph.add_op("first", depthwise, {x, taps, bias, scale}));
  // Known only after the first convolution, as in graphs from outside.
  const NodeId filter = constant("filter", Shape{1, 1, 12, 20});
  const NodeId last = constant("last", Shape{20});
  const Conv2D pointwise{1, 1, 1, 1, {}, Activation::kRelu};
  must(graph.add_op("second", pointwise, {first, filter, last}));
  const Tensor input = random_f32(Shape{2, 9, 7, 12}, rng);
  const auto expected = evaluate_all(graph, input);
  const auto bounds = rounding_bounds(graph, input);

  const auto steps_on = [&](const std::string& backend, std::vector<std::string> outputs) {
    const Program program = must(Program::compile(graph, outputs, on(backend)));
    const auto results = run(program, input);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto id = static_cast<std::size_t>(*graph.find(outputs[i]));
      EXPECT_EQ(beyond(results[i], expected[id], bounds[id]), "") << outputs[i] << " " << backend;
    }
    std::string text;
    for (const Program::Step& step : program.steps()) {
      text += step.node + " " + step.op + " " + step.backend + " " +
              std::to_string(step.multiply_adds) + "; ";
    }
    return text;
  };
  // 2·5·4 pixels: 12·9 multiply-adds of the first, 12·20 of the second.
  EXPECT_EQ(steps_on("highway", {"second"}), "second SeparableConv2D highway 13920; ");
  const std::string apart = "first DepthwiseConv2D reference 4320; second Conv2D reference 9600; ";
  EXPECT_EQ(steps_on("reference", {"second"}), apart);
  // What somebody asks for has to be there.
  EXPECT_EQ(steps_on("highway", {"second", "first"}),
            "first DepthwiseConv2D highway 4320; second Conv2D reference 9600; ");
  EXPECT_EQ(steps_on("onednn", {"second"}),
            "first DepthwiseConv2D onednn 4320; second Conv2D onednn 9600; ");
}

// MobileNet V1: Howard et al., arXiv:1704.04861, structure of table 1, millions of multiply-adds of
// tables 6 and 7, some of which are cut off instead of rounded.
TEST(Program, CountsMobileNetsMultiplyAdds) {
  struct Published {
    double width;
    std::int64_t size;
    int millions;
  };
  for (const Published& net :
       {Published{1.0, 224, 569}, Published{0.75, 224, 325}, Published{0.5, 224, 149},
        Published{0.25, 224, 41}, Published{1.0, 192, 418}, Published{1.0, 160, 290},
        Published{1.0, 128, 186}}) {
    SCOPED_TRACE(net.width);
    Graph graph;
    NodeId last = add_input(graph, Shape{1, net.size, net.size, 3});
    const auto channels = [&](int full) { return static_cast<std::int64_t>(net.width * full); };
    const auto add = [&](bool depthwise, std::int64_t kernel, int stride, std::int64_t outputs) {
      const Shape in = graph.node(last).output.shape;
      const std::string name = "n" + std::to_string(graph.nodes().size());
      const NodeId w =
          add_constant(graph, name + "w",
                       Tensor(DType::kF32, Shape{kernel, kernel, in[3], depthwise ? 1 : outputs}));
      const AxisPadding same = same_padding(in[1], kernel, stride);
      const Padding padding{same.before, same.after, same.before, same.after};
      last = depthwise
                 ? must(graph.add_op(name, DepthwiseConv2D{stride, stride, 1, 1, padding, {}},
                                     {last, w}))
                 : must(graph.add_op(name, Conv2D{stride, stride, 1, 1, padding, {}}, {last, w}));
    };
    add(false, 3, 2, channels(32));
    const std::vector<std::pair<int, int>> blocks = {
        {1, 64},  {2, 128}, {1, 128}, {2, 256}, {1, 256},  {2, 512}, {1, 512},
        {1, 512}, {1, 512}, {1, 512}, {1, 512}, {2, 1024}, {1, 1024}};
    for (const auto& [stride, outputs] : blocks) {
      add(true, 3, stride, 0);
      add(false, 1, 1, channels(outputs));
    }
    last = must(graph.add_op("pool", Mean{{1, 2}, true}, {last}));
    add(false, 1, 1, 1000);
    const std::vector<std::string> outputs = {graph.node(last).name};
    const Program program = must(Program::compile(graph, outputs, on("reference")));
    EXPECT_NEAR(static_cast<double>(program.multiply_adds()) * 1e-6, net.millions, 1.0);
  }
}

}  // namespace
}  // namespace graft
