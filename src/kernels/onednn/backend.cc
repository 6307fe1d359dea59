#include <cstring>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "kernels/onednn/onednn.h"
#include "kernels/onednn/ops.h"
#include "kernels/onednn/runtime.h"

namespace graft {
namespace onednn {
namespace {

class OneDnnBackend final : public Backend {
 public:
  std::string_view name() const override { return "onednn"; }
  std::string numeric_mode() const override { return onednn::numeric_mode(); }

  Prepared prepare(const OpSpec& spec, std::span<const TensorView> constants) const override {
    const auto inferred = infer_output(spec.op, spec.inputs);
    if (!inferred.ok()) return Refusal{inferred.error().message};
    if (!(*inferred == spec.output)) return Refusal{"the output's spec is not what the op gives"};
    if (constants.size() != spec.inputs.size()) return Refusal{"constants do not match the inputs"};
    for (const TensorSpec& input : spec.inputs) {
      if (input.dtype != DType::kF32) return Refusal{"f32 only"};
    }
    run_single_threaded();
    try {
      return std::visit([&](const auto& op) { return dispatch(op, spec, constants); }, spec.op);
    } catch (const dnnl::error& error) {
      return Refusal{std::string("oneDNN: ") + error.what()};
    } catch (const std::bad_alloc&) {
      return Refusal{"not enough memory to prepare it"};
    }
  }

 private:
  template <typename OpType>
  static Prepared dispatch(const OpType& op, const OpSpec& spec, Constants constants) {
    if constexpr (requires { onednn::prepare(op, spec, constants); }) {
      return onednn::prepare(op, spec, constants);
    } else {
      return Refusal{"left to the reference"};
    }
  }
};

}  // namespace

dnnl::primitive_attr attributes(Activation activation) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (activation != Activation::kNone) {
    dnnl::post_ops after;
    if (activation == Activation::kRelu) {
      after.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
    } else {
      after.append_eltwise(1.0F, dnnl::algorithm::eltwise_bounded_relu, 6.0F, 0.0F);
    }
    attr.set_post_ops(after);
  }
  return attr;
}

bool is_scalar_fallback(const char* implementation) {
  return std::strncmp(implementation, "ref", 3) == 0;
}

}  // namespace onednn

const Backend& onednn_backend() {
  static const onednn::OneDnnBackend backend;
  return backend;
}

}  // namespace graft
