#include <algorithm>
#include <array>
#include <vector>

#include "kernels/reference/reference.h"

namespace graft::reference {
namespace {

// The two convolutions, and where in scratch the first one's result and the sums of both stand.
struct Parts {
  OpSpec depthwise, pointwise;
  std::size_t sums_bytes = 0;

  Parts(const SeparableConv2D& op, std::span<const TensorSpec> inputs) {
    depthwise.op = op.depthwise;
    depthwise.inputs.assign(inputs.begin(), inputs.end() - 2);
    depthwise.output = *infer_output(depthwise.op, depthwise.inputs);
    pointwise.op = Conv2D{1, 1, 1, 1, {}, op.activation};
    pointwise.inputs = {depthwise.output, inputs[inputs.size() - 2], inputs.back()};
    pointwise.output = *infer_output(pointwise.op, pointwise.inputs);
    sums_bytes = std::max(scratch_bytes(depthwise), scratch_bytes(pointwise));
  }
};

}  // namespace

std::size_t separable_scratch_bytes(const SeparableConv2D& op, std::span<const TensorSpec> inputs) {
  const Parts parts(op, inputs);
  return parts.sums_bytes + parts.depthwise.output.bytes();
}

void run(const SeparableConv2D& op, const Call& call) {
  std::vector<TensorSpec> specs;
  for (const TensorView& input : call.in) specs.push_back(input.spec);
  const Parts parts(op, specs);
  const std::span<std::byte> sums = call.scratch.first(parts.sums_bytes);
  std::byte* const between = call.scratch.data() + parts.sums_bytes;
  run(op.depthwise, {call.in.first(call.in.size() - 2), {parts.depthwise.output, between}, sums});
  const std::array<TensorView, 3> in = {TensorView{parts.depthwise.output, between},
                                        call.in[call.in.size() - 2], call.in.back()};
  run(std::get<Conv2D>(parts.pointwise.op), {in, call.out, sums});
}

}  // namespace graft::reference
