// What this core's multiply-add units give at best: the roof that the layers are measured against.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace graft {

// The widest float32 multiply-add of this machine: "avx512", "avx2", or "sse2" (a product and a
// sum).
std::string_view widest_multiply_add();
// From now on "avx2" is the widest, as if the machine had no more: before anything is measured.
void allow_avx2_alone();
// Runs `rounds` rounds of independent multiply-adds of that kind and returns how many float
// operations (two a multiply-add) they were. *sink gets a value that depends on all of them.
std::uint64_t multiply_add(std::uint64_t rounds, float* sink);
// GFLOP/s of one core: the best of several short runs, measured once a process (about 0.1 s).
double peak_gflops();

}  // namespace graft
