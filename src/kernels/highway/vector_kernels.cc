#include "kernels/highway/vector_kernels.h"

#include <array>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/highway/vector_kernels.cc"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include "kernels/highway/convolve-inl.h"
#include "kernels/highway/depthwise-inl.h"
#include "kernels/highway/pointwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

VectorKernels table() {
  return {hwy::TargetName(HWY_TARGET),
          hn::Lanes(FloatTag()),
          hn::Lanes(DoubleTag()),
          &pointwise,
          &convolve,
          &depthwise,
          &wide_depthwise,
          &widen,
          &narrow};
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::highway {

HWY_EXPORT(table);

namespace {

VectorKernels kernels_for(std::int64_t targets) {
  hwy::GetChosenTarget().Update(targets);
  return HWY_DYNAMIC_DISPATCH(table)();
}

}  // namespace

const VectorKernels& vector_kernels() {
  static const VectorKernels kKernels = kernels_for(hwy::SupportedTargets());
  return kKernels;
}

const std::vector<VectorKernels>& all_vector_kernels() {
  static const std::vector<VectorKernels> kAll = [] {
    std::vector<VectorKernels> all;
    const std::int64_t supported = hwy::SupportedTargets();
    for (std::int64_t left = supported; left != 0; left &= left - 1) {
      const VectorKernels kernels = kernels_for(left & -left);
      // Sets that the compiler cannot do stand for the plain one, which is then there twice.
      if (all.empty() || all.back().target != kernels.target) all.push_back(kernels);
    }
    hwy::GetChosenTarget().Update(supported);
    return all;
  }();
  return kAll;
}

}  // namespace graft::highway
#endif  // HWY_ONCE
