// Files that ask for what cannot be, or for far more than they hold: a clear error or a bounded
// program, in little memory and time. Random damage is import_mutation_test.cc's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <memory>

#include "graph/import.h"
#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::int64_t kMostSize = std::numeric_limits<std::int64_t>::max();

// Most bytes that the process ever held.
std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// What a file of a few KiB may add to it: a budget of 16 MiB here and there, and, with
// AddressSanitizer, freed memory that it keeps.
constexpr std::int64_t kModest = std::int64_t{700} << 20;

// All that is done with a file.
Result<Program> compile(const wire::GraphDef& def) {
  const ImportOptions options = from_x_to_y();
  GRAFT_ASSIGN(const wire::GraphDef parsed, parse_graph_def(as_bytes(bytes_of(def))));
  GRAFT_ASSIGN(const Graph graph, import_graph_def(parsed, options));
  GRAFT_ASSIGN(const Graph simple, simplify(graph, options.outputs));
  return Program::compile(simple, options.outputs);
}

void expect_error(const wire::GraphDef& def, ErrorKind kind, const std::string& says) {
  SCOPED_TRACE(says);
  const auto program = compile(def);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().kind, kind) << program.error().message;
  EXPECT_THAT(program.error().message, HasSubstr(says));
}

TEST(ImportHostile, Names) {
  GraphDefBuilder b;
  b.placeholder("x", {2});
  b.node("Relu", "y", {"missing"});
  expect_error(b.def(), ErrorKind::kCorrupt, "node \"y\" (Relu): its input \"missing\"");

  GraphDefBuilder twice;
  twice.placeholder("x", {2});
  twice.node("Relu", "y", {"x"});
  twice.node("Relu", "y", {"x"});
  expect_error(twice.def(), ErrorKind::kCorrupt, "node \"y\" (Relu): the name is used twice");

  GraphDefBuilder nameless;
  nameless.placeholder("x", {2});
  nameless.node("Relu", "", {"x"});
  nameless.node("Relu", "y", {"x"});
  expect_error(nameless.def(), ErrorKind::kCorrupt, "has no name");

  GraphDefBuilder colons;
  colons.placeholder("x", {2});
  colons.node("Relu", "x:0", {"x"});
  colons.node("Relu", "^x", {"x:0:0"});
  colons.node("Relu", "y", {"x:0"});  // the first output of x
  const Graph graph = must(import_graph_def(colons.def(), from_x_to_y()));
  EXPECT_EQ(graph.node(*graph.find("y")).inputs, std::vector{*graph.find("x")});

  GraphDefBuilder opless;
  opless.placeholder("x", {2});
  opless.node("", "y", {"x"});
  expect_error(opless.def(), ErrorKind::kUnsupported, "node \"y\" (): this op is not handled");
}

TEST(ImportHostile, Cycles) {
  GraphDefBuilder self;
  self.placeholder("x", {2});
  self.node("Relu", "y", {"y"});
  expect_error(self.def(), ErrorKind::kCorrupt, "node \"y\" (Relu): its value depends on itself");
  GraphDefBuilder ring;
  ring.placeholder("x", {2});
  ring.node("Add", "y", {"x", "a"});
  ring.node("Relu", "a", {"b"});
  ring.node("Add", "b", {"a", "x"});
  const auto program = compile(ring.def());
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(program.error().message, AnyOf(HasSubstr("\"a\""), HasSubstr("\"b\"")));
  EXPECT_THAT(program.error().message, HasSubstr("a cycle"));
}

// Each claims at least 4 GiB in at most a few hundred bytes.
TEST(ImportHostile, HugeClaimsTakeLittleMemory) {
  const std::int64_t before = peak_bytes();
  const auto constant = [](const Dims& dims, const wire::TensorProto& value) {
    GraphDefBuilder b;
    b.placeholder("x", {1});
    wire::TensorProto proto = value;
    proto.set_dtype(wire::DT_FLOAT);
    for (const std::int64_t dim : dims) proto.mutable_tensor_shape()->add_dim()->set_size(dim);
    b.node("Const", "c", {}).tensor("value", proto);
    b.node("Add", "y", {"x", "c"});
    return b.def();
  };
  wire::TensorProto one;
  one.add_float_val(1);
  wire::TensorProto bytes;
  bytes.set_tensor_content("12345678");
  for (const wire::TensorProto& value : {wire::TensorProto(), one, bytes}) {
    for (const Dims& dims : {Dims{1LL << 30}, Dims{1LL << 20, 1LL << 20}, Dims{1LL << 60},
                             Dims{kMostSize}, Dims(8, 1LL << 7), Dims(5, 1LL << 8)}) {
      const auto program = compile(constant(dims, value));
      ASSERT_FALSE(program.ok());
      EXPECT_THAT(program.error().message, HasSubstr("node \"c\" (Const)"));
    }
  }
  for (const Dims& dims :
       {Dims{1LL << 31}, Dims{1LL << 16, 1LL << 16}, Dims{1LL << 40, 2}, Dims{kMostSize}}) {
    GraphDefBuilder b;
    b.placeholder("x", dims);
    b.node("Relu", "y", {"x"});
    EXPECT_FALSE(compile(b.def()).ok());
  }
  GraphDefBuilder reshaped;
  reshaped.placeholder("x", {1});
  reshaped.node("Const", "shape", {})
      .type("dtype", wire::DT_INT32)
      .i32_values("value", {1LL << 30}, {1});
  reshaped.node("Reshape", "y", {"x", "shape"});
  EXPECT_FALSE(compile(reshaped.def()).ok());
  EXPECT_LT(peak_bytes() - before, kModest);
}

// From constants of a few bytes, results of many GiB.
TEST(ImportHostile, ConstantArithmeticTakesLittleMemory) {
  const std::int64_t before = peak_bytes();
  GraphDefBuilder doubling;
  doubling.placeholder("x", {1, 1});
  doubling.constant("c0", {1, 1}, {1});
  doubling.integers("axis", {}, {0});
  for (int i = 1; i <= 30; ++i) {
    const std::string last = "c" + std::to_string(i - 1);
    doubling.node("ConcatV2", "c" + std::to_string(i), {last, last, "axis"});
  }
  doubling.node("Add", "y", {"x", "c30"});
  expect_error(doubling.def(), ErrorKind::kUnsupported, "its activations need");
  doubling.node("ConcatV2", "c31", {"c30", "c30", "axis"});
  doubling.node("ConcatV2", "c32", {"c31", "c31", "axis"});
  wire::GraphDef more = doubling.def();
  find_node(more, "y")->set_input(1, "c32");
  expect_error(more, ErrorKind::kUnsupported, "node \"c32\": Concat: the result would have more");

  GraphDefBuilder padded;
  padded.placeholder("x", {1});
  padded.constant("c", {1}, {1});
  padded.integers("p", {1, 2}, {1 << 29, 1 << 29});
  padded.node("Pad", "wide", {"c", "p"});
  padded.node("Add", "y", {"x", "wide"});
  expect_error(padded.def(), ErrorKind::kUnsupported, "its activations need");

  GraphDefBuilder crossed;
  crossed.placeholder("x", {1});
  crossed.constant("row", {1, 1 << 15}, std::vector<float>(1 << 15, 1));
  crossed.constant("column", {1 << 15, 1}, std::vector<float>(1 << 15, 1));
  crossed.node("MatMul", "product", {"column", "row"});
  crossed.node("Add", "y", {"x", "product"});
  expect_error(crossed.def(), ErrorKind::kUnsupported, "its activations need");
  EXPECT_LT(peak_bytes() - before, kModest);
}

// One constant of 1 MiB that four thousand ops read: copied for each, 4 GiB.
TEST(ImportHostile, SharedConstantsTakeLittleMemory) {
  const std::int64_t before = peak_bytes();
  constexpr int kReaders = 4000;
  const auto chain = [](GraphDefBuilder& graph, std::string last, const std::string& constant) {
    for (int i = 0; i < kReaders; ++i) {
      const std::string n = std::to_string(i);
      graph.node("Maximum", "sum" + n, {last, constant});
      graph.node("Mean", "mean" + n, {"sum" + n, "axis"}).flag("keep_dims", true);
      last = "mean" + n;
    }
    return last;
  };
  GraphDefBuilder sums;
  sums.placeholder("x", {1, 1});
  sums.constant("wide", {1, 1 << 18}, std::vector<float>(1 << 18, 0.5F));
  sums.integers("axis", {1}, {1});
  std::string last = chain(sums, "x", "wide");
  sums.node("Relu", "y", {last});
  // Compiled, not run: that is in proportion to its steps, which compile() bounds.
  EXPECT_TRUE(compile(sums.def()).ok());

  GraphDefBuilder convs;
  convs.placeholder("x", {1, 1, 1, 512});
  convs.constant("filter", {1, 1, 512, 512}, std::vector<float>(512 * 512, 0));
  convs.constant("scale", {512}, std::vector<float>(512, 0.5F));
  last = "x";
  for (int i = 0; i < kReaders; ++i) {
    const std::string n = std::to_string(i);
    convs.node("Conv2D", "conv" + n, {last, "filter"})
        .integers("strides", {1, 1, 1, 1})
        .text("padding", "VALID");
    convs.node("Mul", "scaled" + n, {"conv" + n, "scale"});
    last = "scaled" + n;
  }
  convs.node("Relu", "y", {last});
  EXPECT_TRUE(compile(convs.def()).ok());

  // Each reader has the constant under another shape.
  GraphDefBuilder first;
  first.placeholder("x", {1, 1, 1, 1});
  first.integers("to_first", {4}, {0, 3, 1, 2});
  first.node("Transpose", "image", {"x", "to_first"});
  first.constant("deep", {1 << 18, 1, 1}, std::vector<float>(1 << 18, 0.5F));
  first.integers("axis", {1}, {1});
  last = chain(first, "image", "deep");
  first.node("Squeeze", "y", {last});
  EXPECT_TRUE(compile(first.def()).ok());
  EXPECT_LT(peak_bytes() - before, kModest);
}

// What a graph may do is what is on the list of known ops, whatever TensorFlow has besides: nothing
// that touches files, runs programs, prints, keeps state or calls other graphs.
TEST(ImportHostile, OnlyOpsOfTheAllowList) {
  for (const char* op : {"ReadFile",
                         "WriteFile",
                         "MatchingFiles",
                         "Save",
                         "SaveV2",
                         "Restore",
                         "RestoreV2",
                         "MergeV2Checkpoints",
                         "WholeFileReaderV2",
                         "TFRecordReaderV2",
                         "TFRecordDataset",
                         "ImmutableConst",
                         "DecodeJpeg",
                         "DecodeRaw",
                         "PyFunc",
                         "PyFuncStateless",
                         "EagerPyFunc",
                         "Print",
                         "PrintV2",
                         "Assert",
                         "Abort",
                         "VariableV2",
                         "Assign",
                         "VarHandleOp",
                         "HashTableV2",
                         "InitializeTableFromTextFileV2",
                         "RandomUniform",
                         "While",
                         "If",
                         "Switch",
                         "Enter",
                         "PartitionedCall",
                         "StatefulPartitionedCall",
                         "RemoteCall",
                         "_Send",
                         "_Recv",
                         "conv2d",
                         "Conv2D ",
                         " Relu",
                         "Relu\n"}) {
    GraphDefBuilder b;
    b.placeholder("x", {2});
    b.node(op, "hostile", {"x"});
    b.node("Relu", "y", {"hostile"});
    expect_error(b.def(), ErrorKind::kUnsupported, "node \"hostile\" (");
    expect_error(b.def(), ErrorKind::kUnsupported, "this op is not handled");

    // Beside the path from input to output it is not even looked at, and never run.
    GraphDefBuilder beside;
    beside.placeholder("x", {2});
    beside.node(op, "hostile", {});
    beside.node("Relu", "y", {"x", "^hostile"});
    const Program program = must(compile(beside.def()));
    ASSERT_EQ(program.steps().size(), 1U);
    EXPECT_EQ(program.steps()[0].node, "y");
  }
}

TEST(ImportHostile, EndlessWorkIsRefused) {
  GraphDefBuilder b;
  b.placeholder("x", {1, 4096, 4096, 1});
  b.constant("w", {64, 64, 1, 16}, std::vector<float>(64 * 64 * 16, 1));
  b.node("Conv2D", "y", {"x", "w"}).integers("strides", {1, 1, 1, 1}).text("padding", "SAME");
  expect_error(b.def(), ErrorKind::kUnsupported, "node \"y\" (Conv2D): one run up to here takes");
}

TEST(ImportHostile, LongChainsCompileAndRun) {
  GraphDefBuilder b;
  b.placeholder("x", {4});
  b.constant("c", {}, {0.5F});
  std::string last = "x";
  for (int i = 0; i < 10000; ++i) {
    const std::string name = i == 9999 ? "y" : "n" + std::to_string(i);
    b.node(i % 2 == 0 ? "Relu6" : "Add", name,
           i % 2 == 0 ? std::vector<std::string>{last} : std::vector<std::string>{last, "c"});
    last = name;
  }
  const Program program = must(compile(b.def()));
  EXPECT_TRUE(same_bits(run(program, f32(Shape{4}, {-1, 0, 5, 100}))[0],
                        f32(Shape{4}, {6.5F, 6.5F, 6.5F, 6.5F})));
}

TEST(ImportHostile, LongChainsOfTransposesAreNothing) {
  GraphDefBuilder b;
  b.placeholder("x", {1, 2, 2, 2});
  b.integers("to_first", {4}, {0, 3, 1, 2});
  b.integers("to_last", {4}, {0, 2, 3, 1});
  std::string last = "x";
  for (int i = 0; i < 10000; ++i) {
    const std::string name = i == 9999 ? "y" : "n" + std::to_string(i);
    b.node("Transpose", name, {last, i % 2 == 0 ? "to_first" : "to_last"});
    last = name;
  }
  const Program program = must(compile(b.def()));
  EXPECT_TRUE(program.steps().empty());
  const Tensor x = f32(Shape{1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_TRUE(same_bits(run(program, x)[0], x));
}

TEST(ImportHostile, OneNodeOfManyInputs) {
  GraphDefBuilder b;
  b.placeholder("x", {1});
  b.integers("axis", {}, {0});
  std::vector<std::string> parts(20000, "x");
  parts.emplace_back("axis");
  b.node("ConcatV2", "y", parts);
  const Program program = must(compile(b.def()));
  EXPECT_EQ(run(program, f32(Shape{1}, {3}))[0].as<float>()[19999], 3.0F);
  std::vector<std::string> too_many(70000, "x");
  too_many.emplace_back("axis");
  GraphDefBuilder more;
  more.placeholder("x", {1});
  more.integers("axis", {}, {0});
  more.node("ConcatV2", "y", too_many);
  expect_error(more.def(), ErrorKind::kCorrupt, "has 70001 inputs");
}

// The windows of a pool are looked at in the image only, so that their size costs nothing.
TEST(ImportHostile, WindowsLargerThanTheImage) {
  GraphDefBuilder b;
  b.placeholder("x", {1, 3, 3, 1});
  b.node("MaxPool", "y", {"x"})
      .integers("ksize", {1, 2147483647, 2147483647, 1})
      .integers("strides", {1, 2147483647, 2147483647, 1})
      .text("padding", "SAME");
  const Program program = must(compile(b.def()));
  EXPECT_EQ(run(program, f32(Shape{1, 3, 3, 1}, {1, 2, 9, 4, 5, 6, 7, 8, 3}))[0].as<float>()[0],
            9.0F);
}

TEST(ImportHostile, BytesThatAreNoGraph) {
  const auto expect_corrupt = [](const std::string& bytes) {
    const auto def = parse_graph_def(as_bytes(bytes));
    ASSERT_FALSE(def.ok());
    EXPECT_EQ(def.error().kind, ErrorKind::kCorrupt);
  };
  expect_corrupt(std::string(1 << 20, '\x7b'));  // groups in groups, a million deep
  expect_corrupt(std::string(1 << 20, '\0'));
  expect_corrupt(std::string(1 << 20, '\xff'));                // a varint without end
  expect_corrupt("\x0a\xff\xff\xff\xff\x0f");                  // a node of 4 GiB
  expect_corrupt("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f");  // and one of 2^63 bytes
  expect_corrupt("\x0a\x05\x0a\x03\xff\xfe\xfd");              // a name that is not UTF-8
  const std::string empty_nodes(1 << 20, '\0');
  std::string many;
  for (int i = 0; i < 100000; ++i) many.append("\x0a\x00", 2);  // nodes without names
  const auto def = parse_graph_def(as_bytes(many));
  ASSERT_TRUE(def.ok());
  EXPECT_FALSE(summarize(*def).ok());
  EXPECT_FALSE(topological_order(*def).ok());
  EXPECT_FALSE(import_graph_def(*def, from_x_to_y()).ok());
}

}  // namespace
}  // namespace graft
