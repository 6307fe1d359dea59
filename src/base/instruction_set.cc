#include "base/instruction_set.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace graft {
namespace {

#if defined(__x86_64__)

// The two that not every compiler's __builtin_cpu_supports knows. What they need of the system is
// what AVX needs.
bool has_f16c_and_lzcnt() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  const bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (c & bit_LZCNT) != 0;
  return f16c && lzcnt;
}

InstructionSet best_instruction_set() {
  __builtin_cpu_init();
  const auto all = [](auto... supported) { return ((supported != 0) && ...); };
  if (!all(__builtin_cpu_supports("ssse3"), __builtin_cpu_supports("sse4.1"),
           __builtin_cpu_supports("sse4.2"), __builtin_cpu_supports("aes"),
           __builtin_cpu_supports("pclmul"))) {
    return InstructionSet::kBaseline;
  }
  if (!has_f16c_and_lzcnt() || !all(__builtin_cpu_supports("avx"), __builtin_cpu_supports("avx2"),
                                    __builtin_cpu_supports("fma"), __builtin_cpu_supports("bmi"),
                                    __builtin_cpu_supports("bmi2"))) {
    return InstructionSet::kSse4;
  }
  const bool avx512 = all(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512cd"),
                          __builtin_cpu_supports("avx512vl"), __builtin_cpu_supports("avx512dq"),
                          __builtin_cpu_supports("avx512bw"));
  return avx512 ? InstructionSet::kAvx512 : InstructionSet::kAvx2;
}

#else

InstructionSet best_instruction_set() {
  return InstructionSet::kBaseline;
}

#endif

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
