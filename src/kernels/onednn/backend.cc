#include <sys/mman.h>

#include <algorithm>
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

// oneDNN computes offsets in 32 bits in places and unrolls its loops over the filter. Within these
// bounds it is tested; what a hostile graph asks for beyond them goes to the reference.
constexpr std::int64_t kMostElements = std::int64_t{1} << 28;
constexpr int kMostTaps = 64;
constexpr int kMostPadding = 256;

bool is_moderate(const Padding& pad) {
  return std::max({pad.top, pad.bottom, pad.left, pad.right}) <= kMostPadding;
}

template <typename OpType>
bool is_moderate(const OpType& op, const OpSpec& spec) {
  for (const TensorSpec& input : spec.inputs) {
    if (input.shape.elements() > kMostElements) return false;
  }
  if (spec.output.shape.elements() > kMostElements) return false;
  if constexpr (requires { op.dilation_h; }) {
    const Shape& filter = spec.inputs[1].shape;
    return std::max(filter[0], filter[1]) <= kMostTaps &&
           std::max({op.stride_h, op.stride_w, op.dilation_h, op.dilation_w}) <= kMostTaps &&
           is_moderate(op.padding);
  } else if constexpr (requires { op.kernel_h; }) {
    return std::max({op.kernel_h, op.kernel_w, op.stride_h, op.stride_w}) <= kMostTaps &&
           is_moderate(op.padding);
  } else {
    return true;
  }
}

// oneDNN 2.6 does not look whether it was given memory for the code that it generates, and ends the
// process when it was not. A primitive's code takes a few megabytes at most.
bool has_room_for_code() {
  constexpr std::size_t kRoom = std::size_t{24} << 20;
  void* room = ::mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return false;
  ::munmap(room, kRoom);
  return true;
}

class OneDnnBackend final : public Backend {
 public:
  std::string_view name() const override { return "onednn"; }
  std::string numeric_mode() const override { return onednn::numeric_mode(); }
  bool leads(const OpSpec&) const override { return true; }

  Prepared prepare(const OpSpec& spec, std::span<const TensorView> constants) const override {
    const auto inferred = infer_output(spec.op, spec.inputs);
    if (!inferred.ok()) return Refusal{inferred.error().message};
    if (!(*inferred == spec.output)) return Refusal{"the output's spec is not what the op gives"};
    if (constants.size() != spec.inputs.size()) return Refusal{"constants do not match the inputs"};
    const bool quantized = std::holds_alternative<QuantizedConv2D>(spec.op) ||
                           std::holds_alternative<QuantizedDepthwiseConv2D>(spec.op);
    for (const TensorSpec& input : spec.inputs) {
      if (input.dtype != DType::kF32 && !quantized) return Refusal{"f32 only"};
    }
    if (!has_room_for_code()) throw std::bad_alloc();
    run_single_threaded();
    try {
      return std::visit([&](const auto& op) { return dispatch(op, spec, constants); }, spec.op);
    } catch (const dnnl::error& error) {
      if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
      return Refusal{std::string("oneDNN: ") + error.what()};
    }
  }

 private:
  template <typename OpType>
  static Prepared dispatch(const OpType& op, const OpSpec& spec, Constants constants) {
    if constexpr (requires { onednn::prepare(op, spec, constants); }) {
      if (!is_moderate(op, spec)) return Refusal{"larger than it is tested for"};
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
  attr.set_fpmath_mode(dnnl::fpmath_mode::strict);  // whatever the environment says: f32 is f32
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
