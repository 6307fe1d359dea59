// One function an op: the oneDNN kernel for it, or why there is none. They may throw dnnl::error,
// which the backend turns into a Refusal. Specs are valid (infer_output has passed) and f32, but
// for those of the quantized convolutions.
// Thread rule: any thread.
#pragma once

#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <variant>

#include "kernels/backend.h"

namespace graft::onednn {

using Prepared = std::variant<std::unique_ptr<Kernel>, Refusal>;
using Constants = std::span<const TensorView>;

Prepared prepare(const Conv2D& op, const OpSpec& spec, Constants constants);
Prepared prepare(const DepthwiseConv2D& op, const OpSpec& spec, Constants constants);
Prepared prepare(const QuantizedConv2D& op, const OpSpec& spec, Constants constants);
Prepared prepare(const QuantizedDepthwiseConv2D& op, const OpSpec& spec, Constants constants);
Prepared prepare(const MatMul& op, const OpSpec& spec, Constants constants);
Prepared prepare(const Pool& op, const OpSpec& spec, Constants constants);
Prepared prepare(const Mean& op, const OpSpec& spec, Constants constants);
Prepared prepare(const Unary& op, const OpSpec& spec, Constants constants);
Prepared prepare(const Binary& op, const OpSpec& spec, Constants constants);
Prepared prepare(const Concat& op, const OpSpec& spec, Constants constants);
Prepared prepare(const Reorder& op, const OpSpec& spec, Constants constants);

// The activation as a post-op, scratch given by the caller.
dnnl::primitive_attr attributes(Activation activation = Activation::kNone);
// oneDNN's own scalar fallback is no gain over ours and slower than most: decline it.
bool is_scalar_fallback(const char* implementation);

}  // namespace graft::onednn
