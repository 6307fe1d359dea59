// What part of a file becomes a graph, and under which names, shapes and types.
#include "graph/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "base/test_sanitizers.h"
#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ImportOptions between(const std::string& input, const std::vector<std::string>& outputs,
                      const Dims& shape = {}) {
  ImportOptions options;
  options.input = input;
  options.outputs = outputs;
  options.input_shape = shape;
  return options;
}

void expect_error(const wire::GraphDef& def, const ImportOptions& options, ErrorKind kind,
                  const std::string& says) {
  SCOPED_TRACE(says);
  const auto graph = import_graph_def(def, options);
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().kind, kind);
  EXPECT_THAT(graph.error().message, HasSubstr(says));
}

// x → conv → biased → active → same → pooled → flat → y, with constants.
wire::GraphDef forked_network() {
  Rng rng(3);
  const auto numbers = [&](std::size_t count) {
    std::vector<float> values(count);
    std::ranges::generate(values, [&] { return rng.uniform(-1, 1); });
    return values;
  };
  GraphDefBuilder b;
  b.placeholder("x", {-1, 4, 4, 2});
  b.constant("w", {3, 3, 2, 3}, numbers(54));
  b.constant("b", {3}, numbers(3));
  b.node("Conv2D", "conv", {"x", "w"}).integers("strides", {1, 2, 2, 1}).text("padding", "SAME");
  b.node("BiasAdd", "biased", {"conv", "b"});
  b.node("Relu6", "active", {"biased:0"});
  b.node("Identity", "same", {"active"});
  b.integers("axes", {2}, {1, 2});
  b.node("Mean", "pooled", {"same", "axes"}).flag("keep_dims", true);
  b.node("Squeeze", "flat", {"pooled"}).integers("squeeze_dims", {1, 2});
  b.node("Softmax", "y", {"flat"});
  return b.def();
}

TEST(Import, KeepsNamesShapesAndAliases) {
  const Graph graph = must(import_graph_def(forked_network(), between("x:0", {"y:0", "same"})));
  const auto shape_at = [&](std::string_view name) {
    const auto id = graph.find(name);
    return id ? graph.node(*id).output.shape.to_string() : "no such node";
  };
  EXPECT_EQ(shape_at("x"), "[1,4,4,2]");
  EXPECT_EQ(shape_at("conv"), "[1,2,2,3]");
  EXPECT_EQ(shape_at("active:0"), "[1,2,2,3]");
  EXPECT_EQ(shape_at("pooled"), "[1,1,1,3]");
  EXPECT_EQ(shape_at("y"), "[1,3]");
  EXPECT_EQ(graph.find("same"), graph.find("active"));
  EXPECT_EQ(graph.find("SAME"), std::nullopt);
  EXPECT_THAT(graph.outputs(), ElementsAre(*graph.find("y"), *graph.find("same")));
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    for (const NodeId input : graph.nodes()[i].inputs) EXPECT_LT(input, static_cast<NodeId>(i));
  }
}

TEST(Import, LeavesConstantsInAFileThatIsShared) {
  auto def = std::make_shared<const wire::GraphDef>(forked_network());
  const Graph copied = must(import_graph_def(*def, between("x:0", {"y:0"})));
  const Graph graph = must(import_graph_def(def, between("x:0", {"y:0"})));
  const std::string* content = nullptr;
  for (const wire::NodeDef& node : def->node()) {
    if (node.name() == "w") content = &node.attr().at("value").tensor().tensor_content();
  }
  def.reset();
  const auto weights = [](const Graph& of) {
    return std::get<Constant>(of.node(*of.find("w")).body).value;
  };
  EXPECT_EQ(static_cast<const void*>(weights(graph)->view().data), content->data());
  EXPECT_NE(static_cast<const void*>(weights(copied)->view().data), content->data());
  EXPECT_TRUE(std::ranges::equal(weights(graph)->as<float>(), weights(copied)->as<float>()));
}

TEST(Import, CutsAtAnyNode) {
  const wire::GraphDef def = forked_network();
  const Graph whole = must(import_graph_def(def, between("x", {"y"})));
  Rng rng(4);
  const Tensor input = random_f32(Shape{1, 4, 4, 2}, rng);
  const std::vector<Tensor> values = evaluate_all(whole, input);
  const Tensor& expected = values.back();
  for (const char* name : {"x", "conv", "biased", "active", "same", "pooled", "flat", "y"}) {
    SCOPED_TRACE(name);
    const Tensor& fed = values[static_cast<std::size_t>(*whole.find(name))];
    const Dims dims(fed.shape().dims().begin(), fed.shape().dims().end());
    const Graph tail = must(import_graph_def(def, between(name, {"y"}, dims)));
    EXPECT_TRUE(same_bits(evaluate_all(tail, fed).back(), expected));
    if (std::string(name) != "x") {
      expect_error(def, between(name, {"y"}), ErrorKind::kInvalidArgument, "give the input's size");
      expect_error(def, between(name, {"conv", "x"}, dims), ErrorKind::kUnsupported,
                   "node \"x\" (Placeholder): is read but not fed: name it as the input");
    }
    // Up to here.
    const Graph head = must(import_graph_def(def, between("x", {name})));
    EXPECT_TRUE(
        same_bits(evaluate_all(head, input)[static_cast<std::size_t>(*head.find(name))], fed));
  }
}

TEST(Import, TakesOneTensorForSeveralOutputs) {
  const Graph graph = must(import_graph_def(forked_network(), between("x", {"y", "x", "y", "b"})));
  EXPECT_THAT(graph.outputs(), ElementsAre(*graph.find("y"), *graph.find("x"), *graph.find("b")));
}

TEST(Import, LooksAtNothingOutsideTheCut) {
  GraphDefBuilder b;
  b.node("ReadFile", "bytes", {"path"});  // its input does not exist
  b.node("DecodeJpeg", "x", {"bytes"}).integer("channels", 3);
  b.node("Neg", "y", {"x", "^nowhere"}).type("T", wire::DT_FLOAT);
  b.node("Print", "tail", {"y"});
  b.node("Loop", "loop", {"loop"});
  // The decoder gives u8, which Neg does not take.
  expect_error(b.def(), between("x", {"y"}, {1, 2, 2, 3}), ErrorKind::kCorrupt, "its input is u8");
  wire::GraphDef def = b.def();
  find_node(def, "y")->set_op("Identity");
  find_node(def, "y")->mutable_attr()->clear();
  const Graph graph = must(import_graph_def(def, between("x", {"y"}, {1, 2, 2, 3})));
  EXPECT_EQ(graph.nodes().size(), 1U);
  EXPECT_EQ(graph.node(0).output.dtype, DType::kU8);
}

TEST(Import, NamesTheOpThatIsNotHandled) {
  GraphDefBuilder b;
  b.placeholder("x", {1});
  b.node("ReadFile", "scope/bad", {"x"});
  b.node("Relu", "y", {"scope/bad"});
  expect_error(b.def(), between("x", {"y"}), ErrorKind::kUnsupported,
               "node \"scope/bad\" (ReadFile): this op is not handled");
}

TEST(Import, OffersTheNearestName) {
  const wire::GraphDef def = forked_network();
  expect_error(def, between("x", {"activ"}), ErrorKind::kInvalidArgument,
               "tensor \"activ\": the graph has no such node, did you mean \"active\"?");
  expect_error(def, between("xx:0", {"y"}), ErrorKind::kInvalidArgument, "tensor \"xx:0\"");
  const auto far = import_graph_def(def, between("x", {"final_result"}));
  ASSERT_FALSE(far.ok());
  EXPECT_THAT(far.error().message, Not(HasSubstr("did you mean")));
  expect_error(def, between("x", {""}), ErrorKind::kInvalidArgument, "tensor \"\"");
  expect_error(def, between("x", {std::string(5000, 'a')}), ErrorKind::kInvalidArgument, "aaa…");
}

TEST(Import, RefusesTensorsThatAreNone) {
  const wire::GraphDef def = forked_network();
  expect_error(def, between("x", {}), ErrorKind::kInvalidArgument, "no output is named");
  expect_error(def, between("x", {"^y"}), ErrorKind::kInvalidArgument, "\"^y\"");
  expect_error(def, between("x", {"y:1"}), ErrorKind::kUnsupported, "first output");
  expect_error(def, between("x:1", {"y"}), ErrorKind::kUnsupported, "first output");
  GraphDefBuilder b;
  b.placeholder("x", {1});
  b.node("FusedBatchNorm", "norm", {"x", "x", "x", "x", "x"});
  b.node("Relu", "y", {"norm:1"});
  expect_error(b.def(), between("x", {"y"}), ErrorKind::kUnsupported,
               "node \"y\" (Relu): reads \"norm:1\" of node \"norm\" (FusedBatchNorm)");
}

TEST(Import, FillsOpenDimensions) {
  const wire::GraphDef def = forked_network();
  const auto shape_for = [&](const Dims& dims) {
    const Graph graph = must(import_graph_def(def, between("x", {"y"}, dims)));
    return graph.node(*graph.find("x")).output.shape.to_string();
  };
  EXPECT_EQ(shape_for({}), "[1,4,4,2]");
  EXPECT_EQ(shape_for({7, 4, 4, 2}), "[7,4,4,2]");
  constexpr ErrorKind kInvalid = ErrorKind::kInvalidArgument;
  expect_error(def, between("x", {"y"}, {1, 5, 4, 2}), kInvalid,
               "dimension 1 of the file is 4, not 5");
  expect_error(def, between("x", {"y"}, {4, 4, 2}), kInvalid, "takes 4 dimensions, not 3");
  expect_error(def, between("x", {"y"}, {0, 4, 4, 2}), kInvalid, "has no elements");
  expect_error(def, between("x", {"y"}, {-1, 4, 4, 2}), kInvalid, "negative dimension -1");
  expect_error(def, between("conv", {"y"}, Dims(9, 1)), kInvalid, "rank 9");
  // A batch that the file fixes may be overridden.
  wire::GraphDef fixed = def;
  auto* shape = (*find_node(fixed, "x")->mutable_attr())["shape"].mutable_shape();
  shape->mutable_dim(0)->set_size(3);
  const Graph graph = must(import_graph_def(fixed, between("x", {"y"}, {2, 4, 4, 2})));
  EXPECT_EQ(graph.node(*graph.find("y")).output.shape.to_string(), "[2,3]");
}

TEST(Import, AsksForAShapeThatTheFileLeavesOpen) {
  GraphDefBuilder b;
  b.node("Placeholder", "none", {}).type("dtype", wire::DT_FLOAT);
  b.node("Placeholder", "empty", {}).type("dtype", wire::DT_FLOAT).shape("shape", {});
  b.node("Placeholder", "any", {}).type("dtype", wire::DT_FLOAT);
  wire::GraphDef def = b.def();
  auto& shape = (*find_node(def, "any")->mutable_attr())["shape"];
  shape.mutable_shape()->set_unknown_rank(true);
  for (const char* name : {"none", "empty", "any"}) {
    expect_error(def, between(name, {name}), ErrorKind::kInvalidArgument, "give the input's size");
    const Graph graph = must(import_graph_def(def, between(name, {name}, {2, 3})));
    EXPECT_EQ(graph.node(0).output.shape.to_string(), "[2,3]");
  }
}

TEST(Import, RefusesPlaceholdersThatCannotBe) {
  const auto shaped = [](const Dims& dims) {
    GraphDefBuilder b;
    b.placeholder("x", dims);
    return b.def();
  };
  const ImportOptions options = between("x", {"x"});
  expect_error(shaped({1, 0, 2}), options, ErrorKind::kCorrupt, "has the dimension 0");
  expect_error(shaped({1, -2}), options, ErrorKind::kCorrupt, "has the dimension -2");
  expect_error(shaped(Dims(9, 1)), options, ErrorKind::kUnsupported, "rank 9");
  expect_error(shaped({1LL << 40, 1LL << 40}), options, ErrorKind::kUnsupported, "2^62");
  wire::GraphDef text = shaped({1});
  NodeDefBuilder(find_node(text, "x")).type("dtype", wire::DT_STRING);
  expect_error(text, options, ErrorKind::kUnsupported, "attribute dtype is TensorFlow's number 7");
}

// The element type of a value is the one that the op gives, not the one that it takes.
TEST(Import, FeedsTheTypeThatACutNodeGives) {
  GraphDefBuilder b;
  b.node("Dequantize", "dequantize", {}).type("T", wire::DT_QUINT8).text("mode", "MIN_FIRST");
  b.node("Cast", "cast", {}).type("SrcT", wire::DT_UINT8).type("DstT", wire::DT_FLOAT);
  b.node("Cast", "to_int", {}).type("SrcT", wire::DT_UINT8).type("DstT", wire::DT_INT32);
  b.node("ResizeBilinear", "resize", {}).type("T", wire::DT_UINT8);
  b.node("DecodeJpeg", "jpeg", {});
  b.node("DecodePng", "png", {}).type("dtype", wire::DT_UINT8);
  b.node("ExpandDims", "expand", {}).type("T", wire::DT_UINT8).type("Tdim", wire::DT_INT32);
  b.node("Mul", "mul", {}).type("T", wire::DT_FLOAT);
  b.node("NoSuchOp", "unknown", {});
  const std::vector<std::pair<std::string, DType>> expected = {
      {"dequantize", DType::kF32}, {"cast", DType::kF32}, {"to_int", DType::kI32},
      {"resize", DType::kF32},     {"jpeg", DType::kU8},  {"png", DType::kU8},
      {"expand", DType::kU8},      {"mul", DType::kF32},  {"unknown", DType::kF32}};
  for (const auto& [name, dtype] : expected) {
    const Graph graph = must(import_graph_def(b.def(), between(name, {name}, {1, 2})));
    EXPECT_EQ(graph.node(0).output.dtype, dtype) << name;
  }
}

TEST(Import, HandsOnADefaultThatNobodyFeeds) {
  GraphDefBuilder b;
  b.placeholder("x", {1, 2});
  b.node("Relu", "hidden", {"x"});
  b.node("PlaceholderWithDefault", "joint", {"hidden"})
      .type("dtype", wire::DT_FLOAT)
      .shape("shape", {-1, 2});
  b.node("Neg", "y", {"joint"});
  const Graph through = must(import_graph_def(b.def(), between("x", {"y"})));
  EXPECT_EQ(through.find("joint"), through.find("hidden"));
  const Graph fed = must(import_graph_def(b.def(), between("joint", {"y"}, {5, 2})));
  EXPECT_EQ(fed.node(*fed.find("y")).output.shape.to_string(), "[5,2]");
  EXPECT_FALSE(fed.find("hidden"));
  EXPECT_EQ(must(import_graph_def(b.def(), between("joint", {"y"}))).node(0).output.shape,
            (Shape{1, 2}));
}

TEST(Import, CountsConstantsAgainstTheirBudget) {
  const wire::GraphDef def = forked_network();
  ImportOptions options = between("x", {"y"});
  options.max_constant_bytes = (54 + 3 + 2) * 4;
  EXPECT_TRUE(import_graph_def(def, options).ok());
  --options.max_constant_bytes;
  expect_error(def, options, ErrorKind::kUnsupported, "left for constants");
  options.outputs = {"conv"};  // those outside the cut do not count
  EXPECT_TRUE(import_graph_def(def, options).ok());
}

TEST(Import, ParsesWhatItIsGiven) {
  const std::string bytes = bytes_of(forked_network());
  const wire::GraphDef def = must(parse_graph_def(as_bytes(bytes)));
  EXPECT_EQ(bytes_of(def), bytes);
  const auto empty = parse_graph_def({});
  ASSERT_FALSE(empty.ok());
  EXPECT_THAT(empty.error().message, HasSubstr("the file is empty"));
  for (const std::string& text : {std::string("<!DOCTYPE html>"), std::string("GIF89a"),
                                  std::string("\x22\x02\x08\x16")}) {  // versions alone
    const auto other = parse_graph_def(as_bytes(text));
    ASSERT_FALSE(other.ok());
    EXPECT_EQ(other.error().kind, ErrorKind::kCorrupt);
  }
}

// Wherever it ends: protobuf's own clearing up crashed. std::bad_alloc: there was not even room for
// the words.
TEST(Import, TheEndOfMemoryWhileParsingIsAnError) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer itself takes terabytes of addresses";
  GraphDefBuilder b;
  for (int i = 0; i < 20'000; ++i) {
    b.node("Relu", "n" + std::to_string(i), {"x"}).text("padding", "SAME");
  }
  const std::string bytes = bytes_of(b.def());
  const auto addresses = [] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  };
  std::vector<wire::GraphDef> kept;  // what other tests gave back is taken
  for (const std::size_t had = addresses(); kept.size() < 100 && addresses() == had;) {
    kept.push_back(must(parse_graph_def(as_bytes(bytes))));
  }
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  int failed = 0;
  std::vector<std::vector<char>> taken;  // so that it ends elsewhere each time
  for (std::size_t i = 0; i < 60; ++i) {
    taken.emplace_back(40 + 24 * i);
    struct rlimit tight = before;
    tight.rlim_cur = addresses();
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0);
    ErrorKind kind = ErrorKind::kUnsupported;
    try {
      const auto parsed = parse_graph_def(as_bytes(bytes));
      failed += parsed.ok() ? 0 : 1;
      if (!parsed.ok()) kind = parsed.error().kind;
    } catch (const std::bad_alloc&) {
      ++failed;
    }
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_EQ(kind, ErrorKind::kUnsupported);
  }
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace graft
