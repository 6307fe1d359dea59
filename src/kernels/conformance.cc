#include "kernels/conformance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "kernels/reference/reference.h"

namespace graft {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): enough for test values, the same on every machine.
std::uint64_t next(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

AlignedBuffer full_of_nan(std::size_t bytes) {
  AlignedBuffer buffer(bytes);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 0; i + sizeof(float) <= bytes; i += sizeof(float)) {
    std::memcpy(buffer.data() + i, &nan, sizeof(nan));
  }
  return buffer;
}

bool holds_activations(const ConformanceCase& test, std::size_t input) {
  return !test.constant[input] && test.inputs[input].shape.rank() == 4 &&
         test.inputs[input].dtype == DType::kF32;
}

// Rounding steps between the exact value and the float32 result; 0: exact.
double roundings(const ConformanceCase& test) {
  const auto of_filter = [&](const Shape& f, bool depthwise) {
    return static_cast<double>(f[0] * f[1] * (depthwise ? 1 : f[2])) + 2.0;
  };
  if (std::holds_alternative<Conv2D>(test.op)) return of_filter(test.inputs[1].shape, false);
  if (std::holds_alternative<DepthwiseConv2D>(test.op)) {
    return of_filter(test.inputs[1].shape, true) + (test.inputs.size() > 3 ? 1.0 : 0.0);
  }
  if (std::holds_alternative<SeparableConv2D>(test.op)) {
    // The first one's error goes through the second one like a part of its input.
    const std::size_t last = test.inputs.size() - 2;
    return of_filter(test.inputs[1].shape, true) + (last > 3 ? 1.0 : 0.0) +
           of_filter(test.inputs[last].shape, false);
  }
  if (const auto* m = std::get_if<MatMul>(&test.op)) {
    return static_cast<double>(test.inputs[0].shape[m->transpose_a ? 0 : 1]) + 2.0;
  }
  if (const auto* pool = std::get_if<Pool>(&test.op)) {
    if (pool->kind == Pool::Kind::kMax) return 0;
    return static_cast<double>(pool->kernel_h) * pool->kernel_w + 3.0;
  }
  if (const auto* mean = std::get_if<Mean>(&test.op)) {
    double count = 1;
    for (const int axis : mean->axes) count *= static_cast<double>(test.inputs[0].shape[axis]);
    return count + 3.0;
  }
  return 0;
}

Op without_activation(Op op) {
  if (auto* conv = std::get_if<Conv2D>(&op)) conv->activation = Activation::kNone;
  if (auto* conv = std::get_if<DepthwiseConv2D>(&op)) conv->activation = Activation::kNone;
  if (auto* pair = std::get_if<SeparableConv2D>(&op)) {
    pair->activation = pair->depthwise.activation = Activation::kNone;
  }
  if (auto* product = std::get_if<MatMul>(&op)) product->activation = Activation::kNone;
  return op;
}

}  // namespace

Tensor random_tensor(const TensorSpec& spec, std::uint64_t seed) {
  Tensor tensor(spec);
  std::uint64_t state = seed;
  if (spec.dtype == DType::kF32) {
    for (float& value : tensor.as<float>()) {
      value = static_cast<float>(static_cast<std::int64_t>(next(state) >> 40) - (1 << 23)) /
              static_cast<float>(1 << 23);
    }
  } else {
    for (std::uint8_t& value : tensor.as<std::uint8_t>()) {
      value = static_cast<std::uint8_t>(next(state) >> 56);
    }
  }
  return tensor;
}

Tensor relaid(const Tensor& tensor, Layout layout) {
  TensorSpec spec = tensor.spec();
  spec.layout = layout;
  Tensor result(spec);
  const std::array<TensorView, 1> in = {tensor.view()};
  reference::run(Reorder{layout}, {in, result.view(), {}});
  return result;
}

Evaluated evaluate(const Backend& backend, const ConformanceCase& test,
                   const std::vector<Tensor>& inputs, Layout layout) {
  OpSpec spec{test.op, test.inputs, {}};
  const auto output = infer_output(test.op, test.inputs);
  if (!output.ok()) throw std::invalid_argument(test.name + ": " + output.error().message);
  spec.output = *output;
  std::vector<Tensor> laid_out;
  std::vector<TensorView> constants;
  std::vector<TensorView> variables;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool blocked = layout != Layout::kDense && holds_activations(test, i);
    laid_out.push_back(blocked ? relaid(inputs[i], layout) : inputs[i].clone());
    spec.inputs[i] = laid_out.back().spec();
    const TensorView known = laid_out.back().view();
    const TensorView unknown{known.spec, nullptr};
    constants.push_back(test.constant[i] ? known : unknown);
    variables.push_back(test.constant[i] ? unknown : known);
  }
  auto prepared = backend.prepare(spec, constants);
  Evaluated result;
  if (const auto* refusal = std::get_if<Refusal>(&prepared)) {
    result.declined = refusal->reason;
    return result;
  }
  result.accepted = true;
  const Kernel& kernel = *std::get<0>(prepared);
  // What was constant must have been copied: wipe it.
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (test.constant[i]) std::memset(laid_out[i].view().data, 0xFF, laid_out[i].spec().bytes());
  }
  TensorSpec out_spec = spec.output;
  out_spec.layout = kernel.output_layout();
  Tensor out(out_spec);
  const AlignedBuffer garbage = full_of_nan(out_spec.bytes());
  std::memcpy(out.view().data, garbage.data(), out_spec.bytes());
  AlignedBuffer scratch = full_of_nan(kernel.scratch_bytes());
  kernel.run(variables, out.view(), {scratch.data(), scratch.size()});
  if (out_spec.layout == Layout::kDense) {
    result.dense = std::move(out);
    return result;
  }
  result.dense = Tensor(spec.output);
  const std::array<TensorView, 1> in = {out.view()};
  reference::run(Reorder{Layout::kDense}, {in, result.dense.view(), {}});
  const Tensor again = relaid(result.dense, out_spec.layout);
  result.padding_is_zero = std::memcmp(again.view().data, out.view().data, out_spec.bytes()) == 0;
  return result;
}

std::vector<float> tolerances(const ConformanceCase& test, const std::vector<Tensor>& inputs) {
  const auto output = infer_output(test.op, test.inputs);
  if (!output.ok()) throw std::invalid_argument(test.name + ": " + output.error().message);
  std::vector<float> result(static_cast<std::size_t>(output->shape.elements()), 0.0F);
  const double steps = roundings(test);
  if (steps == 0) return result;
  ConformanceCase absolute = test;
  absolute.op = without_activation(test.op);
  std::vector<Tensor> magnitudes;
  for (const Tensor& input : inputs) {
    magnitudes.push_back(input.clone());
    for (float& value : magnitudes.back().as<float>()) value = std::fabs(value);
  }
  const Evaluated sums = evaluate(reference_backend(), absolute, magnitudes, Layout::kDense);
  std::ranges::transform(sums.dense.as<float>(), result.begin(), [&](float sum) {
    return static_cast<float>(steps * std::ldexp(1.0, -24) * static_cast<double>(sum));
  });
  return result;
}

}  // namespace graft
