#include "image/huffman_table.h"

#include <algorithm>

namespace graft::codec {
namespace {

Symbol symbol_of(unsigned bits, unsigned code_symbol, HuffmanTable::Kind kind) {
  const bool dc = kind == HuffmanTable::Kind::kDc;
  const unsigned size = dc ? code_symbol : code_symbol & 15U;
  const unsigned run = dc ? 0 : code_symbol >> 4;
  // Without a value: sixteen zeros, or the end of the block.
  const unsigned skip = size != 0 ? run + 1 : run == 15 ? 16 : kEndOfBlock;
  return (bits + size) | skip << 8 | bits << 16 | size << 24;
}

// A step of `symbol`, with which `next` begins, alone.
Step single(Symbol symbol, std::uint64_t next) {
  const unsigned bits = bits_of(symbol);
  const auto value = static_cast<std::uint16_t>(value_of(symbol, next));
  return bits | Step{skip_of(symbol)} << 8 | Step{bits} << 24 | Step{value} << 32;
}

// What `step`, a single one, adds to another one as its second symbol.
Step as_second(Step step) {
  return all_bits_of(step) | Step{first_skip_of(step)} << 16 | (step >> 32) << 48;
}

}  // namespace

void HuffmanTable::build(const JHUFF_TBL& table, Kind kind) {
  direct.fill(kUnknown);
  symbols.fill(kUnknown);
  // Canonical codes (C.2): those of one length count up, the next length goes on at twice that.
  unsigned code = 0;
  int index = 0;
  for (unsigned bits = 1; bits <= kMostBits; ++bits, code <<= 1) {
    first[bits] = index - static_cast<int>(code);
    for (int i = 0; i < table.bits[bits] && index < 256; ++i, ++index, ++code) {
      const Symbol symbol = symbol_of(bits, table.huffval[index], kind);
      symbols[static_cast<std::size_t>(index)] = symbol;
      if (bits > kDirectBits) continue;
      const std::size_t begins = std::size_t{code} << (kDirectBits - bits);
      const std::size_t count = std::size_t{1} << (kDirectBits - bits);
      if (begins + count <= direct.size()) std::fill_n(direct.begin() + begins, count, symbol);
    }
    limit[bits] = code << (kMostBits - bits);
  }
  if (kind == Kind::kAc) build_steps();
}

void HuffmanTable::build_steps() {
  constexpr std::size_t kPlaces = std::size_t{1} << kDirectBits;
  // A single step stands at all places that begin with its bits: 2^left of them.
  std::array<Step, kPlaces> singles{};
  for (std::size_t place = 0; place < kPlaces;) {
    const Symbol symbol = direct[place];
    const bool whole = symbol != kUnknown && bits_of(symbol) <= kDirectBits;
    const std::size_t count = whole ? kPlaces >> bits_of(symbol) : 1;
    if (whole) {
      const Step step = single(symbol, std::uint64_t{place} << (64 - kDirectBits));
      std::fill_n(singles.begin() + static_cast<std::ptrdiff_t>(place), count, step);
    }
    place += count;
  }
  // What follows a first symbol depends on how many bits it leaves alone: for 2^left places from
  // 2^left on.
  std::array<Step, kPlaces> seconds{};
  for (unsigned left = 1; left < kDirectBits; ++left) {
    const std::size_t count = std::size_t{1} << left;
    for (std::size_t i = 0; i < count; ++i) {
      const Step step = singles[i << (kDirectBits - left)];
      if (all_bits_of(step) <= left) seconds[count + i] = as_second(step);
    }
  }
  for (std::size_t place = 0; place < kPlaces;) {
    const Step step = singles[place];
    const std::size_t count = step == kUnknown ? 1 : kPlaces >> all_bits_of(step);
    const bool last = step == kUnknown || first_skip_of(step) == kEndOfBlock;
    for (std::size_t i = 0; i < count; ++i) {
      steps[place + i] = step + (last ? 0 : seconds[count + i]);
    }
    place += count;
  }
}

Symbol HuffmanTable::find_long(std::uint64_t next) const {
  const auto head = static_cast<std::uint32_t>(next >> (64 - kMostBits));
  for (unsigned bits = kDirectBits + 1; bits <= kMostBits; ++bits) {
    if (head >= limit[bits]) continue;
    const int index = first[bits] + static_cast<int>(head >> (kMostBits - bits));
    return symbols[static_cast<std::size_t>(index)];
  }
  return kUnknown;
}

}  // namespace graft::codec
