// f32 to u8, in vectors. Compiled once an instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/highway/quantize.cc"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/vector_dispatch.h"
#include "kernels/highway/ops.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr float kLargestByte = 255;

// scale: one a number of the first `period`, a multiple of every vector's width, and so on.
void quantize(const float* x, std::size_t count, const float* scale, std::size_t period,
              std::uint8_t* out) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto low = hn::Zero(d);
  const auto high = hn::Set(d, kLargestByte);
  for (std::size_t done = 0; done < count; done += period) {
    const std::size_t part = std::min(period, count - done);
    std::size_t i = 0;
    for (; i + lanes <= part; i += lanes) {
      const auto value = hn::Mul(hn::LoadU(d, x + i), hn::Load(d, scale + i));
      // NaN compares as false.
      const auto kept = hn::Min(hn::IfThenElse(hn::Gt(value, low), value, low), high);
      hn::StoreU(hn::DemoteTo(bytes, hn::NearestInt(kept)), bytes, out + i);
    }
    for (; i < part; ++i) {
      const float value = x[i] * scale[i];
      const float kept = value > 0 ? std::fmin(value, kLargestByte) : 0.0F;
      out[i] = static_cast<std::uint8_t>(std::nearbyint(kept));
    }
    x += part;
    out += part;
  }
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::highway {
namespace {

using QuantizeLoop = void (*)(const float*, std::size_t, const float*, std::size_t, std::uint8_t*);

class QuantizeKernel final : public Kernel {
 public:
  QuantizeKernel(const Shape& x, std::span<const float> scale)
      : count_(size(x.elements())),
        period_(std::lcm(scale.size(), kWidestVector)),
        scale_(period_ * sizeof(float)),
        loop_(GRAFT_FOR_INSTRUCTIONS(instruction_set(), quantize)) {
    auto* const repeated = reinterpret_cast<float*>(scale_.data());
    for (std::size_t i = 0; i < period_; ++i) repeated[i] = scale[i % scale.size()];
  }
  std::size_t scratch_bytes() const override { return 0; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte>) const override {
    loop_(in[0].as<float>().data(), count_, reinterpret_cast<const float*>(scale_.data()), period_,
          out.as<std::uint8_t>().data());
  }

 private:
  static constexpr std::size_t kWidestVector = 16;  // floats
  std::size_t count_, period_;
  AlignedBuffer scale_;
  QuantizeLoop loop_;
};

}  // namespace

Prepared prepare(const Quantize&, const OpSpec& spec, Constants constants, const VectorKernels&) {
  return std::make_unique<QuantizeKernel>(spec.inputs[0].shape, constants[1].as<float>());
}

}  // namespace graft::highway
#endif  // HWY_ONCE
