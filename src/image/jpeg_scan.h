// Inside of the image room: a sound baseline JPEG's entropy-coded data → coefficients, in libjpeg's
// stead and in 0.6 of its time, which is most of a decode's. Whatever is not sound (a code that no
// table has, data that ends early, a byte or a marker where none belongs) makes it give up without
// a verdict; libjpeg then decodes the picture from its beginning. So what is accepted, mended or
// refused, and in which words, is libjpeg's alone.
// Source: ITU-T T.81, F.2.2 (decoding), B.1.1.5 (stuffed bytes and markers), E.2.4 (restarts).
// Thread rule: an object belongs to one thread.
#pragma once

// jpeglib.h needs these two before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jpegint.h>
// clang-format on

#include <array>
#include <cstdint>
#include <span>

#include "base/instruction_set.h"
#include "image/huffman_table.h"

namespace graft::codec {

class JpegScan {
 public:
  // Whether `cinfo`, just started, is of the kind that this reads: baseline, one scan.
  static bool reads(const jpeg_decompress_struct& cinfo);
  // `cinfo` is just started, reads() it, and its source holds all bytes to the end, which outlive
  // the object.
  explicit JpegScan(const jpeg_decompress_struct& cinfo);

  // jpeg_entropy_decoder::decode_mcu: the next unit's coefficients into zeroed `blocks`. False when
  // this is for libjpeg to judge; the object is of no use from then on.
  bool decode_mcu(JBLOCKROW* blocks);
  // After the last unit: the marker that follows, and what is behind it.
  std::span<const JOCTET> rest() const { return {source_, source_end_}; }
  bool finished() const { return units_left_ == 0; }

  // For tests: the loop compiled for another instruction set from now on.
  static void use(InstructionSet set);

  // The bits that come next. The loop works on a copy of it, in registers.
  struct Bits {
    std::uint64_t next = 0;  // left-aligned; below `count` bits there are some of what follows
    std::uint64_t count = 0;
    const std::uint8_t* read = nullptr;  // what follows, in the window
  };
  struct Block {
    int component = 0;
    const HuffmanTable* dc = nullptr;
    const HuffmanTable* ac = nullptr;
  };

 private:
  // A unit takes less: ten blocks of 64 symbols of 31 bits. Room for it makes checks of single
  // reads needless.
  static constexpr std::size_t kMostOfUnit = 10 * 64 * 4;
  static constexpr std::size_t kReadAhead = sizeof(std::uint64_t);
  static constexpr std::size_t kWindow = 16384;

  void fill_window();
  bool begin_interval();
  bool only_padding_left();

  std::array<HuffmanTable, 2 * NUM_HUFF_TBLS> tables_;
  std::array<Block, D_MAX_BLOCKS_IN_MCU> blocks_;
  std::size_t block_count_ = 0;
  std::array<int, MAX_COMPS_IN_SCAN> predictions_{};

  Bits bits_;
  // Bytes without their stuffing up to window_end_, zeros for what a unit may read beyond.
  std::array<std::uint8_t, kWindow + kMostOfUnit + kReadAhead> window_;
  const std::uint8_t* window_end_ = nullptr;
  const JOCTET* source_;  // what is not in the window yet
  const JOCTET* source_end_;
  bool at_marker_ = false;  // source_ stands at one, or at the end of all

  std::uint64_t units_left_ = 0;
  unsigned interval_ = 0;  // units between restart markers, 0 for none
  unsigned interval_left_ = 0;
  int next_restart_ = 0;
};

}  // namespace graft::codec
