// Every op, on every backend that takes it, in every layout that it takes, against the reference.
#include "kernels/conformance.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <random>
#include <set>
#include <thread>

#include "kernels/highway/highway.h"

namespace graft {
namespace {

using Cases = std::vector<ConformanceCase>;

std::vector<Tensor> random_inputs(const ConformanceCase& test) {
  std::vector<Tensor> inputs;
  std::uint64_t seed = std::hash<std::string>{}("graft") + test.inputs.size();
  for (const TensorSpec& spec : test.inputs) inputs.push_back(random_tensor(spec, ++seed * 7919));
  return inputs;
}

// got: all values, expected and tolerance: one each for them.
void expect_near(std::span<const float> got, std::span<const float> expected,
                 std::span<const float> tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  std::size_t wrong = 0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    // Written so that NaN is wrong.
    if (std::fabs(got[i] - expected[i]) <= tolerance[i]) continue;
    if (++wrong == 1) worst = i;
  }
  if (wrong > 0) {
    ADD_FAILURE() << wrong << " of " << got.size() << " values differ; at " << worst << ": "
                  << got[worst] << ", expected " << expected[worst] << " within "
                  << tolerance[worst];
  }
}

// Under sanitizers, which slow the reference down twenty times, a choice that still goes through
// every branch of our code; values of all shapes are checked without them.
#ifdef GRAFT_CHECKS_FEWER_SHAPES
constexpr bool kFewerShapes = true;
#else
constexpr bool kFewerShapes = false;
#endif

// The best instructions that oneDNN may use; highway does not heed it.
std::string onednn_isa() {
  const char* const isa = std::getenv("ONEDNN_MAX_CPU_ISA");
  return isa == nullptr ? "" : isa;
}

// Where oneDNN is held down to what is the machine's best anyway, the run without has seen it all.
class SkipsRepetition final : public testing::Environment {
 public:
  void SetUp() override {
    if (onednn_isa() == "AVX2" && highway_backends().front()->numeric_mode().ends_with("avx2")) {
      GTEST_SKIP() << "AVX2 is this machine's best: checked without ONEDNN_MAX_CPU_ISA";
    }
  }
};
[[maybe_unused]] const testing::Environment* const added =
    testing::AddGlobalTestEnvironment(new SkipsRepetition);

// Those that a program may use and, of the highway backend, every instruction set. Where oneDNN is
// held down it alone is looked at: the run without has seen the others.
std::vector<const Backend*> tested_backends() {
  std::vector<const Backend*> backends;
  if (onednn_isa().empty()) backends = highway_backends();
  for (const Backend* backend : all_backends()) {
    // highway's best is among those already.
    if (backend != &reference_backend() && backend->name() != "highway")
      backends.push_back(backend);
  }
  return backends;
}

// Whether the backend may be expected to take it: highway takes depthwise and first convolutions
// only, and it alone the fused ones.
bool is_for(const Backend& backend, const ConformanceCase& test) {
  if (std::holds_alternative<SeparableConv2D>(test.op)) return backend.name() == "highway";
  if (backend.name() != "highway" || std::holds_alternative<DepthwiseConv2D>(test.op)) return true;
  if (!std::holds_alternative<Conv2D>(test.op)) return false;
  return test.inputs[1].shape[2] == 3;
}

// expected, tolerance: a value for each one of the result.
void check_backends(const ConformanceCase& test, const std::vector<Tensor>& inputs,
                    std::span<const float> expected, std::span<const float> tolerance) {
  bool taken = false;
  for (const Backend* backend : tested_backends()) {
    for (const Layout layout : {Layout::kDense, Layout::kBlocked8, Layout::kBlocked16}) {
      SCOPED_TRACE(backend->numeric_mode() + ", layout " +
                   std::to_string(static_cast<int>(layout)));
      const Evaluated got = evaluate(*backend, test, inputs, layout);
      if (!got.accepted) {
        EXPECT_FALSE(got.declined.empty());
        if (layout == Layout::kDense && test.must_be_fast && is_for(*backend, test)) {
          ADD_FAILURE() << "declined: " << got.declined;
        }
        continue;
      }
      taken = true;
      EXPECT_TRUE(got.padding_is_zero);
      expect_near(got.dense.as<float>(), expected, tolerance);
    }
  }
  EXPECT_TRUE(taken || !test.must_be_fast);
}

// The case as it is, or its first 1, 2 … photos: a photo's result is the same in every batch.
void check(const ConformanceCase& test, const std::vector<std::int64_t>& batches = {}) {
  SCOPED_TRACE(test.name);
  if (!onednn_isa().empty() && std::holds_alternative<SeparableConv2D>(test.op)) return;
  std::vector<Tensor> inputs = random_inputs(test);
  const Evaluated expected = evaluate(reference_backend(), test, inputs, Layout::kDense);
  ASSERT_TRUE(expected.accepted) << expected.declined;
  const std::vector<float> tolerance = tolerances(test, inputs);
  const std::span<const float> values = expected.dense.as<float>();
  if (batches.empty()) return check_backends(test, inputs, values, tolerance);
  const Tensor photos = std::move(inputs[0]);
  const std::size_t whole = static_cast<std::size_t>(photos.shape()[0]);
  for (const std::int64_t batch : batches) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    ConformanceCase part = test;
    Shape& shape = part.inputs[0].shape;
    shape = Shape{batch, shape[1], shape[2], shape[3]};
    inputs[0] = Tensor(part.inputs[0]);
    std::memcpy(inputs[0].view().data, photos.view().data, inputs[0].spec().bytes());
    const std::size_t count = values.size() / whole * static_cast<std::size_t>(batch);
    check_backends(part, inputs, values.first(count), std::span(tolerance).first(count));
  }
}

struct Geometry {
  std::int64_t batch, height, width, in, out;
  int kernel_h, kernel_w, stride, dilation;
  Padding padding;
};

template <typename Conv>
Conv conv_op(const Geometry& g, Activation activation) {
  Conv op;
  op.stride_h = op.stride_w = g.stride;
  op.dilation_h = op.dilation_w = g.dilation;
  op.padding = g.padding;
  op.activation = activation;
  return op;
}

Padding same(std::int64_t height, std::int64_t width, int kernel_h, int kernel_w, int stride,
             int dilation = 1) {
  const AxisPadding h = same_padding(height, kernel_h, stride, dilation);
  const AxisPadding w = same_padding(width, kernel_w, stride, dilation);
  return {h.before, h.after, w.before, w.after};
}

std::string text(const Geometry& g) {
  return std::to_string(g.batch) + "x" + std::to_string(g.height) + "x" + std::to_string(g.width) +
         "x" + std::to_string(g.in) + " to " + std::to_string(g.out) + ", kernel " +
         std::to_string(g.kernel_h) + "x" + std::to_string(g.kernel_w) + ", stride " +
         std::to_string(g.stride) + ", dilation " + std::to_string(g.dilation) + ", padding " +
         std::to_string(g.padding.top) + std::to_string(g.padding.bottom) +
         std::to_string(g.padding.left) + std::to_string(g.padding.right);
}

ConformanceCase conv_case(const Geometry& g, Activation activation, bool bias = true) {
  ConformanceCase test{"Conv2D " + text(g),
                       conv_op<Conv2D>(g, activation),
                       {f32_spec({g.batch, g.height, g.width, g.in}),
                        f32_spec({g.kernel_h, g.kernel_w, g.in, g.out}), f32_spec({g.out})},
                       {false, true, true}};
  if (!bias) {
    test.inputs.pop_back();
    test.constant.pop_back();
  }
  return test;
}

ConformanceCase depthwise_case(const Geometry& g, Activation activation,
                               std::int64_t multiplier = 1) {
  return {"DepthwiseConv2D " + text(g) + " multiplier " + std::to_string(multiplier),
          conv_op<DepthwiseConv2D>(g, activation),
          {f32_spec({g.batch, g.height, g.width, g.in}),
           f32_spec({g.kernel_h, g.kernel_w, g.in, multiplier}), f32_spec({g.in * multiplier})},
          {false, true, true}};
}

ConformanceCase scaled_depthwise_case(const Geometry& g, Activation activation,
                                      std::int64_t multiplier = 1) {
  ConformanceCase test = depthwise_case(g, activation, multiplier);
  test.name += " scaled";
  test.inputs.push_back(f32_spec({g.in * multiplier}));
  test.constant.push_back(true);
  return test;
}

// The convolution and a pointwise one behind it.
ConformanceCase separable_case(const ConformanceCase& depthwise, std::int64_t out,
                               Activation activation) {
  ConformanceCase test = depthwise;
  test.name = "Separable " + depthwise.name + " to " + std::to_string(out);
  test.op = SeparableConv2D{std::get<DepthwiseConv2D>(depthwise.op), activation};
  const std::int64_t between = depthwise.inputs[2].shape[0];
  test.inputs.push_back(f32_spec({1, 1, between, out}));
  test.inputs.push_back(f32_spec({out}));
  test.constant.insert(test.constant.end(), {true, true});
  return test;
}

// The layers of MobileNet V1 (Howard et al. 2017, table 1) at a width and an input size. `limit`
// caps the spatial size, so that all widths can be checked in little time.
Cases mobilenet(double width, std::int64_t size, std::int64_t limit, std::int64_t batch = 1) {
  const auto channels = [&](int full) {
    return std::max<std::int64_t>(8, static_cast<std::int64_t>(full * width));
  };
  struct Block {
    int out, stride;
  };
  constexpr Block kBlocks[] = {{64, 1},  {128, 2}, {128, 1},  {256, 2}, {256, 1},
                               {512, 2}, {512, 1}, {1024, 2}, {1024, 1}};
  Cases cases;
  const auto add = [&](ConformanceCase test) {
    test.must_be_fast = true;
    cases.push_back(std::move(test));
  };
  std::int64_t r = std::min(size, limit);
  add(conv_case({batch, r, r, 3, channels(32), 3, 3, 2, 1, same(r, r, 3, 3, 2)},
                Activation::kRelu6));
  std::int64_t at = size / 2;
  std::int64_t in = channels(32);
  for (const Block& block : kBlocks) {
    r = std::min(at, limit);
    const Geometry depthwise{
        batch, r, r, in, in, 3, 3, block.stride, 1, same(r, r, 3, 3, block.stride)};
    const std::int64_t out = channels(block.out);
    for (const ConformanceCase& test : {depthwise_case(depthwise, Activation::kRelu6),
                                        scaled_depthwise_case(depthwise, Activation::kRelu6)}) {
      add(test);
      add(separable_case(test, out, Activation::kRelu6));
    }
    at /= block.stride;
    r = std::min(at, limit);
    add(conv_case({batch, r, r, in, channels(block.out), 1, 1, 1, 1, {}}, Activation::kRelu6));
    in = channels(block.out);
  }
  Pool pool;
  pool.kind = Pool::Kind::kAverage;
  pool.kernel_h = pool.kernel_w = static_cast<int>(std::min(at, limit));
  pool.stride_h = pool.stride_w = 2;
  const Shape last{batch, pool.kernel_h, pool.kernel_w, in};
  add({"AvgPool " + last.to_string(), pool, {f32_spec(last)}, {false}});
  add(conv_case({batch, 1, 1, in, 1001, 1, 1, 1, 1, {}}, Activation::kNone));
  return cases;
}

constexpr std::array kWidths = {0.25, 0.5, 0.75, 1.0};

TEST(Conformance, EveryMobileNetLayerAtEveryWidth) {
  for (const double width : kWidths) {
    SCOPED_TRACE(width);
    for (const ConformanceCase& test : mobilenet(width, 224, kFewerShapes ? 3 : 7)) check(test);
  }
}

TEST(Conformance, AllSixteenMobileNetsInBatches) {
  std::set<std::string> seen;  // sizes share most layers once they are cut to ten pixels
  for (const double width : kWidths) {
    for (const std::int64_t size : {128, 160, 192, 224}) {
      SCOPED_TRACE(width);
      if (kFewerShapes && (width > 0.25 || size > 128)) continue;
      for (const ConformanceCase& test : mobilenet(width, size, 10, kFewerShapes ? 3 : 5)) {
        if (!seen.insert(test.name).second) continue;
        check(test, kFewerShapes ? std::vector<std::int64_t>{1, 3}
                                 : std::vector<std::int64_t>{1, 2, 3, 5});
      }
    }
  }
}

TEST(Conformance, MobileNetAtItsRealSizes) {
  for (const ConformanceCase& test : mobilenet(0.25, 128, 128)) check(test);
  if (kFewerShapes) return;
  for (const ConformanceCase& test : mobilenet(0.5, 224, 224)) check(test);
}

TEST(Conformance, ConvolutionsOfOddShapes) {
  const std::vector<Geometry> geometries = {
      {1, 5, 7, 3, 5, 3, 3, 1, 1, {1, 1, 1, 1}},    {3, 9, 4, 1, 1, 3, 3, 2, 1, {0, 1, 1, 0}},
      {1, 11, 13, 7, 17, 5, 3, 3, 1, {2, 1, 0, 2}}, {3, 6, 6, 16, 32, 1, 1, 2, 1, {}},
      {1, 12, 12, 8, 24, 3, 3, 1, 2, {2, 2, 2, 2}}, {3, 14, 9, 33, 31, 3, 2, 2, 3, {3, 0, 1, 2}},
      {1, 8, 8, 64, 48, 1, 7, 1, 1, {0, 0, 3, 3}},  {1, 17, 17, 16, 16, 7, 1, 1, 1, {3, 3, 0, 0}},
      {1, 1, 1, 1001, 3, 1, 1, 1, 1, {}},           {3, 7, 7, 20, 10, 7, 7, 1, 1, {}},
      {1, 15, 15, 3, 32, 3, 3, 2, 1, {}},           {2, 10, 10, 48, 64, 5, 5, 1, 1, {2, 2, 2, 2}},
      {1, 20, 23, 3, 13, 7, 7, 2, 1, {3, 3, 3, 3}}, {5, 7, 7, 19, 40, 1, 1, 1, 1, {}},
      {2, 4, 3, 9, 21, 1, 1, 2, 1, {1, 2, 2, 1}},   {1, 1, 1, 37, 150, 1, 1, 1, 1, {}},
      {2, 21, 19, 3, 9, 2, 3, 4, 1, {1, 0, 0, 2}},  {1, 3, 4, 3, 5, 2, 2, 3, 1, {4, 3, 4, 5}},
  };
  for (const Geometry& g : geometries) {
    for (const Activation activation : {Activation::kNone, Activation::kRelu, Activation::kRelu6}) {
      check(conv_case(g, activation));
      check(conv_case(g, activation, false));
    }
  }
}

TEST(Conformance, DepthwiseOfOddShapes) {
  const std::vector<Geometry> geometries = {
      {1, 5, 7, 3, 3, 3, 3, 1, 1, {1, 1, 1, 1}},     {3, 9, 4, 1, 1, 3, 3, 2, 1, {0, 1, 1, 0}},
      {1, 11, 13, 17, 17, 5, 3, 3, 1, {2, 1, 0, 2}}, {3, 6, 6, 40, 40, 1, 1, 2, 1, {}},
      {1, 12, 12, 24, 24, 3, 3, 1, 2, {2, 2, 2, 2}}, {2, 14, 9, 33, 33, 3, 2, 2, 3, {3, 0, 1, 2}},
  };
  for (const Geometry& g : geometries) {
    for (const std::int64_t multiplier : {1, 2, 3}) {
      check(depthwise_case(g, Activation::kRelu6, multiplier));
      check(depthwise_case(g, Activation::kNone, multiplier));
      check(scaled_depthwise_case(g, Activation::kRelu, multiplier));
      check(scaled_depthwise_case(g, Activation::kNone, multiplier));
    }
  }
}

// Every border of a window, odd counts of pixels and channels, strips of unequal height.
TEST(Conformance, SeparableOfOddShapes) {
  const std::vector<Geometry> geometries = {
      {1, 1, 1, 5, 7, 3, 3, 1, 1, {1, 1, 1, 1}},    {2, 2, 3, 8, 9, 3, 3, 2, 1, {0, 1, 0, 1}},
      {3, 9, 4, 1, 1, 3, 3, 2, 1, {0, 1, 1, 0}},    {1, 11, 13, 17, 40, 3, 3, 1, 1, {2, 2, 2, 2}},
      {5, 6, 6, 33, 31, 3, 3, 2, 1, {1, 1, 1, 1}},  {1, 3, 3, 20, 100, 3, 3, 1, 1, {}},
      {1, 4, 50, 3, 15, 3, 3, 1, 1, {3, 0, 0, 4}},  {2, 23, 17, 12, 24, 3, 3, 1, 1, {1, 1, 1, 1}},
      {1, 5, 130, 16, 33, 3, 3, 2, 1, {1, 0, 1, 1}}};
  for (const Geometry& g : geometries) {
    for (const Activation last : {Activation::kNone, Activation::kRelu, Activation::kRelu6}) {
      check(separable_case(depthwise_case(g, Activation::kRelu6), g.out, last));
      check(separable_case(scaled_depthwise_case(g, Activation::kNone), g.out, last));
    }
  }
  const Geometry doubled{1, 6, 7, 4, 8, 3, 3, 1, 1, {1, 1, 1, 1}};
  check(separable_case(depthwise_case(doubled, Activation::kRelu, 2), 6, Activation::kNone));
}

TEST(Conformance, DepthwiseToOnePixel) {
  for (const std::int64_t channels : {1, 15, 16, 17, 32, 48, 100}) {
    for (const std::int64_t batch : {1, 2}) {
      const Geometry whole{batch, 3, 3, channels, channels, 3, 3, 1, 1, {}};
      const Geometry strided{batch, 2, 2, channels, channels, 3, 3, 2, 1, same(2, 2, 3, 3, 2)};
      for (const Geometry& g : {whole, strided}) {
        for (const std::int64_t multiplier : {1, 2}) {
          check(depthwise_case(g, Activation::kRelu6, multiplier));
          check(scaled_depthwise_case(g, Activation::kNone, multiplier));
        }
      }
    }
  }
}

TEST(Conformance, Pools) {
  struct PoolShape {
    Shape x;
    int kernel_h, kernel_w, stride;
    Padding padding;
  };
  const std::vector<PoolShape> shapes = {
      {{1, 7, 7, 512}, 7, 7, 2, {}},
      {{3, 5, 8, 3}, 3, 3, 1, {1, 1, 1, 1}},
      {{1, 9, 9, 17}, 3, 3, 2, {0, 1, 0, 1}},
      {{2, 6, 7, 32}, 2, 3, 2, {1, 0, 0, 2}},
      {{1, 35, 35, 192}, 3, 3, 1, {1, 1, 1, 1}},
      {{1, 4, 4, 8}, 4, 4, 1, {}},
  };
  for (const PoolShape& s : shapes) {
    for (const Pool::Kind kind : {Pool::Kind::kMax, Pool::Kind::kAverage}) {
      const Pool op{kind, s.kernel_h, s.kernel_w, s.stride, s.stride, s.padding};
      check({"Pool " + s.x.to_string(), op, {f32_spec(s.x)}, {false}, true});
    }
  }
  for (const bool keep_dims : {false, true}) {
    check({"Mean", Mean{{1, 2}, keep_dims}, {f32_spec({3, 7, 5, 24})}, {false}, true});
    check({"Mean of channels", Mean{{3}, keep_dims}, {f32_spec({3, 7, 5, 24})}, {false}});
  }
}

TEST(Conformance, MatrixProducts) {
  struct Product {
    std::int64_t rows, depth, columns;
  };
  const std::vector<Product> products = {{1, 1001, 5}, {100, 1001, 5},  {3, 7, 11},
                                         {17, 33, 65}, {1, 1024, 1001}, {5, 1, 1}};
  for (const Product& p : products) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        for (const bool known : {false, true}) {
          for (const Activation activation : {Activation::kNone, Activation::kRelu6}) {
            ConformanceCase test{
                "MatMul " + std::to_string(p.rows) + "x" + std::to_string(p.depth) + "x" +
                    std::to_string(p.columns),
                MatMul{transpose_a, transpose_b, activation},
                {f32_spec(transpose_a ? Shape{p.depth, p.rows} : Shape{p.rows, p.depth}),
                 f32_spec(transpose_b ? Shape{p.columns, p.depth} : Shape{p.depth, p.columns}),
                 f32_spec({p.columns})},
                {false, known, known},
                true};
            check(test);
            test.inputs.pop_back();
            test.constant.pop_back();
            check(test);
          }
        }
      }
    }
  }
}

TEST(Conformance, ElementByElement) {
  using Kind = Binary::Kind;
  const std::vector<std::pair<Shape, Shape>> pairs = {{{1, 5, 7, 16}, {1, 5, 7, 16}},
                                                      {{3, 5, 7, 19}, {19}},
                                                      {{2, 3, 4, 8}, {3, 4, 8}},
                                                      {{2, 3, 4, 8}, {}},
                                                      {{8}, {2, 3, 4, 8}},
                                                      {{4, 1, 6}, {1, 5, 1}},
                                                      {{10, 1001}, {1001}},
                                                      {{10, 1001}, {10, 1001}},
                                                      {{1, 1, 1, 1}, {2, 3, 4, 5}}};
  for (const auto& [a, b] : pairs) {
    for (const Kind kind :
         {Kind::kAdd, Kind::kSub, Kind::kMul, Kind::kDiv, Kind::kMaximum, Kind::kMinimum}) {
      check(
          {"Binary " + std::to_string(static_cast<int>(kind)) + " " + a.to_string() + b.to_string(),
           Binary{kind},
           {f32_spec(a), f32_spec(b)},
           {false, false}});
    }
  }
  for (const Shape& shape : {Shape{3, 5, 7, 19}, Shape{1, 4, 4, 32}, Shape{13}, Shape{}}) {
    check({"Relu", Unary{Unary::Kind::kRelu}, {f32_spec(shape)}, {false}, true});
    check({"Relu6", Unary{Unary::Kind::kRelu6}, {f32_spec(shape)}, {false}, true});
  }
}

TEST(Conformance, Movement) {
  for (const int axis : {0, 1, 2, 3}) {
    Shape second[] = {{5, 3, 4, 16}, {2, 5, 4, 16}, {2, 3, 5, 16}, {2, 3, 4, 32}};
    check({"Concat " + std::to_string(axis),
           Concat{axis},
           {f32_spec({2, 3, 4, 16}), f32_spec(second[axis]), f32_spec({2, 3, 4, 16})},
           {false, false, false},
           true});
  }
  check({"Concat of odd channels",
         Concat{3},
         {f32_spec({2, 3, 4, 7}), f32_spec({2, 3, 4, 5})},
         {false, false}});
  for (const std::size_t count : {100, 1024, 1025, 20000}) {
    check({"Concat of " + std::to_string(count), Concat{1}, std::vector(count, f32_spec({2, 3})),
           std::vector<bool>(count, false)});
  }
  for (const Layout to : {Layout::kDense, Layout::kBlocked8, Layout::kBlocked16}) {
    for (const std::int64_t channels : {1, 8, 16, 19, 48}) {
      check({"Reorder " + std::to_string(channels),
             Reorder{to},
             {f32_spec({2, 5, 3, channels})},
             {false},
             true});
    }
  }
}

// Shapes that nobody thought of: drawn from a seed, small, with every parameter in play.
TEST(Conformance, RandomShapes) {
  const char* const asked = std::getenv("GRAFT_RANDOM_CASES");  // more of them, by hand
  const int count = asked == nullptr ? 150 : std::atoi(asked);
  std::mt19937 generator(2017);  // the generator's sequence is fixed by the standard
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(generator() % static_cast<unsigned>(most - least + 1));
  };
  int cases = 0;
  while (cases < count) {
    const Activation activation = static_cast<Activation>(draw(0, 2));
    Geometry g{draw(1, 3), draw(1, 20), draw(1, 20), draw(1, 40), draw(1, 40),
               draw(1, 5), draw(1, 5),  draw(1, 4),  draw(1, 3),  {}};
    g.padding = {draw(0, 4), draw(0, 4), draw(0, 4), draw(0, 4)};
    ConformanceCase test = conv_case(g, activation, draw(0, 1) == 1);
    const int kind = draw(0, 2);
    if (kind == 1) test = depthwise_case(g, activation, draw(1, 4) == 4 ? 2 : 1);
    if (kind == 2) {
      const Pool::Kind pool = draw(0, 1) == 1 ? Pool::Kind::kMax : Pool::Kind::kAverage;
      test = {"Pool " + text(g),
              Pool{pool, g.kernel_h, g.kernel_w, g.stride, g.stride, g.padding},
              {f32_spec({g.batch, g.height, g.width, g.in})},
              {false}};
    }
    if (!infer_output(test.op, test.inputs).ok()) continue;
    ++cases;
    check(test);
    if (HasFailure()) break;
  }
}

// What the outside relies on beyond values.
TEST(Backends, AreOrderedAndNamed) {
  ASSERT_GE(all_backends().size(), 2U);
  EXPECT_EQ(all_backends().back(), &reference_backend());
  std::set<std::string> modes;
  for (const Backend* backend : all_backends()) {
    const auto found = backend_named(backend->name());
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, backend);
    EXPECT_TRUE(modes.insert(backend->numeric_mode()).second);
  }
  const auto missing = backend_named("abacus");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kInvalidArgument);
  for (const Backend* backend : all_backends()) {
    EXPECT_NE(missing.error().message.find(backend->name()), std::string::npos);
  }
}

// A photo's result does not depend on the photos beside it.
TEST(Backends, HighwayGivesTheSameBitsInEveryBatch) {
  const ConformanceCase single = separable_case(
      scaled_depthwise_case({1, 13, 11, 24, 24, 3, 3, 1, 1, {1, 1, 1, 1}}, Activation::kRelu6), 40,
      Activation::kRelu6);
  ConformanceCase batch = single;
  batch.inputs[0].shape = Shape{5, 13, 11, 24};
  const std::vector<Tensor> all = random_inputs(batch);
  for (const Backend* backend : highway_backends()) {
    SCOPED_TRACE(backend->numeric_mode());
    const Evaluated together = evaluate(*backend, batch, all, Layout::kDense);
    ASSERT_TRUE(together.accepted);
    std::vector<Tensor> inputs;
    for (const Tensor& input : all) inputs.push_back(input.clone());
    for (std::size_t photo = 0; photo < 5; ++photo) {
      inputs[0] = Tensor(single.inputs[0]);
      std::memcpy(inputs[0].view().data, all[0].view().data + photo * inputs[0].spec().bytes(),
                  inputs[0].spec().bytes());
      const Evaluated alone = evaluate(*backend, single, inputs, Layout::kDense);
      const std::size_t bytes = alone.dense.spec().bytes();
      EXPECT_EQ(
          std::memcmp(alone.dense.view().data, together.dense.view().data + photo * bytes, bytes),
          0);
    }
  }
}

// What a network's first depthwise layers give is the exact sum, rounded once: a unit in the last
// place at most from the reference, which sums in float64, too. In float32, sums that cancel are
// many off.
TEST(Backends, HighwayRoundsLargeDepthwiseResultsOnce) {
  const ConformanceCase cases[] = {
      scaled_depthwise_case({1, 64, 66, 21, 21, 3, 3, 1, 1, {1, 1, 1, 1}}, Activation::kNone),
      scaled_depthwise_case({1, 128, 127, 5, 5, 3, 3, 2, 1, {0, 1, 1, 1}}, Activation::kNone)};
  for (const ConformanceCase& test : cases) {
    SCOPED_TRACE(test.name);
    const std::vector<Tensor> inputs = random_inputs(test);
    const Evaluated expected = evaluate(reference_backend(), test, inputs, Layout::kDense);
    for (const Backend* backend : highway_backends()) {
      SCOPED_TRACE(backend->numeric_mode());
      const Evaluated got = evaluate(*backend, test, inputs, Layout::kDense);
      ASSERT_TRUE(got.accepted) << got.declined;
      const auto a = got.dense.as<float>();
      const auto b = expected.dense.as<float>();
      for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_LE(std::fabs(a[i] - b[i]), std::ldexp(std::fabs(b[i]), -23)) << i;
      }
    }
  }
}

// One kernel, many threads, each with its own scratch: the same bits as alone.
TEST(Backends, RunFromManyThreadsAtOnce) {
  const ConformanceCase test =
      conv_case({1, 57, 57, 3, 16, 3, 3, 2, 1, {0, 1, 0, 1}}, Activation::kRelu6);
  const std::vector<Tensor> inputs = random_inputs(test);
  OpSpec spec{test.op, test.inputs, *infer_output(test.op, test.inputs)};
  std::vector<TensorView> constants;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    constants.push_back({inputs[i].spec(), test.constant[i] ? inputs[i].view().data : nullptr});
  }
  for (const Backend* backend : all_backends()) {
    SCOPED_TRACE(backend->name());
    auto prepared = backend->prepare(spec, constants);
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Kernel>>(prepared));
    const Kernel& kernel = *std::get<0>(prepared);
    const std::vector<TensorView> in = {
        inputs[0].view(), {spec.inputs[1], nullptr}, {spec.inputs[2], nullptr}};
    const auto once = [&](Tensor& out) {
      AlignedBuffer scratch(kernel.scratch_bytes());
      kernel.run(in, out.view(), {scratch.data(), scratch.size()});
    };
    TensorSpec out_spec = spec.output;
    out_spec.layout = kernel.output_layout();
    Tensor alone(out_spec);
    once(alone);
    std::vector<Tensor> outs;
    outs.reserve(8);
    for (int i = 0; i < 8; ++i) outs.emplace_back(out_spec);
    std::vector<std::thread> threads;
    threads.reserve(outs.size());
    for (Tensor& out : outs) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) once(out);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Tensor& out : outs) {
      EXPECT_EQ(std::memcmp(out.view().data, alone.view().data, out_spec.bytes()), 0);
    }
  }
}

// A refusal hands the op to the next backend, whose bits numeric_mode() does not speak of.
TEST(Backends, WantOfMemoryIsNoRefusal) {
  if (kFewerShapes) GTEST_SKIP() << "the sanitizer itself takes terabytes of addresses";
  const std::vector<TensorSpec> inputs = {f32_spec({1, 8}), f32_spec({8, 4})};
  const std::vector<TensorView> unknown = {{inputs[0], nullptr}, {inputs[1], nullptr}};
  const OpSpec spec{MatMul{}, inputs, f32_spec({1, 4})};
  const Backend& onednn = **backend_named("onednn");
  ASSERT_FALSE(std::holds_alternative<Refusal>(onednn.prepare(spec, unknown)));

  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  struct rlimit tight = before;
  tight.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (1 << 20);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0);
  EXPECT_THROW((void)onednn.prepare(spec, unknown), std::bad_alloc);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
}

TEST(Backends, DeclineWhatCannotBe) {
  const std::vector<TensorSpec> inputs = {f32_spec({1, 4, 4, 3}), f32_spec({3, 3, 3, 8})};
  const std::vector<TensorView> unknown = {{inputs[0], nullptr}, {inputs[1], nullptr}};
  const Op op = Conv2D{};
  for (const Backend* backend : all_backends()) {
    SCOPED_TRACE(backend->name());
    const OpSpec wrong_output{op, inputs, f32_spec({1, 4, 4, 8})};
    EXPECT_TRUE(std::holds_alternative<Refusal>(backend->prepare(wrong_output, unknown)));
    const OpSpec missing_input{op, {inputs[0]}, f32_spec({1, 2, 2, 8})};
    EXPECT_TRUE(std::holds_alternative<Refusal>(backend->prepare(missing_input, unknown)));
    const OpSpec right{op, inputs, f32_spec({1, 2, 2, 8})};
    EXPECT_TRUE(std::holds_alternative<Refusal>(backend->prepare(right, {})));
  }
}

}  // namespace
}  // namespace graft
