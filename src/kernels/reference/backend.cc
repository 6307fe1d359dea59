#include "kernels/backend.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernels/reference/reference.h"
#include "kernels/reference/rsqrt.h"

namespace graft {
namespace reference {
namespace {

class ReferenceKernel final : public Kernel {
 public:
  ReferenceKernel(const OpSpec& spec, std::span<const TensorView> constants)
      : op_(spec.op), inputs_(spec.inputs), output_(spec.output) {
    output_.layout = output_layout();
    constants_.resize(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (constants[i].data == nullptr) continue;
      constants_[i] = Tensor(inputs_[i]);
      std::memcpy(constants_[i].view().data, constants[i].data, inputs_[i].bytes());
    }
    scratch_bytes_ = reference::scratch_bytes(spec);
  }

  std::size_t scratch_bytes() const override { return scratch_bytes_; }

  Layout output_layout() const override {
    const auto* reorder = std::get_if<Reorder>(&op_);
    return reorder == nullptr ? Layout::kDense : reorder->to;
  }

  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override {
    std::vector<TensorView> views(inputs_.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const bool packed = constants_[i].spec() == inputs_[i];
      views[i] = {inputs_[i], packed ? constants_[i].view().data : in[i].data};
    }
    const Call call{views, {output_, out.data}, scratch};
    std::visit([&](const auto& op) { reference::run(op, call); }, op_);
  }

 private:
  Op op_;
  std::vector<TensorSpec> inputs_;
  TensorSpec output_;
  std::vector<Tensor> constants_;  // a copy where the value is known, else empty
  std::size_t scratch_bytes_ = 0;
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }
  // Bits depend on the C library's float64 exp and on the processor's estimate of 1/sqrt(x).
  std::string numeric_mode() const override { return "reference-2" + rsqrt_mode(); }
  bool leads(const OpSpec&) const override { return false; }

  std::variant<std::unique_ptr<Kernel>, Refusal> prepare(
      const OpSpec& spec, std::span<const TensorView> constants) const override {
    const auto inferred = infer_output(spec.op, spec.inputs);
    if (!inferred.ok()) return Refusal{inferred.error().message};
    if (!(*inferred == spec.output)) return Refusal{"the output's spec is not what the op gives"};
    if (constants.size() != spec.inputs.size()) return Refusal{"constants do not match the inputs"};
    if (!std::holds_alternative<Reorder>(spec.op)) {
      for (const TensorSpec& input : spec.inputs) {
        if (input.layout != Layout::kDense) return Refusal{"reads dense inputs only"};
      }
    }
    return std::make_unique<ReferenceKernel>(spec, constants);
  }
};

}  // namespace

std::size_t scratch_bytes(const OpSpec& spec) {
  const Shape& out = spec.output.shape;
  std::int64_t sums = 0;
  if (std::holds_alternative<Conv2D>(spec.op) || std::holds_alternative<DepthwiseConv2D>(spec.op) ||
      std::holds_alternative<MatMul>(spec.op) || std::holds_alternative<Softmax>(spec.op) ||
      std::holds_alternative<QuantizedConv2D>(spec.op) ||
      std::holds_alternative<QuantizedDepthwiseConv2D>(spec.op)) {
    sums = out[out.rank() - 1];
  } else if (const auto* separable = std::get_if<SeparableConv2D>(&spec.op)) {
    return separable_scratch_bytes(*separable, spec.inputs);
  } else if (std::holds_alternative<Mean>(spec.op)) {
    sums = out.elements();
  }
  return static_cast<std::size_t>(sums) * sizeof(double);
}

std::span<double> accumulators(const Call& call, std::int64_t count) {
  return {reinterpret_cast<double*>(call.scratch.data()), static_cast<std::size_t>(count)};
}

void start_from_bias(const Call& call, std::span<double> sums) {
  const float* const bias = call.in.size() > 2 ? call.in[2].as<float>().data() : nullptr;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = bias == nullptr ? 0.0 : static_cast<double>(bias[i]);
  }
}

float activate(Activation activation, double sum) {
  const auto rounded = static_cast<float>(sum);
  if (activation == Activation::kNone || !(rounded < 0 || rounded > 6)) return rounded;
  if (rounded < 0) return 0.0F;
  return activation == Activation::kRelu6 ? 6.0F : rounded;
}

}  // namespace reference

const Backend& reference_backend() {
  static const reference::ReferenceBackend backend;
  return backend;
}

}  // namespace graft
