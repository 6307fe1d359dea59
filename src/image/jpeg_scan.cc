// The loop is compiled once an instruction set by Highway's foreach_target: it has no vectors, but
// BMI2's shifts count.
#include "image/jpeg_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/jpeg_scan.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/vector_dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace graft::codec::HWY_NAMESPACE {

using Bits = JpegScan::Bits;

// Figure A.6: where the coefficients of the zigzag lie.
constexpr std::array<std::uint8_t, DCTSIZE2> kNaturalOrder = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

HWY_INLINE std::uint64_t load_word(const std::uint8_t* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

// Fills `bits` up to 56 at least. `word` holds what follows and is loaded a fill ahead, so that
// the load is not waited for.
HWY_INLINE void fill(Bits& bits, std::uint64_t& word) {
  bits.next |= word >> bits.count;
  bits.read += (63 - bits.count) >> 3;
  bits.count |= 56;
  word = load_word(bits.read);
}

HWY_INLINE unsigned bits_of(Symbol symbol) {
  return symbol & 63U;
}
HWY_INLINE unsigned skip_of(Symbol symbol) {
  return symbol >> 8 & 0xFFU;
}
HWY_INLINE unsigned code_bits_of(Symbol symbol) {
  return symbol >> 16 & 0xFFU;
}
HWY_INLINE unsigned value_bits_of(Symbol symbol) {
  return symbol >> 24;
}

// The value behind the code of `symbol`, with which `next` begins (F.2.2.1, EXTEND): 0 when it has
// no bits.
HWY_INLINE int value_of(Symbol symbol, std::uint64_t next) {
  const unsigned size = value_bits_of(symbol);
  const std::uint64_t value = next << code_bits_of(symbol);
  const auto all_if_negative = static_cast<std::uint32_t>((value >> 63) - 1);
  return static_cast<int>(value >> 1 >> (63 - size)) -
         static_cast<int>(all_if_negative & ((1U << size) - 1));
}

HWY_INLINE Symbol look_up(const Bits& bits, const HuffmanTable& table) {
  return table.direct[bits.next >> (64 - HuffmanTable::kDirectBits)];
}

HWY_INLINE void drop(Bits& bits, Symbol symbol) {
  bits.next <<= bits_of(symbol);
  bits.count -= bits_of(symbol);
}

constexpr unsigned kNotSound = 256;
constexpr int kNoDifference = 1 << 20;  // a true one has 16 bits

// Takes an AC symbol of a block whose coefficients up to index `k` are known. False when it is the
// last one, or is not sound: then k says so.
HWY_INLINE bool take(Bits& bits, Symbol symbol, unsigned& k, JCOEF* block) {
  const std::uint64_t value = bits.next;
  drop(bits, symbol);
  k += skip_of(symbol);
  if (value_bits_of(symbol) != 0) {
    if (HWY_UNLIKELY(k >= DCTSIZE2)) {
      k = kNotSound;
      return false;
    }
    block[kNaturalOrder[k]] = static_cast<JCOEF>(value_of(symbol, value));
  }
  return k < DCTSIZE2 - 1;
}

// One block into zeroed `block` (F.2.2.2), its DC coefficient as a difference, which is returned,
// or kNoDifference for what is not sound. Not inlined: the loop needs all registers that there are.
HWY_NOINLINE int decode_block(Bits& bits_in_memory, const JpegScan::Block& tables, JCOEF* block) {
  Bits bits = bits_in_memory;
  std::uint64_t word = load_word(bits.read);
  fill(bits, word);
  Symbol symbol = look_up(bits, *tables.dc);
  if (HWY_UNLIKELY(symbol == kUnknown)) symbol = tables.dc->find_long(bits.next);
  if (HWY_UNLIKELY(symbol == kUnknown)) return kNoDifference;
  const int difference = value_of(symbol, bits.next);
  drop(bits, symbol);

  const HuffmanTable& ac = *tables.ac;
  unsigned k = 0;
  for (bool more = true; more;) {
    fill(bits, word);
    // Symbols that are found directly have 25 bits at most with their values: two a fill.
    symbol = look_up(bits, ac);
    if (HWY_LIKELY(symbol != kUnknown)) {
      more = take(bits, symbol, k, block);
      if (!more) break;
      symbol = look_up(bits, ac);
    }
    if (HWY_UNLIKELY(symbol == kUnknown)) {
      fill(bits, word);
      symbol = ac.find_long(bits.next);
      if (symbol == kUnknown) return kNoDifference;
    }
    more = take(bits, symbol, k, block);
  }
  bits_in_memory = bits;
  return k == kNotSound ? kNoDifference : difference;
}

// A whole unit; false for what is not sound.
bool DecodeUnit(Bits& bits, std::span<const JpegScan::Block> layout, int* predictions,
                JBLOCKROW* blocks) {
  for (const JpegScan::Block& tables : layout) {
    JCOEF* const block = **blocks++;
    const int difference = decode_block(bits, tables, block);
    if (difference == kNoDifference) return false;
    int& prediction = predictions[tables.component];
    prediction += difference;
    // libjpeg lets sums of a damaged picture wrap around.
    if (prediction != static_cast<JCOEF>(prediction)) return false;
    block[0] = static_cast<JCOEF>(prediction);
  }
  return true;
}

}  // namespace graft::codec::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::codec {
namespace {

using UnitDecoder = decltype(&HWY_STATIC_DISPATCH(DecodeUnit));

UnitDecoder& decode_unit() {
  static UnitDecoder best = GRAFT_FOR_INSTRUCTIONS(instruction_set(), DecodeUnit);
  return best;
}

Symbol symbol_of(unsigned bits, unsigned code_symbol, HuffmanTable::Kind kind) {
  const bool dc = kind == HuffmanTable::Kind::kDc;
  const unsigned size = dc ? code_symbol : code_symbol & 15U;
  const unsigned run = dc ? 0 : code_symbol >> 4;
  // Without a value: sixteen zeros, or the end of the block.
  const unsigned skip = size != 0 ? run + 1 : run == 15 ? 16 : DCTSIZE2;
  return (bits + size) | skip << 8 | bits << 16 | size << 24;
}

}  // namespace

void HuffmanTable::build(const JHUFF_TBL& table, Kind kind) {
  direct.fill(kUnknown);
  symbols.fill(kUnknown);
  // Canonical codes (C.2): those of one length count up, the next length goes on at twice that.
  unsigned code = 0;
  int index = 0;
  for (int bits = 1; bits <= kMostBits; ++bits, code <<= 1) {
    const auto length = static_cast<std::size_t>(bits);
    first[length] = index - static_cast<int>(code);
    for (int i = 0; i < table.bits[bits] && index < 256; ++i, ++index, ++code) {
      const Symbol symbol = symbol_of(static_cast<unsigned>(bits), table.huffval[index], kind);
      symbols[static_cast<std::size_t>(index)] = symbol;
      if (bits > kDirectBits) continue;
      const std::size_t begins = std::size_t{code} << (kDirectBits - bits);
      const std::size_t count = std::size_t{1} << (kDirectBits - bits);
      if (begins + count <= direct.size()) std::fill_n(direct.begin() + begins, count, symbol);
    }
    limit[length] = code << (kMostBits - bits);
  }
}

Symbol HuffmanTable::find_long(std::uint64_t next) const {
  const auto head = static_cast<std::uint32_t>(next >> (64 - kMostBits));
  for (int bits = kDirectBits + 1; bits <= kMostBits; ++bits) {
    const auto length = static_cast<std::size_t>(bits);
    if (head >= limit[length]) continue;
    const int index = first[length] + static_cast<int>(head >> (kMostBits - bits));
    return symbols[static_cast<std::size_t>(index)];
  }
  return kUnknown;
}

bool JpegScan::reads(const jpeg_decompress_struct& cinfo) {
  return cinfo.progressive_mode == FALSE && cinfo.arith_code == FALSE &&
         cinfo.data_precision == 8 && cinfo.inputctl->has_multiple_scans == FALSE;
}

JpegScan::JpegScan(const jpeg_decompress_struct& cinfo)
    : block_count_(static_cast<std::size_t>(cinfo.blocks_in_MCU)),
      source_(cinfo.src->next_input_byte),
      source_end_(source_ + cinfo.src->bytes_in_buffer),
      units_left_(std::uint64_t{cinfo.MCUs_per_row} * cinfo.MCU_rows_in_scan),
      interval_(cinfo.restart_interval),
      interval_left_(interval_) {
  // A table is built once: entry 2 n is DC's number n, 2 n + 1 AC's.
  std::array<bool, 2 * NUM_HUFF_TBLS> built{};
  const auto table = [&](int number, HuffmanTable::Kind kind) {
    const bool ac = kind == HuffmanTable::Kind::kAc;
    const auto at = 2 * static_cast<std::size_t>(number) + (ac ? 1 : 0);
    if (!built[at]) {
      tables_[at].build(ac ? *cinfo.ac_huff_tbl_ptrs[number] : *cinfo.dc_huff_tbl_ptrs[number],
                        kind);
    }
    built[at] = true;
    return &tables_[at];
  };
  for (std::size_t i = 0; i < block_count_; ++i) {
    const int component = cinfo.MCU_membership[i];
    const jpeg_component_info& info = *cinfo.cur_comp_info[component];
    blocks_[i] = {component, table(info.dc_tbl_no, HuffmanTable::Kind::kDc),
                  table(info.ac_tbl_no, HuffmanTable::Kind::kAc)};
  }
  bits_.read = window_.data();
  window_end_ = window_.data();
}

void JpegScan::use(InstructionSet set) {
  decode_unit() = GRAFT_FOR_INSTRUCTIONS(set, DecodeUnit);
}

// Moves what is left to the window's beginning and puts behind it what the source has, without the
// zero that follows each FF of the data, up to a marker or the end of all.
void JpegScan::fill_window() {
  const auto left = static_cast<std::size_t>(window_end_ - bits_.read);
  std::memmove(window_.data(), bits_.read, left);
  bits_.read = window_.data();
  std::uint8_t* to = window_.data() + left;
  std::uint8_t* const full = window_.data() + kWindow;
  while (to != full) {
    const auto room = static_cast<std::size_t>(full - to);
    const std::size_t most = std::min(room, static_cast<std::size_t>(source_end_ - source_));
    const void* const found = most == 0 ? nullptr : std::memchr(source_, 0xFF, most);
    const std::size_t plain =
        found == nullptr ? most
                         : static_cast<std::size_t>(static_cast<const JOCTET*>(found) - source_);
    std::memcpy(to, source_, plain);
    to += plain;
    source_ += plain;
    if (found == nullptr && source_ != source_end_) break;  // the window is full
    at_marker_ = source_end_ - source_ < 2 || source_[1] != 0;
    if (at_marker_) break;
    *to++ = 0xFF;
    source_ += 2;
  }
  window_end_ = to;
  std::memset(to, 0, kMostOfUnit + kReadAhead);
}

// At most the bits that fill up the last byte are left (F.1.2.3), and no more was taken than was
// there.
bool JpegScan::only_padding_left() {
  if (!at_marker_) fill_window();
  const std::ptrdiff_t left =
      (window_end_ - bits_.read) * 8 + static_cast<std::ptrdiff_t>(bits_.count);
  return at_marker_ && left >= 0 && left < 8;
}

// Passes the restart marker that has to be here.
bool JpegScan::begin_interval() {
  if (!only_padding_left() || source_end_ - source_ < 2) return false;
  if (source_[1] != JPEG_RST0 + next_restart_) return false;
  source_ += 2;
  next_restart_ = (next_restart_ + 1) % 8;
  at_marker_ = false;
  interval_left_ = interval_;
  predictions_.fill(0);
  bits_ = {.read = window_.data()};
  window_end_ = window_.data();
  return true;
}

bool JpegScan::decode_mcu(JBLOCKROW* blocks) {
  if (units_left_ == 0) return false;
  if (interval_ != 0 && interval_left_ == 0 && !begin_interval()) return false;
  if (!at_marker_ && window_end_ - bits_.read < static_cast<std::ptrdiff_t>(kMostOfUnit)) {
    fill_window();
  }
  if (!decode_unit()(bits_, std::span(blocks_).first(block_count_), predictions_.data(), blocks)) {
    return false;
  }
  if (static_cast<std::ptrdiff_t>(bits_.count) < (bits_.read - window_end_) * 8)
    return false;  // it took more than there was
  --interval_left_;
  --units_left_;
  return units_left_ != 0 || (only_padding_left() && source_end_ - source_ >= 2);
}

}  // namespace graft::codec
#endif  // HWY_ONCE
