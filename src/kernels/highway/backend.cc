#include <algorithm>
#include <cctype>
#include <new>
#include <string>

#include "kernels/highway/highway.h"
#include "kernels/highway/ops.h"

namespace graft {
namespace highway {
namespace {

// Without AVX2 nobody has looked.
bool highway_leads(const VectorKernels& vectors) {
  return vectors.target == "AVX2" || vectors.target.starts_with("AVX3");
}

class HighwayBackend final : public Backend {
 public:
  explicit HighwayBackend(const VectorKernels& vectors)
      : vectors_(vectors), mode_("highway-3-" + std::string(vectors.target)) {
    for (char& c : mode_) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }

  std::string_view name() const override { return "highway"; }
  // The number counts changes of the order or rounding of any sum; the instruction set decides
  // whether products are rounded before they are added.
  std::string numeric_mode() const override { return mode_; }
  // Times over oneDNN's on an EPYC of 2024: depthwise in float32 0.4 to 0.7, a pair in the midst of
  // a network 0.8 to 0.95. First convolutions are 1.07 to 1.28, but the same bits with AVX2 and
  // AVX-512, and with AVX2 nearer to the exact ones: the median distance of features of 0.25_224
  // quantized is 1.4e-5, with oneDNN's 2.0e-5.
  bool leads(const OpSpec&) const override { return highway_leads(vectors_); }

  Prepared prepare(const OpSpec& spec, std::span<const TensorView> constants) const override {
    const auto inferred = infer_output(spec.op, spec.inputs);
    if (!inferred.ok()) return Refusal{inferred.error().message};
    if (!(*inferred == spec.output)) return Refusal{"the output's spec is not what the op gives"};
    if (constants.size() != spec.inputs.size()) return Refusal{"constants do not match the inputs"};
    for (const TensorSpec& input : spec.inputs) {
      if (input.dtype != DType::kF32) return Refusal{"f32 only"};
      if (input.layout != Layout::kDense) return Refusal{"reads dense inputs only"};
    }
    return std::visit([&](const auto& op) { return dispatch(op, spec, constants); }, spec.op);
  }

 private:
  template <typename OpType>
  Prepared dispatch(const OpType& op, const OpSpec& spec, Constants constants) const {
    if constexpr (requires { highway::prepare(op, spec, constants, vectors_); }) {
      const auto unknown = [](const TensorView& constant) { return constant.data == nullptr; };
      if (std::ranges::any_of(constants.subspan(1), unknown)) {
        return Refusal{"filter, bias or scale is not known beforehand"};
      }
      return highway::prepare(op, spec, constants, vectors_);
    } else {
      return Refusal{"not one of its ops"};
    }
  }

  const VectorKernels& vectors_;
  std::string mode_;
};

}  // namespace
}  // namespace highway

const Backend& highway_backend() {
  static const highway::HighwayBackend backend(highway::vector_kernels());
  return backend;
}

bool highway_is_preferred() {
  return highway::highway_leads(highway::vector_kernels());
}

std::vector<const Backend*> highway_backends() {
  static const std::vector<highway::HighwayBackend> all(highway::all_vector_kernels().begin(),
                                                        highway::all_vector_kernels().end());
  std::vector<const Backend*> backends;
  for (const highway::HighwayBackend& backend : all) backends.push_back(&backend);
  return backends;
}

}  // namespace graft
