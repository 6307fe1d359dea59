// Inside of the image room: JPEG's fast inverse DCT of all blocks of a unit together, as many at
// once as vectors hold, in libjpeg's stead, which does one after the other. Same bits as
// libjpeg-turbo's vector code for JDCT_IFAST, whatever the coefficients: sums and products wrap
// around at 16 bits as there.
// Source: Arai, Agui, Nakajima, "A fast DCT-SQ scheme for images", Trans. IEICE E71 (1988); ITU-T
// T.81, A.3.3.
// Thread rule: an object belongs to one thread.
#pragma once

// jpeglib.h needs these two before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <array>
#include <cstdint>

#include "base/instruction_set.h"

namespace graft::codec {

class InverseDct {
 public:
  // Whether `cinfo`, just started, is of the kind that this does: 8x8 samples of 8x8 coefficients,
  // quantization of 8 bits, JDCT_IFAST, units of up to kMostBlocks blocks, on x86 (elsewhere
  // libjpeg's vector code wraps around in other ways).
  static bool suits(const jpeg_decompress_struct& cinfo);
  // suits(cinfo).
  explicit InverseDct(const jpeg_decompress_struct& cinfo);

  // unit: the coefficients of all blocks of a unit, one block behind the other, in libjpeg's
  // buffer.
  void run(const JCOEF* unit);
  // Copies what the last run() made of block `block` to eight rows from `column` on.
  void copy(std::size_t block, JSAMPARRAY rows, JDIMENSION column) const;

  // For tests: objects made from now on use the loop compiled for another instruction set.
  static void use(InstructionSet set);

  // Blocks of a vector, and of a unit that is still done: reading whole vectors of them stays
  // within the ten for which libjpeg has room.
  static constexpr std::size_t kMostTogether = 4, kMostBlocks = 8;
  static_assert(kMostBlocks <= D_MAX_BLOCKS_IN_MCU && kMostBlocks % kMostTogether == 0);

  // One vector's blocks, and how many these are.
  struct Loop {
    std::size_t together;
    void (*transform)(const JCOEF* blocks, const std::int16_t* scales, std::uint8_t* samples);
  };

 private:
  const Loop loop_;
  const std::size_t count_;
  // Scales, the DCT's and the quantization's, for vectors of blocks: [row][block][column] each.
  alignas(64) std::array<std::int16_t, kMostBlocks * DCTSIZE2> scales_{};
  // Samples, for vectors of blocks: [two rows][block][row][column] each.
  alignas(64) std::array<std::uint8_t, kMostBlocks * DCTSIZE2> samples_;
};

}  // namespace graft::codec
