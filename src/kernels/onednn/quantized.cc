#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/onednn/ops.h"
#include "kernels/onednn/primitive_kernel.h"
#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

using dnnl::memory;

// Whether no two products that are added in 16 bits, where there is no VNNI, can leave them.
bool is_portable(const QuantizedConv2D&, const Shape& filter,
                 std::span<const std::int8_t> weights) {
  const auto outputs = static_cast<std::size_t>(filter[3]);
  const auto inputs = static_cast<std::size_t>(filter[2]);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t input = i / outputs % inputs;
    if (input % 2 == 1 || input + 1 == inputs) continue;
    const std::int8_t a = weights[i];
    const std::int8_t b = weights[i + outputs];
    if (std::max<int>(a, 0) + std::max<int>(b, 0) > kMostPairSum ||
        std::min<int>(a, 0) + std::min<int>(b, 0) < -kMostPairSum) {
      return false;
    }
  }
  return true;
}
// These are added in 32 bits everywhere.
bool is_portable(const QuantizedDepthwiseConv2D&, const Shape&, std::span<const std::int8_t>) {
  return true;
}

// Its products of matrices are no gain over convolutions made for these shapes, and generate code
// when they run, where want of memory for it ends the process.
bool is_wanted(const char* implementation) {
  return !is_scalar_fallback(implementation) && std::strstr(implementation, "gemm:") == nullptr &&
         std::strstr(implementation, ":gemm") == nullptr &&
         std::strncmp(implementation, "x8s8s32x", 8) != 0;
}

template <typename Conv>
Prepared prepare_quantized(const Conv& op, const Filter& filter, const OpSpec& spec,
                           Constants constants) {
  for (const TensorView& constant : constants.subspan(1)) {
    if (constant.data == nullptr) return Refusal{"filter, bias or scale is not known beforehand"};
  }
  if (spec.inputs[0].layout != Layout::kDense) return Refusal{"reads dense inputs only"};
  if (!adds_products_exactly() &&
      !is_portable(op, spec.inputs[1].shape, constants[1].as<std::int8_t>())) {
    return Refusal{"weights too large to add two products in 16 bits"};
  }
  constexpr auto kU8 = memory::data_type::u8;
  constexpr auto kS8 = memory::data_type::s8;
  const memory::desc x = describe(spec.inputs[0].shape, Layout::kDense, kU8);
  const memory::desc result = describe(spec.output.shape, Layout::kDense, op.to_f32 ? kF32 : kU8);
  const memory::desc bias = describe(spec.inputs[2].shape, Layout::kDense);
  const memory::desc any_filter(filter.dims, kS8, memory::format_tag::any);
  // Saturation to u8 is an activation by itself.
  dnnl::primitive_attr attr = attributes(op.to_f32 ? op.activation : Activation::kNone);
  constexpr int kChannelsMask = 1 << 1;
  const auto scale = constants[3].as<float>();
  attr.set_output_scales(kChannelsMask, std::vector<float>(scale.begin(), scale.end()));
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, x, any_filter, bias,
      result, {op.stride_h, op.stride_w}, {op.dilation_h - 1, op.dilation_w - 1},
      {op.padding.top, op.padding.left}, {op.padding.bottom, op.padding.right});
  dnnl::convolution_forward::primitive_desc found(desc, attr, engine(), true);
  while (found && !is_wanted(found.impl_info_str())) {
    if (!found.next_impl()) return Refusal{"no vectorised convolution for it"};
  }
  if (!found) return Refusal{"no vectorised convolution for it"};

  auto kernel = std::make_unique<PrimitiveKernel>(Layout::kDense);
  kernel->add(dnnl::convolution_forward(found));
  kernel->bind_input(DNNL_ARG_SRC, 0, x);
  kernel->bind_output(DNNL_ARG_DST, result);
  kernel->bind_scratchpad(found.scratchpad_desc());
  kernel->bind_constant(DNNL_ARG_WEIGHTS, pack({filter.dims, kS8, filter.order}, constants[1].data,
                                               found.weights_desc()));
  kernel->bind_constant(DNNL_ARG_BIAS, pack(bias, constants[2].data, bias));
  return kernel;
}

}  // namespace

Prepared prepare(const QuantizedConv2D& op, const OpSpec& spec, Constants constants) {
  return prepare_quantized(op, dense_filter(spec.inputs[1].shape), spec, constants);
}

Prepared prepare(const QuantizedDepthwiseConv2D& op, const OpSpec& spec, Constants constants) {
  return prepare_quantized(op, depthwise_filter(spec.inputs[1].shape), spec, constants);
}

}  // namespace graft::onednn
