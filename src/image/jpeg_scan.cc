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

// Figure A.6: where the coefficients of the zigzag lie; the last one's place also for wherever a
// step may lead beyond it.
constexpr std::size_t kFarthest = DCTSIZE2 - 2 + 16 + kEndOfBlock;
constexpr std::array<std::uint8_t, kFarthest + 1> natural_order() {
  std::array<std::uint8_t, kFarthest + 1> order = {
      0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
      41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
      30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
  for (std::size_t i = DCTSIZE2; i < order.size(); ++i) order[i] = DCTSIZE2 - 1;
  return order;
}
constexpr auto kNaturalOrder = natural_order();

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

HWY_INLINE std::uint64_t head_of(std::uint64_t next) {
  return next >> (64 - HuffmanTable::kDirectBits);
}

HWY_INLINE void drop(Bits& bits, Symbol symbol) {
  bits.next <<= bits_of(symbol);
  bits.count -= bits_of(symbol);
}

constexpr int kNoDifference = 1 << 20;  // a true one has 16 bits

// One block into zeroed `block` (F.2.2.2), its DC coefficient as a difference, which is returned,
// or kNoDifference for what is not sound.
HWY_INLINE int decode_block(Bits& bits, std::uint64_t& word, const JpegScan::Block& tables,
                            JCOEF* block) {
  fill(bits, word);
  Symbol symbol = tables.dc->direct[head_of(bits.next)];
  if (HWY_UNLIKELY(symbol == kUnknown)) symbol = tables.dc->find_long(bits.next);
  if (HWY_UNLIKELY(symbol == kUnknown)) return kNoDifference;
  const int difference = value_of(symbol, bits.next);
  drop(bits, symbol);

  const Step* const steps = tables.ac->steps.data();
  const std::uint8_t* const order = kNaturalOrder.data();
  unsigned k = 0;  // of the last coefficient that is known
  Step step = kUnknown;
  std::uint64_t before = 0;
  // Takes what comes next, of up to kDirectBits bits; false at the end of the block, or when
  // something longer comes. Zeros of symbols without a value fall on zeros: behind k, or on the
  // last coefficient.
  const auto go_on = [&]() HWY_ATTR {
    step = steps[head_of(bits.next)];
    if (HWY_UNLIKELY(step == kUnknown)) return false;
    before = bits.next;
    bits.next <<= step & 63U;
    bits.count -= all_bits_of(step);
    const unsigned first = k + first_skip_of(step);
    k = first + second_skip_of(step);
    // The first one last: where there is no second, both fall on one place.
    block[order[k]] = second_value_of(step);
    block[order[first]] = first_value_of(step);
    return k < DCTSIZE2 - 1;
  };
  for (;;) {
    fill(bits, word);
    if (HWY_LIKELY(go_on() && go_on() && go_on() && go_on())) continue;
    if (step != kUnknown) break;
    fill(bits, word);
    symbol = tables.ac->direct[head_of(bits.next)];
    if (symbol == kUnknown) symbol = tables.ac->find_long(bits.next);
    if (symbol == kUnknown) return kNoDifference;
    k += skip_of(symbol);
    block[order[k]] = static_cast<JCOEF>(value_of(symbol, bits.next));
    drop(bits, symbol);
    if (k >= DCTSIZE2 - 1) break;
  }
  if (step != kUnknown && second_skip_of(step) != 0 && k - second_skip_of(step) >= DCTSIZE2 - 1) {
    // With the first symbol the block was whole: the second one is not of this block.
    k -= second_skip_of(step);
    bits.next = before << first_bits_of(step);
    bits.count += all_bits_of(step) - first_bits_of(step);
  }
  return k == DCTSIZE2 - 1 || k >= kEndOfBlock ? difference : kNoDifference;
}

// A whole unit; false for what is not sound.
bool DecodeUnit(Bits& bits_in_memory, std::span<const JpegScan::Block> layout, int* predictions,
                JBLOCKROW* blocks) {
  Bits bits = bits_in_memory;
  std::uint64_t word = load_word(bits.read);
  for (const JpegScan::Block& tables : layout) {
    JCOEF* const block = **blocks++;
    const int difference = decode_block(bits, word, tables, block);
    if (difference == kNoDifference) return false;
    int& prediction = predictions[tables.component];
    prediction += difference;
    // libjpeg lets sums of a damaged picture wrap around.
    if (prediction != static_cast<JCOEF>(prediction)) return false;
    block[0] = static_cast<JCOEF>(prediction);
  }
  bits_in_memory = bits;
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

}  // namespace

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
