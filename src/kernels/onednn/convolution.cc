#include <optional>

#include "kernels/onednn/ops.h"
#include "kernels/onednn/primitive_kernel.h"
#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

using dnnl::memory;
using Descriptor = dnnl::convolution_forward::primitive_desc;

// The best vectorised implementation, or nothing. In order of preference: the layout that x has on
// both sides (dense NHWC is as fast as blocked where it exists, and needs no reordering), a result
// in oneDNN's own choice, both in its choice and x copied over first.
std::optional<Descriptor> choose(const memory::desc& x, const memory::desc& same,
                                 const memory::desc& any_x, const memory::desc& any_result,
                                 const Shape& result, const auto& describe_convolution) {
  const std::pair<const memory::desc&, const memory::desc&> candidates[] = {
      {x, same}, {x, any_result}, {any_x, any_result}};
  for (const auto& [source, target] : candidates) {
    const Descriptor found = describe_convolution(source, target);
    if (found && !is_scalar_fallback(found.impl_info_str()) &&
        layout_of(found.dst_desc(), result)) {
      return found;
    }
  }
  return std::nullopt;
}

// Times one vector, plus another (both of this description), then the activation.
dnnl::primitive_attr scaled_attributes(const memory::desc& vector, Activation activation) {
  dnnl::primitive_attr attr = attributes(activation);
  const dnnl::post_ops last = attr.get_post_ops();
  dnnl::post_ops all;
  all.append_binary(dnnl::algorithm::binary_mul, vector);
  all.append_binary(dnnl::algorithm::binary_add, vector);
  if (last.len() == 1) {
    float scale = 1;
    float alpha = 0;
    float beta = 0;
    auto algorithm = dnnl::algorithm::undef;
    last.get_params_eltwise(0, scale, algorithm, alpha, beta);
    all.append_eltwise(scale, algorithm, alpha, beta);
  }
  attr.set_post_ops(all);
  return attr;
}

template <typename Conv>
Prepared prepare_convolution(const Conv& op, const Filter& filter, const OpSpec& spec,
                             Constants constants) {
  for (const TensorView& constant : constants.subspan(1)) {
    if (constant.data == nullptr) return Refusal{"filter, bias or scale is not known beforehand"};
  }
  const bool biased = spec.inputs.size() == 3;
  const bool scaled = spec.inputs.size() == 4;  // the bias is then added behind the scale
  const TensorSpec& input = spec.inputs[0];
  const Shape& result = spec.output.shape;
  if (scaled && result.elements() == result[3]) {
    // oneDNN 2.6 takes a factor of the result's own shape for one number a value, not a channel,
    // and then, with AVX-512, multiplies all but the first 16 channels by the wrong ones.
    return Refusal{"a scaled result of one pixel"};
  }
  const memory::desc x = describe(input.shape, input.layout);
  const memory::desc any_filter(filter.dims, kF32, memory::format_tag::any);
  const memory::desc bias =
      biased ? describe(spec.inputs[2].shape, Layout::kDense) : memory::desc();
  const memory::desc channels({1, result[3], 1, 1}, kF32, memory::format_tag::nhwc);
  const dnnl::primitive_attr attr =
      scaled ? scaled_attributes(channels, op.activation) : attributes(op.activation);
  const auto found =
      choose(x, describe(result, input.layout), describe_any(input.shape), describe_any(result),
             result, [&](const memory::desc& source, const memory::desc& target) {
               const dnnl::convolution_forward::desc desc(
                   dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source,
                   any_filter, bias, target, {op.stride_h, op.stride_w},
                   {op.dilation_h - 1, op.dilation_w - 1}, {op.padding.top, op.padding.left},
                   {op.padding.bottom, op.padding.right});
               return Descriptor(desc, attr, engine(), true);
             });
  if (!found) return Refusal{"no vectorised convolution for it"};

  auto kernel = std::make_unique<PrimitiveKernel>(*layout_of(found->dst_desc(), result));
  const bool copied = found->src_desc() != x;
  const std::size_t copy =
      copied ? kernel->reserve_scratch(found->src_desc().get_size()) : std::size_t{0};
  if (copied) {
    const dnnl::reorder::primitive_desc reorder(engine(), x, engine(), found->src_desc(),
                                                attributes());
    kernel->add(dnnl::reorder(reorder));
    kernel->bind_input(DNNL_ARG_FROM, 0, x);
    kernel->bind_scratch(DNNL_ARG_TO, found->src_desc(), copy);
    kernel->bind_scratchpad(reorder.scratchpad_desc());
  }
  kernel->add(dnnl::convolution_forward(*found));
  if (copied) {
    kernel->bind_scratch(DNNL_ARG_SRC, found->src_desc(), copy);
  } else {
    kernel->bind_input(DNNL_ARG_SRC, 0, x);
  }
  kernel->bind_output(DNNL_ARG_DST, found->dst_desc());
  kernel->bind_scratchpad(found->scratchpad_desc());
  kernel->bind_constant(DNNL_ARG_WEIGHTS, pack({filter.dims, kF32, filter.order}, constants[1].data,
                                               found->weights_desc()));
  if (biased) kernel->bind_constant(DNNL_ARG_BIAS, pack(bias, constants[2].data, bias));
  if (scaled) {
    kernel->bind_constant(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                          pack(channels, constants[3].data, channels));
    kernel->bind_constant(DNNL_ARG_ATTR_MULTIPLE_POST_OP(1) | DNNL_ARG_SRC_1,
                          pack(channels, constants[2].data, channels));
  }
  return kernel;
}

}  // namespace

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants) {
  return prepare_convolution(op, dense_filter(spec.inputs[1].shape), spec, constants);
}

Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants) {
  return prepare_convolution(op, depthwise_filter(spec.inputs[1].shape), spec, constants);
}

}  // namespace graft::onednn
