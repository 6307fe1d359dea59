// The definition of every op's values: plain loops over dense arrays, one function an op.
// Promise: sums of floats are accumulated in float64 and rounded to float32 once, before the
// activation; transcendental functions are evaluated in float64 and rounded once; everything else
// is float32 arithmetic in the order of TensorFlow's source. NaN in, NaN out, except that a max
// pool passes NaN over, as TensorFlow's does. Non-goals: speed. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/backend.h"

namespace graft::reference {

// in: the op's inputs in op.h's order, all dense (Reorder: any layout), with data. scratch: at
// least scratch_bytes() of the same op, aligned to 64 bytes.
struct Call {
  std::span<const TensorView> in;
  MutableTensorView out;
  std::span<std::byte> scratch;
};

void run(const Conv2D& op, const Call& call);
void run(const DepthwiseConv2D& op, const Call& call);
void run(const SeparableConv2D& op, const Call& call);
void run(const MatMul& op, const Call& call);
void run(const Pool& op, const Call& call);
void run(const Binary& op, const Call& call);
void run(const Unary& op, const Call& call);
void run(const BatchNorm& op, const Call& call);
void run(const Dequantize& op, const Call& call);
void run(const Concat& op, const Call& call);
void run(const Pad& op, const Call& call);
void run(const Mean& op, const Call& call);
void run(const Reshape& op, const Call& call);
void run(const Softmax& op, const Call& call);
void run(const Reorder& op, const Call& call);
void run(const Quantize& op, const Call& call);
void run(const QuantizedConv2D& op, const Call& call);
void run(const QuantizedDepthwiseConv2D& op, const Call& call);

// Float64 accumulators (32-bit ones of whole numbers): one an output channel (convolutions), column
// (MatMul), result (Mean) or element of the last axis (Softmax). A separable convolution also keeps
// what lies between its two.
std::size_t scratch_bytes(const OpSpec& spec);
std::size_t separable_scratch_bytes(const SeparableConv2D& op, std::span<const TensorSpec> inputs);

// The scratch as accumulators, set to the bias (input 2) where there is one and to zero elsewhere.
std::span<double> accumulators(const Call& call, std::int64_t count);
void start_from_bias(const Call& call, std::span<double> sums);
float activate(Activation activation, double sum);

}  // namespace graft::reference
