// What an op means: its parameters and its shape rule. One struct an op; the naive code in
// reference/ is the definition of its values. Non-goals: names, graphs, files.
// Layouts: activations NHWC, conv filters HWIO [kh,kw,Cin,Cout], depthwise [kh,kw,C,multiplier].
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace graft {

enum class Activation : std::uint8_t { kNone, kRelu, kRelu6 };

struct Padding {  // elements added on each side; SAME and VALID are resolved to this at import
  int top = 0, bottom = 0, left = 0, right = 0;
  bool operator==(const Padding&) const = default;
};
// TensorFlow's SAME for one axis: out = ceil(in / stride), the odd element goes after.
struct AxisPadding {
  int before = 0, after = 0;
};
AxisPadding same_padding(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                         std::int64_t dilation = 1);

struct Conv2D {  // inputs: x, filter[, bias [Cout]]
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  Padding padding;
  Activation activation = Activation::kNone;
};
// Inputs: x, filter [kh,kw,C,M][, bias [C*M][, scale [C*M]]]: activation(scale * sum + bias). The
// scale stands apart because TensorFlow, too, multiplies behind its depthwise convolutions: put
// into the filter, its rounding would move all pixels of a channel the same way, and the layers add
// that up.
struct DepthwiseConv2D {
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  Padding padding;
  Activation activation = Activation::kNone;
};
// A depthwise convolution and the 1x1 convolution (stride 1, no padding) that alone reads it, which
// gain by running together. Inputs: x, depthwise filter, bias[, scale], pointwise filter
// [1,1,C*M,Cout], bias [Cout]. Programs make it when they are planned; graphs hold the two.
struct SeparableConv2D {
  DepthwiseConv2D depthwise;
  Activation activation = Activation::kNone;  // of the pointwise convolution
};
// To whole numbers of a step a channel: scale[c] * x rounded to the nearest one (ties to even),
// within 0 and 255; NaN gives 0. Inputs: x f32 [..., C], scale f32 [C]. The result is u8.
struct Quantize {};
// Convolutions of whole numbers. Inputs: x u8, filter i8 (laid out as Conv2D's or
// DepthwiseConv2D's, of at most kMostQuantizedTaps numbers a result), bias f32 [channels], scale
// f32 [channels]. Each result is (float(sum of products) + bias) * scale, three float32 operations
// rounded one by one; then, as u8, the nearest whole number (ties to even) within 0 and 255, which
// makes a ReLU and an upper bound of it; or, with to_f32, what the activation makes of it.
// Processors without VNNI add the products of two neighbouring input channels 2j and 2j + 1 in 16
// bits: where the numbers of one sign in such a pair of a Conv2D's filter sum up to kMostPairSum at
// most, that is exact, too.
struct QuantizedConv2D {
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  Padding padding;
  Activation activation = Activation::kNone;  // of a result in f32
  bool to_f32 = false;
};
struct QuantizedDepthwiseConv2D {
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  Padding padding;
  Activation activation = Activation::kNone;  // of a result in f32
  bool to_f32 = false;
};
inline constexpr int kMostPairSum = 128;                     // * 255 < 2^15
inline constexpr std::int64_t kMostQuantizedTaps = 1 << 16;  // * 255 * 128 < 2^31
struct MatMul {  // inputs: a [M,K], b [K,N] (each possibly transposed)[, bias [N]]
  bool transpose_a = false, transpose_b = false;
  Activation activation = Activation::kNone;
};
struct Pool {  // input: x; average: the divisor counts only elements inside the image
  enum class Kind : std::uint8_t { kMax, kAverage } kind = Kind::kMax;
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1;
  Padding padding;
};
struct Binary {  // inputs: a, b with NumPy broadcasting
  enum class Kind : std::uint8_t { kAdd, kSub, kMul, kDiv, kMaximum, kMinimum } kind = Kind::kAdd;
};
struct Unary {
  enum class Kind : std::uint8_t {
    kIdentity,
    kRelu,
    kRelu6,
    kRsqrt,
    kSqrt,
    kExp,
    kNeg,
    kSquare,
    kSigmoid,
    kTanh
  } kind = Kind::kIdentity;
};
struct BatchNorm {  // inputs: x, mean, variance, beta, gamma (each [C]); scale false: gamma unused
  float epsilon = 0.001F;
  bool scale = true;
};
struct Dequantize {  // inputs: q (u8), min (f32 scalar), max (f32 scalar); TF's MIN_FIRST rule
};
struct Concat {  // inputs: n tensors equal but for one axis
  int axis = 3;
};
struct Pad {  // constant zero padding, one {before, after} an axis
  std::vector<AxisPadding> axes;
};
struct Mean {  // over `axes` (non-negative)
  std::vector<int> axes;
  bool keep_dims = false;
};
struct Reshape {  // same elements, new shape (fully known)
  Shape shape;
};
struct Softmax {};  // over the last axis
struct Reorder {    // between memory layouts; shape unchanged
  Layout to = Layout::kDense;
};

using Op = std::variant<Conv2D, DepthwiseConv2D, MatMul, Pool, Binary, Unary, BatchNorm, Dequantize,
                        Concat, Pad, Mean, Reshape, Softmax, Reorder, SeparableConv2D, Quantize,
                        QuantizedConv2D, QuantizedDepthwiseConv2D>;
std::string_view name_of(const Op& op);  // "Conv2D"

// Shape and type of the result (dense), or why these inputs cannot be: rank, channel or type
// mismatch, stride or kernel < 1, an output dimension < 1, more elements than 2^31.
Result<TensorSpec> infer_output(const Op& op, std::span<const TensorSpec> inputs);

// Multiply-adds of one evaluation (0 for ops without any), for `inspect` and the benchmark.
std::uint64_t multiply_adds(const Op& op, std::span<const TensorSpec> inputs,
                            const TensorSpec& output);

}  // namespace graft
