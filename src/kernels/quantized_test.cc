// Convolutions of whole numbers: the reference against sums worked out by hand, and every backend
// against the reference, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <set>

#include "kernels/conformance.h"
#include "kernels/highway/highway.h"

namespace graft {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<T>& values) {
  Tensor tensor(dtype, shape);
  std::ranges::copy(values, tensor.as<T>().begin());
  return tensor;
}
Tensor bytes_of(const Shape& shape, const std::vector<std::uint8_t>& values) {
  return tensor_of(DType::kU8, shape, values);
}
Tensor weights_of(const Shape& shape, const std::vector<std::int8_t>& values) {
  return tensor_of(DType::kI8, shape, values);
}
Tensor floats_of(const std::vector<float>& values) {
  return tensor_of(DType::kF32, Shape{static_cast<std::int64_t>(values.size())}, values);
}

ConformanceCase case_of(const std::string& name, Op op, const std::vector<Tensor>& inputs) {
  ConformanceCase test{name, std::move(op), {}, {}};
  for (const Tensor& input : inputs) {
    test.constant.push_back(!test.inputs.empty());
    test.inputs.push_back(input.spec());
  }
  return test;
}

template <typename T>
std::vector<T> run_reference(const Op& op, const std::vector<Tensor>& inputs) {
  const Evaluated result =
      evaluate(reference_backend(), case_of("reference", op, inputs), inputs, Layout::kDense);
  EXPECT_TRUE(result.accepted) << result.declined;
  const auto values = result.dense.as<T>();
  return {values.begin(), values.end()};
}

using Bytes8 = std::vector<std::uint8_t>;

TEST(Quantized, NumbersAreRoundedToTheNearestEven) {
  std::vector<Tensor> inputs;
  inputs.push_back(tensor_of<float>(
      DType::kF32, {6, 2},
      {0.5F, 1, 1.5F, 127.6F, 2.5F, 127.4F, -3, 300, kNaN, kInfinity, -kInfinity, 0.49F}));
  inputs.push_back(floats_of({1, 2}));
  EXPECT_EQ(run_reference<std::uint8_t>(Quantize{}, inputs),
            Bytes8({0, 2, 2, 255, 2, 255, 0, 255, 0, 255, 0, 1}));
}

// 1 * 2 + 2 * -3 = -4 and 200 * 2 + 3 * -3 = 391; 1 * 64 + 2 * 64 = 192, 200 * 64 + 3 * 64 = 12992.
TEST(Quantized, ConvolutionIsSumPlusBiasTimesScale) {
  std::vector<Tensor> inputs;
  inputs.push_back(bytes_of({1, 1, 2, 2}, {1, 2, 200, 3}));
  inputs.push_back(weights_of({1, 1, 2, 2}, {2, 64, -3, 64}));
  inputs.push_back(floats_of({14, -2}));
  inputs.push_back(floats_of({0.25F, 0.5F}));
  QuantizedConv2D op;
  // (-4 + 14) / 4 = 2.5, (391 + 14) / 4 = 101.25; (192 - 2) / 2 = 95, beyond 255.
  EXPECT_EQ(run_reference<std::uint8_t>(op, inputs), Bytes8({2, 95, 101, 255}));
  op.to_f32 = true;
  EXPECT_EQ(run_reference<float>(op, inputs), std::vector<float>({2.5F, 95, 101.25F, 6495}));
  op.activation = Activation::kRelu6;
  EXPECT_EQ(run_reference<float>(op, inputs), std::vector<float>({2.5F, 6, 6, 6}));
}

// A 3x3 depthwise convolution of a 2x2 photo with one element of padding all around: each result
// sums the taps that lie inside.
TEST(Quantized, DepthwiseConvolutionPadsWithZeros) {
  std::vector<Tensor> inputs;
  inputs.push_back(bytes_of({1, 2, 2, 2}, {1, 10, 2, 20, 3, 30, 4, 40}));
  inputs.push_back(
      weights_of({3, 3, 2, 1}, {1, 0, 2, 0, 3, 0, 4, 0, 5, -1, 6, 0, 7, 0, 8, 0, 9, 0}));
  inputs.push_back(floats_of({0, 50}));
  inputs.push_back(floats_of({1, 1}));
  QuantizedDepthwiseConv2D op;
  op.padding = {1, 1, 1, 1};
  EXPECT_EQ(run_reference<std::uint8_t>(op, inputs),
            Bytes8({1 * 5 + 2 * 6 + 3 * 8 + 4 * 9, 40, 1 * 4 + 2 * 5 + 3 * 7 + 4 * 8, 30,
                    1 * 2 + 2 * 3 + 3 * 5 + 4 * 6, 20, 1 * 1 + 2 * 2 + 3 * 4 + 4 * 5, 10}));
}

TEST(Quantized, RefusesWhatItCannotSum) {
  const TensorSpec x{DType::kU8, {1, 4, 4, 8}};
  const TensorSpec filter{DType::kI8, {3, 3, 8, 16}};
  const TensorSpec channels = f32_spec({16});
  const auto infer = [&](const std::vector<TensorSpec>& inputs) {
    return infer_output(QuantizedConv2D{}, inputs);
  };
  ASSERT_TRUE(infer({x, filter, channels, channels}).ok());
  EXPECT_EQ(infer({x, filter, channels, channels})->dtype, DType::kU8);
  EXPECT_FALSE(infer({x, filter, channels}).ok());
  EXPECT_FALSE(infer({f32_spec(x.shape), filter, channels, channels}).ok());
  EXPECT_FALSE(infer({x, f32_spec(filter.shape), channels, channels}).ok());
  EXPECT_FALSE(infer({x, filter, f32_spec({8}), channels}).ok());
  EXPECT_FALSE(infer({x, {DType::kI8, {3, 3, 4, 16}}, channels, channels}).ok());
  const TensorSpec deep{DType::kU8, {1, 2, 2, 1 << 17}};
  EXPECT_FALSE(infer({deep, {DType::kI8, {1, 1, 1 << 17, 16}}, channels, channels}).ok());
  EXPECT_FALSE(infer_output(Quantize{}, std::array{f32_spec({2, 8}), channels}).ok());
}

// ---- every backend against the reference ----

// kExtreme: all of x 255, and weights as large as a machine without VNNI can add up.
enum class Weights : std::uint8_t { kRandom, kExtreme };

// Within what QuantizedConv2D promises for every machine, or within a byte for a depthwise one.
void fill_weights(Tensor& filter, bool depthwise, Weights weights, std::mt19937& generator) {
  std::uniform_int_distribution<int> weight(-127, 127);
  const auto outputs = static_cast<std::size_t>(filter.shape()[3]);
  const auto inputs = static_cast<std::size_t>(filter.shape()[2]);
  const auto numbers = filter.as<std::int8_t>();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    int any = weight(generator);
    if (weights == Weights::kExtreme && depthwise) any = any < 0 ? -128 : 127;
    if (!depthwise && i / outputs % inputs % 2 == 1) {
      const std::int8_t before = numbers[i - outputs];
      const int left = kMostPairSum - std::abs(int{before});
      if ((any > 0) == (before > 0)) any = std::clamp(any, -left, left);
      if (weights == Weights::kExtreme) any = before < 0 ? -left : std::min(left, 127);
    }
    numbers[i] = static_cast<std::int8_t>(any);
  }
}

// Inputs of a quantized convolution whose results fill the range of u8 and leave it at both ends.
std::vector<Tensor> make_inputs(const Shape& x, const Shape& filter, bool depthwise,
                                Weights weights) {
  const std::int64_t channels = depthwise ? filter[2] * filter[3] : filter[3];
  const std::int64_t taps = filter[0] * filter[1] * (depthwise ? 1 : filter[2]);
  std::mt19937 generator(static_cast<unsigned>(taps * 31 + channels));
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_real_distribution<float> unit(-1, 1);
  std::vector<Tensor> inputs;
  inputs.emplace_back(DType::kU8, x);
  for (std::uint8_t& value : inputs.back().as<std::uint8_t>()) {
    value = weights == Weights::kExtreme ? 255 : static_cast<std::uint8_t>(byte(generator));
  }
  inputs.emplace_back(DType::kI8, filter);
  fill_weights(inputs.back(), depthwise, weights, generator);
  const float spread = 255 * 70 * std::sqrt(static_cast<float>(taps));  // about that of the sums
  inputs.emplace_back(DType::kF32, Shape{channels});
  for (float& value : inputs.back().as<float>()) value = spread * unit(generator);
  inputs.emplace_back(DType::kF32, Shape{channels});
  for (float& value : inputs.back().as<float>()) value = 150 / spread * unit(generator);
  return inputs;
}

std::vector<const Backend*> fast_backends() {
  std::vector<const Backend*> backends = highway_backends();
  for (const Backend* backend : all_backends()) {
    if (backend->name() == "onednn") backends.push_back(backend);
  }
  return backends;
}

void expect_same_bits(const ConformanceCase& test, const std::vector<Tensor>& inputs) {
  SCOPED_TRACE(test.name);
  const Evaluated expected = evaluate(reference_backend(), test, inputs, Layout::kDense);
  ASSERT_TRUE(expected.accepted) << expected.declined;
  std::string declined;
  bool taken = false;
  for (const Backend* backend : fast_backends()) {
    const Evaluated got = evaluate(*backend, test, inputs, Layout::kDense);
    if (!got.accepted) {
      declined += got.declined + "; ";
      continue;
    }
    taken = true;
    const std::size_t bytes = expected.dense.spec().bytes();
    EXPECT_EQ(std::memcmp(got.dense.view().data, expected.dense.view().data, bytes), 0)
        << backend->numeric_mode();
  }
  EXPECT_TRUE(taken || !test.must_be_fast) << declined;
}

template <typename Conv>
void check_layer(Conv op, const Shape& x, const Shape& filter, bool must_be_fast = true) {
  constexpr bool kDepthwise = std::is_same_v<Conv, QuantizedDepthwiseConv2D>;
  for (const Weights weights : {Weights::kRandom, Weights::kExtreme}) {
    const std::vector<Tensor> inputs = make_inputs(x, filter, kDepthwise, weights);
    for (const bool to_f32 : {false, true}) {
      op.to_f32 = to_f32;
      op.activation = to_f32 ? Activation::kRelu6 : Activation::kNone;
      ConformanceCase test = case_of("", op, inputs);
      test.name = std::string(name_of(test.op)) + " " + x.to_string() + " " + filter.to_string() +
                  " stride " + std::to_string(op.stride_h) + (to_f32 ? " to f32" : "") +
                  (weights == Weights::kExtreme ? " extreme" : "");
      test.must_be_fast = must_be_fast;
      expect_same_bits(test, inputs);
    }
  }
}

QuantizedDepthwiseConv2D depthwise_same(std::int64_t side, int stride) {
  const AxisPadding pad = same_padding(side, 3, stride);
  return {stride, stride, 1, 1, {pad.before, pad.after, pad.before, pad.after}};
}

// The layers of MobileNet V1 (Howard et al. 2017, table 1) behind the first, each shape once, cut
// to `limit` pixels a side.
void check_mobilenet(double width, std::int64_t size, std::int64_t limit, std::int64_t batch,
                     std::set<std::string>& seen) {
  constexpr struct {
    int out, stride;
  } kBlocks[] = {{64, 1},  {128, 2}, {128, 1},  {256, 2}, {256, 1},
                 {512, 2}, {512, 1}, {1024, 2}, {1024, 1}};
  const auto channels = [&](int full) { return static_cast<std::int64_t>(full * width); };
  std::int64_t at = size / 2;
  std::int64_t in = channels(32);
  for (const auto& block : kBlocks) {
    const std::int64_t side = std::min(at, limit);
    const std::int64_t out = channels(block.out);
    const Shape x{batch, side, side, in};
    if (seen.insert(x.to_string() + std::to_string(block.stride)).second) {
      check_layer(depthwise_same(side, block.stride), x, {3, 3, in, 1});
    }
    at /= block.stride;
    const std::int64_t after = std::min(at, limit);
    const Shape between{batch, after, after, in};
    if (seen.insert(between.to_string() + ">" + std::to_string(out)).second) {
      check_layer(QuantizedConv2D{}, between, {1, 1, in, out});
    }
    in = out;
  }
}

#ifdef GRAFT_CHECKS_FEWER_SHAPES
constexpr bool kFewShapes = true;
#else
constexpr bool kFewShapes = false;
#endif

TEST(ConformanceQuantized, AllMobileNetsInBatches) {
  std::set<std::string> seen;
  for (const double width : {0.25, 0.5, 0.75, 1.0}) {
    for (const std::int64_t size : {128, 160, 192, 224}) {
      if (kFewShapes && (width > 0.25 || size > 128)) continue;
      for (const std::int64_t batch : {1, 3}) check_mobilenet(width, size, 9, batch, seen);
    }
  }
}

TEST(ConformanceQuantized, MobileNetAtItsRealSizes) {
  std::set<std::string> seen;
  check_mobilenet(0.25, 128, 128, 1, seen);
  if (!kFewShapes) check_mobilenet(0.5, 224, 224, 1, seen);
}

TEST(ConformanceQuantized, OddShapes) {
  check_layer(QuantizedConv2D{1, 1, 1, 1, {1, 1, 1, 1}}, {2, 7, 5, 13}, {3, 3, 13, 19}, false);
  check_layer(QuantizedConv2D{2, 2, 1, 1, {0, 1, 0, 1}}, {1, 8, 9, 16}, {3, 3, 16, 32}, false);
  check_layer(QuantizedConv2D{1, 1, 1, 1, {0, 0, 3, 3}}, {1, 6, 9, 32}, {1, 7, 32, 24}, false);
  check_layer(QuantizedConv2D{1, 1, 2, 2, {2, 2, 2, 2}}, {1, 9, 9, 8}, {3, 3, 8, 8}, false);
  check_layer(QuantizedConv2D{}, {1, 3, 3, 1024}, {1, 1, 1024, 7}, false);
  check_layer(QuantizedDepthwiseConv2D{1, 1, 1, 1, {2, 2, 2, 2}}, {1, 6, 7, 5}, {5, 5, 5, 1},
              false);
  check_layer(QuantizedDepthwiseConv2D{1, 1, 1, 1, {1, 1, 1, 1}}, {1, 6, 6, 8}, {3, 3, 8, 2},
              false);
  check_layer(depthwise_same(1, 1), {1, 1, 1, 24}, {3, 3, 24, 1}, false);
}

// 2 * 255 * 127 does not fit 16 bits: what is summed there is refused, or right all the same.
TEST(ConformanceQuantized, LargePairsAreRightOrRefused) {
  std::vector<Tensor> inputs = make_inputs({1, 4, 4, 64}, {1, 1, 64, 32}, false, Weights::kExtreme);
  for (std::int8_t& weight : inputs[1].as<std::int8_t>()) weight = 127;
  QuantizedConv2D op;
  op.to_f32 = true;
  expect_same_bits(case_of("large pairs", op, inputs), inputs);
}

TEST(ConformanceQuantized, NumbersOfEveryWidth) {
  for (const std::int64_t channels : {1, 3, 8, 16, 24, 33, 64, 100}) {
    std::vector<Tensor> inputs;
    inputs.push_back(random_tensor(f32_spec({2, 3, 5, channels}), 5));
    auto x = inputs.back().as<float>();
    // Ties, both ends and what is no number.
    const std::array special = {0.5F,  1.5F, 2.5F,      254.5F,    255.5F,
                                -0.5F, kNaN, kInfinity, -kInfinity};
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = i % 3 == 0 ? special[i / 3 % special.size()] : 300 * x[i];
    }
    inputs.push_back(floats_of(std::vector<float>(static_cast<std::size_t>(channels), 1.0F)));
    ConformanceCase test = case_of("Quantize " + std::to_string(channels), Quantize{}, inputs);
    test.must_be_fast = true;
    expect_same_bits(test, inputs);
  }
}

}  // namespace
}  // namespace graft
