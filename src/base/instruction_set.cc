#include "base/instruction_set.h"

#if defined(__x86_64__)
#if defined(__clang__)
// The header names C's type, which GCC alone knows in C++.
#pragma clang diagnostic ignored "-Wreserved-macro-identifier"
#define _Bool bool  // NOLINT
#endif
#include <sys/platform/x86.h>
#endif

namespace graft {
namespace {

InstructionSet best_instruction_set() {
#if defined(__x86_64__)
  const bool sse4 = CPU_FEATURE_ACTIVE(SSSE3) && CPU_FEATURE_ACTIVE(SSE4_1) &&
                    CPU_FEATURE_ACTIVE(SSE4_2) && CPU_FEATURE_ACTIVE(AES) &&
                    CPU_FEATURE_ACTIVE(PCLMULQDQ);
  const bool avx2 = CPU_FEATURE_ACTIVE(AVX) && CPU_FEATURE_ACTIVE(AVX2) &&
                    CPU_FEATURE_ACTIVE(FMA) && CPU_FEATURE_ACTIVE(F16C) &&
                    CPU_FEATURE_ACTIVE(BMI1) && CPU_FEATURE_ACTIVE(BMI2) &&
                    CPU_FEATURE_ACTIVE(LZCNT);
  const bool avx512 = CPU_FEATURE_ACTIVE(AVX512F) && CPU_FEATURE_ACTIVE(AVX512CD) &&
                      CPU_FEATURE_ACTIVE(AVX512VL) && CPU_FEATURE_ACTIVE(AVX512DQ) &&
                      CPU_FEATURE_ACTIVE(AVX512BW);
  if (sse4 && avx2 && avx512) return InstructionSet::kAvx512;
  if (sse4 && avx2) return InstructionSet::kAvx2;
  if (sse4) return InstructionSet::kSse4;
#endif
  return InstructionSet::kBaseline;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet best = best_instruction_set();
  return best;
}

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> all;
  for (int set = static_cast<int>(instruction_set()); set >= 0; --set) {
    all.push_back(static_cast<InstructionSet>(set));
  }
  return all;
}

}  // namespace graft
