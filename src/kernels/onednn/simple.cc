#include "kernels/onednn/ops.h"
#include "kernels/onednn/primitive_kernel.h"
#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

using dnnl::memory;

// oneDNN's logical axis for an axis of a row-major shape (NHWC is N, C, H, W there).
int logical_axis(int rank, int axis) {
  if (rank != 4) return axis;
  constexpr int kOfNhwc[4] = {0, 2, 3, 1};
  return kOfNhwc[axis];
}

dnnl::algorithm algorithm_of(Binary::Kind kind) {
  switch (kind) {
    case Binary::Kind::kAdd:
      return dnnl::algorithm::binary_add;
    case Binary::Kind::kSub:
      return dnnl::algorithm::binary_sub;
    case Binary::Kind::kMul:
      return dnnl::algorithm::binary_mul;
    case Binary::Kind::kDiv:
      return dnnl::algorithm::binary_div;
    case Binary::Kind::kMaximum:
      return dnnl::algorithm::binary_max;
    case Binary::Kind::kMinimum:
      return dnnl::algorithm::binary_min;
  }
  return dnnl::algorithm::undef;
}

}  // namespace

Prepared prepare(const Unary& op, const OpSpec& spec, Constants) {
  const TensorSpec& x = spec.inputs[0];
  auto algorithm = dnnl::algorithm::eltwise_relu;
  float alpha = 0;
  if (op.kind == Unary::Kind::kRelu6) {
    algorithm = dnnl::algorithm::eltwise_bounded_relu;
    alpha = 6;
  } else if (op.kind != Unary::Kind::kRelu) {
    return Refusal{"only relu and relu6"};
  }
  const memory::desc both = describe(x.shape, x.layout);
  const dnnl::eltwise_forward::desc desc(dnnl::prop_kind::forward_inference, algorithm, both,
                                         alpha);
  const dnnl::eltwise_forward::primitive_desc chosen(desc, attributes(), engine());
  if (is_scalar_fallback(chosen.impl_info_str())) return Refusal{"no vectorised kernel for it"};
  auto kernel = std::make_unique<PrimitiveKernel>(x.layout);
  kernel->add(dnnl::eltwise_forward(chosen));
  kernel->bind_input(DNNL_ARG_SRC, 0, both);
  kernel->bind_output(DNNL_ARG_DST, both);
  kernel->bind_scratchpad(chosen.scratchpad_desc());
  return kernel;
}

Prepared prepare(const Binary& op, const OpSpec& spec, Constants) {
  const TensorSpec& a = spec.inputs[0];
  const TensorSpec& b = spec.inputs[1];
  // oneDNN broadcasts its second operand only.
  if (!(a.shape == spec.output.shape)) return Refusal{"the first operand is broadcast"};
  std::vector<std::int64_t> dims(static_cast<std::size_t>(a.shape.rank()), 1);
  std::copy(b.shape.dims().begin(), b.shape.dims().end(), dims.end() - b.shape.rank());
  auto lifted = Shape::make(dims);
  if (!lifted.ok()) return Refusal{lifted.error().message};
  if (b.layout != Layout::kDense && !(b.shape == a.shape)) {
    return Refusal{"a broadcast operand must be dense"};
  }
  const memory::desc first = describe(a.shape, a.layout);
  const memory::desc second = describe(*lifted, b.layout);
  const dnnl::binary::desc desc(algorithm_of(op.kind), first, second, first);
  const dnnl::binary::primitive_desc chosen(desc, attributes(), engine());
  if (is_scalar_fallback(chosen.impl_info_str())) return Refusal{"no vectorised kernel for it"};
  auto kernel = std::make_unique<PrimitiveKernel>(a.layout);
  kernel->add(dnnl::binary(chosen));
  kernel->bind_input(DNNL_ARG_SRC_0, 0, first);
  kernel->bind_input(DNNL_ARG_SRC_1, 1, second);
  kernel->bind_output(DNNL_ARG_DST, first);
  kernel->bind_scratchpad(chosen.scratchpad_desc());
  return kernel;
}

Prepared prepare(const Concat& op, const OpSpec& spec, Constants) {
  // oneDNN counts sources up to the number at which its results begin, and fails only at run time.
  constexpr std::size_t kMostSources = DNNL_ARG_MULTIPLE_DST - DNNL_ARG_MULTIPLE_SRC;
  if (spec.inputs.size() > kMostSources) return Refusal{"more inputs than oneDNN can number"};
  const Layout layout = spec.inputs[0].layout;
  std::vector<memory::desc> sources;
  for (const TensorSpec& input : spec.inputs) {
    if (input.layout != layout) return Refusal{"inputs of different layouts"};
    sources.push_back(describe(input.shape, layout));
  }
  const memory::desc result = describe(spec.output.shape, layout);
  const dnnl::concat::primitive_desc chosen(result, logical_axis(spec.output.shape.rank(), op.axis),
                                            sources, engine(), attributes());
  if (is_scalar_fallback(chosen.impl_info_str())) return Refusal{"no vectorised kernel for it"};
  auto kernel = std::make_unique<PrimitiveKernel>(layout);
  kernel->add(dnnl::concat(chosen));
  for (std::size_t i = 0; i < sources.size(); ++i) {
    kernel->bind_input(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), i, sources[i]);
  }
  kernel->bind_output(DNNL_ARG_DST, result);
  kernel->bind_scratchpad(chosen.scratchpad_desc());
  return kernel;
}

Prepared prepare(const Reorder& op, const OpSpec& spec, Constants) {
  const TensorSpec& x = spec.inputs[0];
  const memory::desc from = describe(x.shape, x.layout);
  const memory::desc to = describe(x.shape, op.to);
  const dnnl::reorder::primitive_desc chosen(engine(), from, engine(), to, attributes());
  auto kernel = std::make_unique<PrimitiveKernel>(op.to);
  kernel->add(dnnl::reorder(chosen));
  kernel->bind_input(DNNL_ARG_FROM, 0, from);
  kernel->bind_output(DNNL_ARG_TO, to);
  kernel->bind_scratchpad(chosen.scratchpad_desc());
  return kernel;
}

}  // namespace graft::onednn
