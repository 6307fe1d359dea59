#include <algorithm>

#include "kernels/onednn/ops.h"
#include "kernels/onednn/primitive_kernel.h"
#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

Prepared prepare_pooling(const Pool& op, const TensorSpec& x, const Shape& output) {
  const auto algorithm = op.kind == Pool::Kind::kMax ? dnnl::algorithm::pooling_max
                                                     : dnnl::algorithm::pooling_avg_exclude_padding;
  const dnnl::pooling_forward::desc desc(
      dnnl::prop_kind::forward_inference, algorithm, describe(x.shape, x.layout),
      describe(output, x.layout), {op.stride_h, op.stride_w}, {op.kernel_h, op.kernel_w},
      {op.padding.top, op.padding.left}, {op.padding.bottom, op.padding.right});
  const dnnl::pooling_forward::primitive_desc chosen(desc, attributes(), engine());
  if (is_scalar_fallback(chosen.impl_info_str())) return Refusal{"no vectorised pooling for it"};
  auto kernel = std::make_unique<PrimitiveKernel>(x.layout);
  kernel->add(dnnl::pooling_forward(chosen));
  kernel->bind_input(DNNL_ARG_SRC, 0, chosen.src_desc());
  kernel->bind_output(DNNL_ARG_DST, chosen.dst_desc());
  kernel->bind_scratchpad(chosen.scratchpad_desc());
  return kernel;
}

}  // namespace

Prepared prepare(const Pool& op, const OpSpec& spec, Constants) {
  return prepare_pooling(op, spec.inputs[0], spec.output.shape);
}

// The mean over height and width is an average pool with one window.
Prepared prepare(const Mean& op, const OpSpec& spec, Constants) {
  const TensorSpec& x = spec.inputs[0];
  std::vector<int> axes = op.axes;
  std::ranges::sort(axes);
  if (x.shape.rank() != 4 || axes != std::vector<int>{1, 2}) {
    return Refusal{"only means over height and width"};
  }
  if (std::max(x.shape[1], x.shape[2]) > 256) return Refusal{"larger than it is tested for"};
  Pool pool;
  pool.kind = Pool::Kind::kAverage;
  pool.kernel_h = static_cast<int>(x.shape[1]);
  pool.kernel_w = static_cast<int>(x.shape[2]);
  const Shape pooled{x.shape[0], 1, 1, x.shape[3]};
  auto prepared = prepare_pooling(pool, x, pooled);
  const auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
  if (kernel != nullptr && !op.keep_dims && (*kernel)->output_layout() != Layout::kDense) {
    return Refusal{"a mean without height and width cannot keep a blocked layout"};
  }
  return prepared;
}

}  // namespace graft::onednn
