#include "kernels/op.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "kernels/conformance.h"

namespace graft {
namespace {

using Specs = std::vector<TensorSpec>;

TensorSpec u8(const Shape& shape) {
  return {DType::kU8, shape, Layout::kDense};
}

void expect_shape(const Op& op, const Specs& inputs, const Shape& expected) {
  const auto got = infer_output(op, inputs);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->shape, expected) << got->shape.to_string();
  EXPECT_EQ(got->layout, Layout::kDense);
}

// Refused in one line that begins with the op's name and holds `part`.
void expect_refused(const Op& op, const Specs& inputs, const std::string& part) {
  const auto got = infer_output(op, inputs);
  ASSERT_FALSE(got.ok()) << got->shape.to_string() << " but expected: " << part;
  const std::string& message = got.error().message;
  EXPECT_EQ(message.find(std::string(name_of(op)) + ": "), 0U) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

Conv2D conv(int stride, int dilation = 1, Padding padding = {}) {
  return {stride, stride, dilation, dilation, padding};
}

constexpr int kMostInt = std::numeric_limits<int>::max();

TEST(InferOutput, SeparableConvolutions) {
  const SeparableConv2D op{DepthwiseConv2D{2, 2, 1, 1, {0, 1, 0, 1}, {}}, {}};
  const Specs scaled = {f32_spec({2, 8, 6, 4}), f32_spec({3, 3, 4, 2}),  f32_spec({8}),
                        f32_spec({8}),          f32_spec({1, 1, 8, 10}), f32_spec({10})};
  expect_shape(op, scaled, {2, 4, 3, 10});
  EXPECT_EQ(multiply_adds(op, scaled, f32_spec({2, 4, 3, 10})), 2U * 4 * 3 * 8 * (9 + 10));
  Specs plain = scaled;
  plain.erase(plain.begin() + 3);
  expect_shape(op, plain, {2, 4, 3, 10});
  expect_refused(op, {plain.begin(), plain.begin() + 4}, "4 inputs");
  plain[3] = f32_spec({1, 2, 8, 10});
  expect_refused(op, plain, "not 1x1");
  // What either convolution refuses by itself is said in that one's name.
  for (const auto& [input, shape, name] :
       {std::tuple{std::size_t{1}, Shape{3, 3, 5, 2}, "DepthwiseConv2D: "},
        {std::size_t{4}, Shape{1, 1, 7, 10}, "Conv2D: "},
        {std::size_t{5}, Shape{9}, "Conv2D: "}}) {
    Specs wrong = scaled;
    wrong[input] = f32_spec(shape);
    const auto got = infer_output(op, wrong);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().message.find(name), 0U) << got.error().message;
  }
}

TEST(InferOutput, Convolutions) {
  expect_shape(conv(2, 1, {0, 1, 0, 1}),
               {f32_spec({1, 224, 224, 3}), f32_spec({3, 3, 3, 32}), f32_spec({32})},
               {1, 112, 112, 32});
  expect_shape(conv(1, 2), {f32_spec({2, 9, 8, 4}), f32_spec({3, 3, 4, 6})}, {2, 5, 4, 6});
  expect_shape(DepthwiseConv2D{2, 1, 1, 1, {}, {}},
               {f32_spec({1, 7, 7, 8}), f32_spec({3, 3, 8, 2}), f32_spec({16})}, {1, 3, 5, 16});
  const TensorSpec x = f32_spec({1, 4, 4, 3});
  expect_refused(conv(1), {x}, "1 inputs");
  expect_refused(conv(1), {x, f32_spec({3, 3, 3})}, "rank 4");
  expect_refused(conv(1), {f32_spec({4, 4, 3}), f32_spec({3, 3, 3, 8})}, "rank 4");
  expect_refused(conv(1), {x, f32_spec({3, 3, 4, 8})}, "is for 4 channels");
  expect_refused(conv(1), {x, f32_spec({3, 3, 3, 8}), f32_spec({7})}, "bias");
  expect_refused(conv(1), {x, f32_spec({3, 3, 3, 8}), f32_spec({8, 1})}, "bias");
  expect_refused(conv(1), {x, f32_spec({5, 3, 3, 8})}, "does not fit");
  expect_refused(conv(0), {x, f32_spec({3, 3, 3, 8})}, "at least 1");
  expect_refused(conv(1, 0), {x, f32_spec({3, 3, 3, 8})}, "at least 1");
  expect_refused(conv(1, -1), {x, f32_spec({3, 3, 3, 8})}, "at least 1");
  expect_refused(conv(1, 1, {-1, 0, 0, 0}), {x, f32_spec({3, 3, 3, 8})}, "negative padding");
  expect_refused(conv(1), {u8({1, 4, 4, 3}), f32_spec({3, 3, 3, 8})}, "not f32");
  expect_refused(DepthwiseConv2D{}, {x, f32_spec({3, 3, 2, 1})}, "2 channels");
  expect_refused(DepthwiseConv2D{}, {x, f32_spec({3, 3, 3, 2}), f32_spec({3})}, "bias");
}

TEST(InferOutput, StaysInRangeWithExtremeNumbers) {
  const TensorSpec x = f32_spec({1, 4, 4, 3});
  const TensorSpec filter = f32_spec({3, 3, 3, 8});
  expect_refused(conv(1, kMostInt), {x, filter}, "does not fit");
  expect_shape(conv(kMostInt), {x, filter}, {1, 1, 1, 8});
  expect_refused(conv(1, 1, {kMostInt, kMostInt, kMostInt, kMostInt}), {x, filter}, "2^31");
  expect_shape(conv(kMostInt, kMostInt, {kMostInt, kMostInt, kMostInt, kMostInt}), {x, filter},
               {1, 1, 1, 8});
  expect_refused(conv(1, kMostInt),
                 {f32_spec({1, 1, 1, 1}), f32_spec({std::int64_t{1} << 31, 1, 1, 1})},
                 "does not fit");
  expect_refused(Pad{std::vector<AxisPadding>(4, {kMostInt, kMostInt})}, {x}, "2^31");
  expect_refused(Binary{}, {f32_spec({1 << 20, 1}), f32_spec({1, 1 << 20})}, "2^31");
  expect_refused(MatMul{}, {f32_spec({1 << 20, 1}), f32_spec({1, 1 << 20})}, "2^31");
  const Shape huge{std::int64_t{1} << 31, 1};
  expect_refused(Concat{0}, {f32_spec(huge), f32_spec(huge)}, "2^31");
  expect_refused(Unary{}, {f32_spec({std::int64_t{1} << 40})}, "2^31");
  expect_refused(Unary{}, {f32_spec({0, 5})}, "no elements");
}

TEST(InferOutput, Pools) {
  Pool op{Pool::Kind::kMax, 3, 3, 2, 2, {1, 1, 1, 1}};
  expect_shape(op, {f32_spec({1, 8, 9, 4})}, {1, 4, 5, 4});
  op.padding.top = 3;
  expect_refused(op, {f32_spec({1, 8, 9, 4})}, "smaller than the window");
  op = {Pool::Kind::kAverage, 0, 3, 1, 1, {}};
  expect_refused(op, {f32_spec({1, 8, 9, 4})}, "at least 1");
  op = {Pool::Kind::kAverage, 9, 3, 1, 1, {}};
  expect_refused(op, {f32_spec({1, 8, 9, 4})}, "does not fit");
}

TEST(InferOutput, Products) {
  expect_shape(MatMul{}, {f32_spec({3, 4}), f32_spec({4, 5}), f32_spec({5})}, {3, 5});
  expect_shape(MatMul{true, true}, {f32_spec({4, 3}), f32_spec({5, 4})}, {3, 5});
  expect_refused(MatMul{}, {f32_spec({3, 4}), f32_spec({5, 4})}, "inner");
  expect_refused(MatMul{}, {f32_spec({3, 4, 1}), f32_spec({4, 5})}, "rank 2");
  expect_refused(MatMul{}, {f32_spec({3, 4}), f32_spec({4, 5}), f32_spec({4})}, "bias");
}

TEST(InferOutput, ElementByElement) {
  expect_shape(Binary{}, {f32_spec({2, 1, 3}), f32_spec({4, 1})}, {2, 4, 3});
  expect_shape(Binary{}, {f32_spec({}), f32_spec({})}, {});
  expect_refused(Binary{}, {f32_spec({2, 3}), f32_spec({2})}, "do not broadcast");
  expect_refused(Binary{}, {f32_spec({2})}, "1 inputs");
  expect_shape(Unary{}, {u8({3})}, {3});
  expect_refused(Unary{Unary::Kind::kExp}, {u8({3})}, "not f32");
  const TensorSpec c = f32_spec({3});
  expect_shape(BatchNorm{}, {f32_spec({1, 2, 2, 3}), c, c, c, c}, {1, 2, 2, 3});
  expect_refused(BatchNorm{}, {f32_spec({1, 2, 2, 3}), c, c, f32_spec({2}), c}, "beta");
  expect_refused(BatchNorm{}, {f32_spec({}), c, c, c, c}, "scalar");
  expect_refused(BatchNorm{}, {c, c, c, c}, "4 inputs");
  const auto dequantized =
      infer_output(Dequantize{}, Specs{u8({2, 3}), f32_spec({}), f32_spec({1})});
  ASSERT_TRUE(dequantized.ok());
  EXPECT_EQ(*dequantized, f32_spec({2, 3}));
  expect_refused(Dequantize{}, {f32_spec({2}), f32_spec({}), f32_spec({})}, "not u8");
  expect_refused(Dequantize{}, {u8({2}), f32_spec({2}), f32_spec({})}, "not one number");
  expect_shape(Softmax{}, {f32_spec({2, 3})}, {2, 3});
  expect_refused(Softmax{}, {f32_spec({})}, "scalar");
}

TEST(InferOutput, Movement) {
  expect_shape(Concat{1}, {u8({2, 1}), u8({2, 3})}, {2, 4});
  expect_refused(Concat{2}, {f32_spec({2, 1}), f32_spec({2, 3})}, "axis 2");
  expect_refused(Concat{-1}, {f32_spec({2, 1}), f32_spec({2, 3})}, "axis -1");
  expect_refused(Concat{1}, {f32_spec({2, 1}), f32_spec({3, 3})}, "does not continue");
  expect_refused(Concat{1}, {f32_spec({2, 1}), u8({2, 3})}, "does not continue");
  expect_refused(Concat{1}, {f32_spec({2, 1}), f32_spec({2})}, "does not continue");
  expect_refused(Concat{0}, {}, "no inputs");
  expect_shape(Pad{{{1, 2}, {0, 0}}}, {f32_spec({2, 3})}, {5, 3});
  expect_refused(Pad{{{1, 2}}}, {f32_spec({2, 3})}, "1 paddings");
  expect_refused(Pad{{{1, 2}, {-1, 0}}}, {f32_spec({2, 3})}, "negative");
  expect_shape(Mean{{2, 1}, false}, {f32_spec({2, 3, 4, 5})}, {2, 5});
  expect_shape(Mean{{1, 2}, true}, {f32_spec({2, 3, 4, 5})}, {2, 1, 1, 5});
  expect_refused(Mean{{4}, true}, {f32_spec({2, 3, 4, 5})}, "axis 4");
  expect_refused(Mean{{1, 1}, true}, {f32_spec({2, 3, 4, 5})}, "twice");
  expect_shape(Reshape{Shape{6}}, {f32_spec({2, 3})}, {6});
  expect_refused(Reshape{Shape{5}}, {f32_spec({2, 3})}, "does not have the elements");
  expect_shape(Reorder{Layout::kBlocked8}, {f32_spec({1, 2, 2, 3})}, {1, 2, 2, 3});
  expect_refused(Reorder{Layout::kBlocked8}, {f32_spec({2, 3})}, "rank 4");
  expect_refused(Reorder{Layout::kBlocked8}, {u8({1, 2, 2, 3})}, "not f32");
}

TEST(SamePadding, IgnoresWhatInferOutputRefuses) {
  for (const std::int64_t wrong :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(same_padding(wrong, 3, 1).before, 0);
    EXPECT_EQ(same_padding(3, wrong, 1).before, 0);
    EXPECT_EQ(same_padding(3, 3, wrong).after, 0);
    EXPECT_EQ(same_padding(3, 3, 1, wrong).after, 0);
  }
  const std::int64_t most = std::int64_t{1} << 31;
  EXPECT_GE(same_padding(most, most, most, most).before, 0);
  EXPECT_GE(same_padding(1, most, 1, most).after, 0);
}

TEST(Op, HasItsName) {
  EXPECT_EQ(name_of(Conv2D{}), "Conv2D");
  EXPECT_EQ(name_of(BatchNorm{}), "BatchNorm");
  EXPECT_EQ(name_of(Dequantize{}), "Dequantize");
  EXPECT_EQ(name_of(Reshape{}), "Reshape");
  EXPECT_EQ(name_of(Reorder{}), "Reorder");
}

// Howard et al. 2017 (arXiv:1704.04861), tables 4, 6 and 7: millions of multiply-adds,
// rounded there in one place and cut off in another.
TEST(MultiplyAdds, AreThePapersForMobileNet) {
  struct Published {
    double width;
    std::int64_t size;
    double millions;
  };
  for (const Published& p : {Published{1.0, 224, 569},
                             {0.75, 224, 325},
                             {0.5, 224, 149},
                             {0.25, 224, 41},
                             {1.0, 192, 418},
                             {1.0, 160, 290},
                             {1.0, 128, 186}}) {
    const auto width = [&](int full) { return static_cast<std::int64_t>(full * p.width); };
    std::uint64_t total = 0;
    std::int64_t size = p.size;
    std::int64_t channels = 3;
    const auto add = [&](const Op& op, const Shape& filter, int stride) {
      const Specs inputs = {f32_spec({1, size, size, channels}), f32_spec(filter)};
      const auto output = infer_output(op, inputs);
      ASSERT_TRUE(output.ok()) << output.error().message;
      total += multiply_adds(op, inputs, *output);
      size = output->shape[1];
      channels = output->shape[3];
      ASSERT_EQ(size, (inputs[0].shape[1] + stride - 1) / stride);
    };
    const auto same = [&](int kernel, int stride) {
      const AxisPadding pad = same_padding(size, kernel, stride);
      return Padding{pad.before, pad.after, pad.before, pad.after};
    };
    add(Conv2D{2, 2, 1, 1, same(3, 2)}, {3, 3, 3, width(32)}, 2);
    const std::pair<int, int> blocks[] = {{64, 1},  {128, 2},  {128, 1}, {256, 2}, {256, 1},
                                          {512, 2}, {512, 1},  {512, 1}, {512, 1}, {512, 1},
                                          {512, 1}, {1024, 2}, {1024, 1}};
    for (const auto& [out, stride] : blocks) {
      add(DepthwiseConv2D{stride, stride, 1, 1, same(3, stride)}, {3, 3, channels, 1}, stride);
      add(Conv2D{}, {1, 1, channels, width(out)}, 1);
    }
    const Specs last = {f32_spec({1, channels}), f32_spec({channels, 1001})};
    total += multiply_adds(MatMul{}, last, f32_spec({1, 1001}));
    EXPECT_NEAR(static_cast<double>(total) / 1e6, p.millions, 1.0) << p.width << " " << p.size;
  }
  EXPECT_EQ(multiply_adds(Unary{}, Specs{f32_spec({7})}, f32_spec({7})), 0U);
}

}  // namespace
}  // namespace graft
