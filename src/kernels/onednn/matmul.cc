#include "kernels/onednn/ops.h"
#include "kernels/onednn/primitive_kernel.h"
#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

}  // namespace

Prepared prepare(const MatMul& op, const OpSpec& spec, Constants constants) {
  const std::int64_t rows = spec.output.shape[0];
  const std::int64_t columns = spec.output.shape[1];
  const std::int64_t depth = spec.inputs[0].shape[op.transpose_a ? 0 : 1];
  const bool biased = spec.inputs.size() == 3;
  const bool packed = constants[1].data != nullptr;
  const memory::desc a({rows, depth}, kF32, op.transpose_a ? Tag::ba : Tag::ab);
  const memory::desc b({depth, columns}, kF32, op.transpose_b ? Tag::ba : Tag::ab);
  const memory::desc any_b({depth, columns}, kF32, Tag::any);
  const memory::desc bias = biased ? memory::desc({1, columns}, kF32, Tag::ab) : memory::desc();
  const memory::desc result({rows, columns}, kF32, Tag::ab);
  const dnnl::matmul::desc desc(a, packed ? any_b : b, bias, result);
  const dnnl::matmul::primitive_desc chosen(desc, attributes(op.activation), engine());
  if (is_scalar_fallback(chosen.impl_info_str())) return Refusal{"no vectorised product for it"};

  auto kernel = std::make_unique<PrimitiveKernel>(Layout::kDense);
  kernel->add(dnnl::matmul(chosen));
  kernel->bind_input(DNNL_ARG_SRC, 0, a);
  kernel->bind_output(DNNL_ARG_DST, result);
  kernel->bind_scratchpad(chosen.scratchpad_desc());
  if (packed) {
    kernel->bind_constant(DNNL_ARG_WEIGHTS, pack(b, constants[1].data, chosen.weights_desc()));
  } else {
    kernel->bind_input(DNNL_ARG_WEIGHTS, 1, b);
  }
  if (biased && constants[2].data != nullptr) {
    kernel->bind_constant(DNNL_ARG_BIAS, pack(bias, constants[2].data, bias));
  } else if (biased) {
    kernel->bind_input(DNNL_ARG_BIAS, 2, bias);
  }
  return kernel;
}

}  // namespace graft::onednn
