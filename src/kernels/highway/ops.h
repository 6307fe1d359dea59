// One function an op: the highway kernel for it, or why there is none. Specs are valid
// (infer_output has passed), f32 and dense; all inputs but the first are known.
// Thread rule: any thread.
#pragma once

#include <memory>
#include <span>
#include <variant>

#include "kernels/backend.h"
#include "kernels/highway/vector_kernels.h"

namespace graft::highway {

using Prepared = std::variant<std::unique_ptr<Kernel>, Refusal>;
using Constants = std::span<const TensorView>;

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);
Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);
Prepared prepare(const SeparableConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);

}  // namespace graft::highway
