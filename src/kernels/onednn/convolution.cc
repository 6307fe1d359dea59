#include <array>

#include "kernels/onednn/ops.h"
#include "kernels/onednn/primitive_kernel.h"
#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

using dnnl::memory;

// The filter as oneDNN names its dimensions, over our row-major HWIO memory.
struct Filter {
  memory::dims dims;
  memory::format_tag order;
};

template <typename Conv>
Prepared prepare_convolution(const Conv& op, const Filter& filter, const OpSpec& spec,
                             Constants constants) {
  const TensorSpec& x = spec.inputs[0];
  const bool biased = spec.inputs.size() == 3;
  if (constants[1].data == nullptr || (biased && constants[2].data == nullptr)) {
    return Refusal{"filter or bias is not known beforehand"};
  }
  const auto kF32 = memory::data_type::f32;
  const memory::desc any_filter(filter.dims, kF32, memory::format_tag::any);
  const memory::desc source = describe(x.shape, x.layout);
  const memory::desc result = describe_any(spec.output.shape);
  const memory::desc bias =
      biased ? describe(spec.inputs[2].shape, Layout::kDense) : memory::desc();
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, any_filter,
      bias, result, {op.stride_h, op.stride_w}, {op.dilation_h - 1, op.dilation_w - 1},
      {op.padding.top, op.padding.left}, {op.padding.bottom, op.padding.right});
  const dnnl::convolution_forward::primitive_desc chosen(desc, attributes(op.activation), engine());
  if (is_scalar_fallback(chosen.impl_info_str()))
    return Refusal{"no vectorised convolution for it"};
  const auto layout = layout_of(chosen.dst_desc(), spec.output.shape);
  if (!layout) return Refusal{"the result would be in a foreign layout"};

  auto kernel = std::make_unique<PrimitiveKernel>(dnnl::convolution_forward(chosen), *layout);
  kernel->bind_input(DNNL_ARG_SRC, 0, chosen.src_desc());
  kernel->bind_output(DNNL_ARG_DST, chosen.dst_desc());
  kernel->bind_scratch(chosen.scratchpad_desc());
  kernel->bind_constant(DNNL_ARG_WEIGHTS, pack({filter.dims, kF32, filter.order}, constants[1].data,
                                               chosen.weights_desc()));
  if (biased) {
    kernel->bind_constant(DNNL_ARG_BIAS, pack(bias, constants[2].data, chosen.bias_desc()));
  }
  return kernel;
}

}  // namespace

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants) {
  const Shape& f = spec.inputs[1].shape;
  return prepare_convolution(op, {{f[3], f[2], f[0], f[1]}, memory::format_tag::hwio}, spec,
                             constants);
}

// Groups of one input and `multiplier` output channels: group-major output channels are C*M in
// TensorFlow's order too.
Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants) {
  const Shape& f = spec.inputs[1].shape;
  return prepare_convolution(op, {{f[2], f[3], 1, f[0], f[1]}, memory::format_tag::hwigo}, spec,
                             constants);
}

}  // namespace graft::onednn
