// Chooses among the copies of a function that Highway's foreach_target.h compiled. To be included
// after hwy/highway.h, of which this header uses the names of targets alone.
#pragma once

#include "base/instruction_set.h"

#if HWY_TARGETS & HWY_SSE4
#define GRAFT_IN_SSE4(function) N_SSE4::function
#else
#define GRAFT_IN_SSE4(function) HWY_STATIC_DISPATCH(function)
#endif
#if HWY_TARGETS & HWY_AVX2
#define GRAFT_IN_AVX2(function) N_AVX2::function
#else
#define GRAFT_IN_AVX2(function) GRAFT_IN_SSE4(function)
#endif
#if HWY_TARGETS & HWY_AVX3
#define GRAFT_IN_AVX512(function) N_AVX3::function
#else
#define GRAFT_IN_AVX512(function) GRAFT_IN_AVX2(function)
#endif

// The address of `function` compiled for InstructionSet `set`, or for the next lower one that the
// compiler was asked for. Where N_… are declared.
#define GRAFT_FOR_INSTRUCTIONS(set, function)                                          \
  ::graft::for_instructions(set, &GRAFT_IN_AVX512(function), &GRAFT_IN_AVX2(function), \
                            &GRAFT_IN_SSE4(function), &HWY_STATIC_DISPATCH(function))

namespace graft {

template <typename Function>
constexpr Function for_instructions(InstructionSet set, Function avx512, Function avx2,
                                    Function sse4, Function baseline) {
  switch (set) {
    case InstructionSet::kAvx512:
      return avx512;
    case InstructionSet::kAvx2:
      return avx2;
    case InstructionSet::kSse4:
      return sse4;
    case InstructionSet::kBaseline:
      break;
  }
  return baseline;
}

}  // namespace graft
