// One function an op: the highway kernel for it, or why there is none. Specs are valid
// (infer_output has passed), f32 and dense; all inputs but the first are known.
// Thread rule: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>

#include "kernels/backend.h"
#include "kernels/highway/vector_kernels.h"

namespace graft::highway {

using Prepared = std::variant<std::unique_ptr<Kernel>, Refusal>;
using Constants = std::span<const TensorView>;

// Of a dimension.
inline std::size_t size(std::int64_t dim) {
  return static_cast<std::size_t>(dim);
}

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);
Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);
Prepared prepare(const MatMul& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);
Prepared prepare(const Quantize& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);
Prepared prepare(const SeparableConv2D& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors);

}  // namespace graft::highway
