// f32 to u8, in vectors. Compiled once an instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/highway/quantize.cc"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include <cmath>
#include <cstring>

#include "base/vector_dispatch.h"
#include "kernels/highway/ops.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// `pixels` pixels of `channels` numbers each; scale: one a channel.
void quantize(const float* x, const float* scale, std::size_t pixels, std::size_t channels,
              std::uint8_t* out) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto low = hn::Zero(d);
  const auto high = hn::Set(d, 255.0F);
  for (std::size_t p = 0; p < pixels; ++p) {
    std::size_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      const auto value = hn::Mul(hn::LoadU(d, x + c), hn::LoadU(d, scale + c));
      // NaN compares as false.
      const auto kept = hn::Min(hn::IfThenElse(hn::Gt(value, low), value, low), high);
      hn::StoreU(hn::DemoteTo(bytes, hn::NearestInt(kept)), bytes, out + c);
    }
    for (; c < channels; ++c) {
      const float value = x[c] * scale[c];
      const float kept = value > 0 ? std::fmin(value, 255.0F) : 0.0F;
      out[c] = static_cast<std::uint8_t>(std::nearbyint(kept));
    }
    x += channels;
    out += channels;
  }
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::highway {
namespace {

using QuantizeLoop = void (*)(const float*, const float*, std::size_t, std::size_t, std::uint8_t*);

class QuantizeKernel final : public Kernel {
 public:
  QuantizeKernel(const Shape& x, std::span<const float> scale)
      : channels_(scale.size()),
        pixels_(size(x.elements()) / channels_),
        scale_(channels_ * sizeof(float)),
        loop_(GRAFT_FOR_INSTRUCTIONS(instruction_set(), quantize)) {
    std::memcpy(scale_.data(), scale.data(), channels_ * sizeof(float));
  }
  std::size_t scratch_bytes() const override { return 0; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte>) const override {
    loop_(in[0].as<float>().data(), reinterpret_cast<const float*>(scale_.data()), pixels_,
          channels_, out.as<std::uint8_t>().data());
  }

 private:
  std::size_t channels_, pixels_;
  AlignedBuffer scale_;
  QuantizeLoop loop_;
};

}  // namespace

Prepared prepare(const Quantize&, const OpSpec& spec, Constants constants, const VectorKernels&) {
  return std::make_unique<QuantizeKernel>(spec.inputs[0].shape, constants[1].as<float>());
}

}  // namespace graft::highway
#endif  // HWY_ONCE
