#include "graph/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NodeId weights(Graph& graph, const std::string& name, const Shape& shape,
               const std::vector<float>& values) {
  return add_constant(graph, name, f32(shape, values));
}

Conv2D conv_with(Activation activation) {
  Conv2D conv;
  conv.activation = activation;
  return conv;
}

// Of the input's 2x1 pixels: relu -> "first" (1 to 2 channels, relu6) -> "second" (2 to 1).
Graph two_convolutions(const std::string& relu_name = "relu") {
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 2, 1, 1});
  const NodeId relu = must(graph.add_op(relu_name, Unary{Unary::Kind::kRelu}, {x}));
  const NodeId first_filter = weights(graph, "f1", {1, 1, 1, 2}, {0.5F, 1});
  const NodeId first_bias = weights(graph, "b1", {2}, {0, 0.25F});
  const NodeId first =
      must(graph.add_op("first", conv_with(Activation::kRelu6), {relu, first_filter, first_bias}));
  const NodeId second_filter = weights(graph, "f2", {1, 1, 2, 1}, {1, -1});
  const NodeId second =
      must(graph.add_op("second", conv_with(Activation::kNone), {first, second_filter}));
  graph.set_outputs({second});
  return graph;
}

// Ranges of these codes; of values that are zero on average, so that rounding moves nothing.
ActivationRange codes(const std::vector<std::uint8_t>& largest) {
  return {largest, std::vector<std::uint8_t>(largest.size(), 0)};
}

// The largest and the mean of each channel, from all values of one run.
ActivationRanges ranges_by(const Graph& graph, const Tensor& input) {
  const std::vector<Tensor> values = evaluate_all(graph, input);
  ActivationRanges ranges;
  for (const std::string& name : quantizable_values(graph)) {
    const Tensor& value = values[static_cast<std::size_t>(graph.find(name).value())];
    const auto numbers = value.as<float>();
    const auto channels = static_cast<std::size_t>(value.shape()[3]);
    ActivationRange& range = ranges[name];
    for (std::size_t c = 0; c < channels; ++c) {
      float largest = 0;
      double sum = 0;
      for (std::size_t i = c; i < numbers.size(); i += channels) {
        largest = std::max(largest, numbers[i]);
        sum += static_cast<double>(numbers[i]);
      }
      range.largest.push_back(range_code(largest));
      range.mean.push_back(
          mean_code(sum * static_cast<double>(channels) / static_cast<double>(numbers.size()),
                    range.largest.back()));
    }
  }
  return ranges;
}

std::vector<std::string> ops_in_order(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (const auto* op = std::get_if<Op>(&node.body)) names.emplace_back(name_of(*op));
  }
  return names;
}

TEST(Quantize, RangesAreEighthsOfOctaves) {
  EXPECT_EQ(range_code(1), 128);
  EXPECT_EQ(range_of(128), 1);
  EXPECT_EQ(range_code(2), 136);
  EXPECT_EQ(range_code(std::nextafter(2.0F, 3.0F)), 137);
  EXPECT_EQ(range_code(6), 149);
  EXPECT_EQ(range_code(0), 0);
  EXPECT_EQ(range_code(-1), 0);
  EXPECT_EQ(range_code(1e-30F), 0);
  EXPECT_EQ(range_code(std::numeric_limits<float>::quiet_NaN()), 0);
  EXPECT_EQ(range_code(std::numeric_limits<float>::infinity()), 255);
  for (int code = 1; code < 256; ++code) {
    const auto byte = static_cast<std::uint8_t>(code);
    EXPECT_EQ(range_code(static_cast<float>(range_of(byte)) * 0.999F), code);
    EXPECT_GT(range_of(byte), range_of(static_cast<std::uint8_t>(code - 1)));
  }
}

TEST(Quantize, MeansAreSharesOfTheRange) {
  EXPECT_EQ(mean_code(0.5, 128), 128);  // 127.5, to the even one
  EXPECT_EQ(mean_code(1, 128), 255);
  EXPECT_EQ(mean_code(7, 128), 255);
  EXPECT_EQ(mean_code(2, 144), 128);
  EXPECT_EQ(mean_code(0, 128), 0);
  EXPECT_EQ(mean_code(-1, 128), 0);
  EXPECT_EQ(mean_code(std::numeric_limits<double>::quiet_NaN(), 128), 0);
}

TEST(Quantize, KeepsBytesBetweenTwoConvolutionsAndFloatsAtTheEnds) {
  const Graph graph = two_convolutions();
  EXPECT_THAT(quantizable_values(graph), ElementsAre("relu", "first"));
  const Graph whole = must(quantize(graph, {{"relu", codes({128})}, {"first", codes({128, 128})}}));
  EXPECT_THAT(ops_in_order(whole),
              ElementsAre("Unary", "Quantize", "QuantizedConv2D", "QuantizedConv2D"));
  EXPECT_EQ(whole.node(*whole.find("first/quantized")).output.dtype, DType::kU8);
  EXPECT_FALSE(whole.find("first"));
  EXPECT_EQ(whole.node(*whole.find("second")).output.dtype, DType::kF32);
  EXPECT_THAT(whole.outputs(), ElementsAre(*whole.find("second")));
}

// As files keep them.
TEST(Quantize, FindsRangesByPrintableNames) {
  EXPECT_TRUE(quantize(two_convolutions("re\alu"),
                       {{"re\\x07lu", codes({128})}, {"first", codes({128, 128})}})
                  .ok());
}

// Ranges 1 (steps of 1/255) behind the relu, 6 (the relu6's) and 8, cut to 6, behind the first one.
// x = 1 is byte 255. The first filter is 0.5 = 127 units and 1 = 127 units; its results 0.5
// and 1.25 are bytes round(0.5 * 255 / 6) = 21 and round(1.25 * 255 / 6) = 53; the second filter,
// times the steps, is 1 and -1 again, 127 units each: (21 - 53) * 6 / 255.
TEST(Quantize, ComputesWhatTheStepsSay) {
  const Graph graph = two_convolutions();
  const ActivationRanges ranges = {{"relu", codes({128})}, {"first", codes({149, 152})}};
  const Graph whole = must(quantize(graph, ranges));
  const auto values = evaluate_all(whole, f32({1, 2, 1, 1}, {1, -1}));
  const auto result = values[static_cast<std::size_t>(*whole.find("second"))].as<float>();
  EXPECT_NEAR(result[0], (21 - 53) * 6.0 / 255, 1e-6);
  EXPECT_NEAR(result[1], (0 - 11) * 6.0 / 255, 1e-6);  // 0 and round(0.25 * 255 / 6) = 11
  // Beyond its range a value counts as its end: x = 3 is byte 255, too.
  const auto beyond_range = evaluate_all(whole, f32({1, 2, 1, 1}, {3, -1}));
  EXPECT_EQ(beyond_range[static_cast<std::size_t>(*whole.find("second"))].as<float>()[0],
            result[0]);
}

// A weight of 1 and one of 0.3 are 127 and 38 units, 38.1 rounded. Where the second channel is 1 on
// average, its sum lacks 0.1 of a unit for it, which the bias gives back: exactly 1.3 for such a
// pixel.
TEST(Quantize, TheBiasTakesAwayWhatRoundingAddsOnAverage) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 2, 1, 3});
  const NodeId relu = must(graph.add_op("relu", Unary{Unary::Kind::kRelu}, {x}));
  // A zero between them, so that they are no neighbours.
  const NodeId filter = weights(graph, "f", {1, 1, 3, 1}, {1, 0, 0.3F});
  graph.set_outputs({must(graph.add_op("y", conv_with(Activation::kNone), {relu, filter}))});
  const Tensor input = f32({1, 2, 1, 3}, {1, 0, 1, 0, 0, 0});
  for (const int mean : {0, 255}) {
    const auto byte = static_cast<std::uint8_t>(mean);
    const Graph whole = must(quantize(graph, {{"relu", {{128, 128, 128}, {0, 0, byte}}}}));
    const auto values = evaluate_all(whole, input);
    const auto y = values[static_cast<std::size_t>(*whole.find("y"))].as<float>();
    const double lost = 0.3 - 38.0 / 127;
    EXPECT_NEAR(y[0], mean == 0 ? 1.3 - lost : 1.3, 1e-6);
    EXPECT_NEAR(y[1], mean == 0 ? 0 : lost, 1e-6);
  }
}

// What others read, or is asked for, stays in floats beside its bytes.
TEST(Quantize, ValuesThatAreAskedForKeepNameAndType) {
  Graph graph = two_convolutions();
  graph.mark_output(*graph.find("first"));
  const Graph whole = must(quantize(graph, {{"relu", codes({128})}, {"first", codes({149, 149})}}));
  EXPECT_EQ(whole.node(*whole.find("first")).output.dtype, DType::kF32);
  const auto values = evaluate_all(whole, f32({1, 2, 1, 1}, {1, 0.5F}));
  const auto first = values[static_cast<std::size_t>(*whole.find("first"))].as<float>();
  EXPECT_NEAR(first[0], 0.5, 1e-6);
  EXPECT_NEAR(first[1], 1.25, 1e-6);
}

TEST(Quantize, LeavesTheRestAlone) {
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 3, 3, 2});
  const NodeId filter = weights(graph, "f", {1, 1, 2, 2}, {1, 2, 3, 4});
  // Its input may be negative.
  const NodeId photo = must(graph.add_op("photo", conv_with(Activation::kRelu), {x, filter}));
  // One pixel only: not worth it.
  const NodeId pool =
      must(graph.add_op("pool", Pool{Pool::Kind::kAverage, 3, 3, 1, 1, {}}, {photo}));
  const NodeId logits = must(graph.add_op("logits", conv_with(Activation::kNone), {pool, filter}));
  graph.set_outputs({logits});
  EXPECT_THAT(quantizable_values(graph), IsEmpty());
  const auto refused = quantize(graph, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("--precision"));

  // Weights without a value.
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const NodeId bad = weights(graph, "nan", {1, 1, 2, 2}, {1, nan, 3, 4});
  graph.mark_output(must(graph.add_op("bad", conv_with(Activation::kNone), {photo, bad})));
  EXPECT_THAT(quantizable_values(graph), IsEmpty());
}

TEST(Quantize, NamesARangeThatIsNotThere) {
  const Graph graph = two_convolutions();
  for (const ActivationRanges& ranges :
       {ActivationRanges{{"relu", codes({128})}},
        ActivationRanges{{"relu", codes({128})}, {"first", codes({1})}},
        ActivationRanges{{"relu", codes({128})}, {"first", {{1, 1}, {1}}}}}) {
    const auto refused = quantize(graph, ranges);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("first"));
  }
}

// One layer behind a ReLU. With steps s of its input (c: channel), unit u of its weights (per
// output) and the layer's factor, each product differs by at most |w| s/2 + x u/2 + s u/4 from the
// exact one, and the bias takes away the mean of the x u/2, no more; float32 rounds the bias, the
// scale and their two operations by 2^-24 each.
template <typename Conv>
void expect_within_half_steps(std::uint64_t seed) {
  SCOPED_TRACE(seed);
  constexpr bool kDepthwise = std::is_same_v<Conv, DepthwiseConv2D>;
  constexpr std::size_t kIn = 6;
  Rng rng(seed, 11);
  Graph graph;
  const NodeId x = add_input(graph, Shape{1, 5, 4, kIn});
  const NodeId relu = must(graph.add_op("relu", Unary{Unary::Kind::kRelu}, {x}));
  const std::int64_t outputs = kDepthwise ? 2 : 7;  // a channel of x, or altogether
  const std::size_t channels = kDepthwise ? kIn * 2 : 7;
  const Shape filter_shape{3, 3, kIn, outputs};
  const Tensor filter = random_f32(filter_shape, rng);
  const Tensor bias = random_f32(Shape{static_cast<std::int64_t>(channels)}, rng, -3, 3);
  Tensor scale(DType::kF32, Shape{static_cast<std::int64_t>(channels)});
  std::ranges::fill(scale.as<float>(), 1.0F);
  std::vector<NodeId> inputs = {relu, add_constant(graph, "filter", filter.clone()),
                                add_constant(graph, "bias", bias.clone())};
  if (kDepthwise) {
    scale = random_f32(scale.shape(), rng, -2, 2);
    scale.as<float>()[0] = 0;  // says nothing beside the bias
    inputs.push_back(add_constant(graph, "scale", scale.clone()));
  }
  Conv conv;
  conv.padding = {1, 1, 1, 1};
  const NodeId layer = must(graph.add_op("layer", conv, inputs));
  graph.set_outputs({layer});

  Tensor input = random_f32(Shape{1, 5, 4, kIn}, rng, -1, 2);
  const ActivationRanges ranges = ranges_by(graph, input);
  const Graph whole = must(quantize(graph, ranges));
  const auto exact = evaluate_all(graph, input);
  const auto got = evaluate_all(whole, input);
  const auto expected = exact[static_cast<std::size_t>(layer)].as<float>();
  const auto result = got[static_cast<std::size_t>(*whole.find("layer"))].as<float>();

  std::vector<double> steps;
  for (const std::uint8_t code : ranges.at("relu").largest) steps.push_back(range_of(code) / 255);
  // A unit is at most this: the largest sum of two weights' magnitudes by 128, or one by 127.
  for (std::size_t c = 0; c < channels; ++c) {
    double largest = 0, sum_w = 0;
    const auto w = filter.as<float>();
    for (std::size_t i = c; i < w.size(); i += channels) {
      const std::size_t in = i / channels % kIn;
      const double step = kDepthwise ? steps[c / 2] : steps[in];
      largest = std::max(largest, std::abs(static_cast<double>(w[i])) * step);
      sum_w += std::abs(static_cast<double>(w[i])) * step / 2;
    }
    const double unit = 2 * largest / 127;           // of weight times step
    const double taps = kDepthwise ? 9 : 9.0 * kIn;  // x is 255 steps at most
    const double factor = std::abs(static_cast<double>(scale.as<float>()[c]));
    const double error = factor * (sum_w + taps * (2 * 255 * unit / 2 + unit / 4));
    const double size = factor * taps * 256 * 127 * unit + 3;
    const double bound = error + 4 * std::ldexp(size, -24);
    for (std::size_t i = c; i < result.size(); i += channels) {
      ASSERT_NEAR(result[i], expected[i], bound) << "channel " << c;
    }
  }
}

TEST(Quantize, AnErrorIsHalfAStepOfEachFactor) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    expect_within_half_steps<Conv2D>(seed);
    expect_within_half_steps<DepthwiseConv2D>(seed);
  }
}

// Random networks with branches, joins and pools: outputs keep their names, types and shapes, and
// every backend gives the reference's results.
TEST(Quantize, RandomNetworksStayRunnable) {
  int rewritten = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed, 5);
    Graph graph = random_graph(rng, 15);
    std::vector<std::string> outputs;
    for (const NodeId id : graph.outputs()) outputs.push_back(graph.node(id).name);
    graph = must(simplify(graph, outputs));
    const Tensor input = random_f32(input_shape(graph), rng);
    const auto whole = quantize(graph, ranges_by(graph, input));
    if (!whole.ok()) {
      EXPECT_EQ(whole.error().kind, ErrorKind::kUnsupported) << whole.error().message;
      continue;
    }
    ++rewritten;
    for (const std::string& name : outputs) {
      const auto now = whole->find(name);
      ASSERT_TRUE(now) << name;
      EXPECT_EQ(whole->node(*now).output, graph.node(*graph.find(name)).output);
    }
    EXPECT_TRUE(Program::compile(*whole, outputs).ok());
  }
  EXPECT_GT(rewritten, 20);
}

}  // namespace
}  // namespace graft
