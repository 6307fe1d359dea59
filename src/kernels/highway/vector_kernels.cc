#include "kernels/highway/vector_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/highway/vector_kernels.cc"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include "base/vector_dispatch.h"
#include "kernels/highway/convolve-inl.h"
#include "kernels/highway/depthwise-inl.h"
#include "kernels/highway/pointwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace graft::highway::HWY_NAMESPACE {

VectorKernels table() {
  return {hwy::TargetName(HWY_TARGET),
          hn::Lanes(FloatTag()),
          hn::Lanes(hn::ScalableTag<double>()),
          &pointwise,
          &convolve,
          &depthwise,
          &wide_depthwise};
}

}  // namespace graft::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::highway {

const VectorKernels& vector_kernels() {
  static const VectorKernels kKernels = GRAFT_FOR_INSTRUCTIONS(instruction_set(), table)();
  return kKernels;
}

const std::vector<VectorKernels>& all_vector_kernels() {
  static const std::vector<VectorKernels> kAll = [] {
    std::vector<VectorKernels> all;
    for (const InstructionSet set : instruction_sets()) {
      const VectorKernels kernels = GRAFT_FOR_INSTRUCTIONS(set, table)();
      // Sets that the compiler cannot do stand for a lower one, which is then there twice.
      if (all.empty() || all.back().target != kernels.target) all.push_back(kernels);
    }
    return all;
  }();
  return kAll;
}

}  // namespace graft::highway
#endif  // HWY_ONCE
