// Which vector instructions this machine and its system allow, in the classes that vector code is
// compiled for. Highway could tell, too, but its library times the clock when it is loaded: 8 ms of
// every start. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace graft {

// As Highway groups them: kSse4 with AES and carry-less products, kAvx2 with FMA, F16C, BMI and
// LZCNT, kAvx512 with F, CD, VL, DQ and BW.
enum class InstructionSet : std::uint8_t { kBaseline, kSse4, kAvx2, kAvx512 };

// The best one.
InstructionSet instruction_set();
// All, the best one first.
std::vector<InstructionSet> instruction_sets();

}  // namespace graft
