// Inside of the image room: a JPEG's Huffman tables, made ready for jpeg_scan.h. Its loop waits for
// one thing, where the next code begins: so a table says that first and at once, for two symbols
// together where their bits are few enough.
// Source: ITU-T T.81, C.2 (codes), F.2.2.1 (values).
// Thread rule: a table belongs to one thread while it is built, then to any.
#pragma once

// jpeglib.h needs these two before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <array>
#include <cstdint>

namespace graft::codec {

// What a Huffman code stands for; kUnknown when no code begins so.
// Bits 0-5: bits of code and value together. 8-15: how far the coefficient's index goes on
// (kEndOfBlock at its end). 16-23: bits of the code. 24-31: of the value, 0 for none.
using Symbol = std::uint32_t;
inline constexpr std::uint32_t kUnknown = 0;
// Farther than any symbol but a block's last one can lead.
inline constexpr unsigned kEndOfBlock = 96;

constexpr unsigned bits_of(Symbol symbol) {
  return symbol & 63U;
}
constexpr unsigned skip_of(Symbol symbol) {
  return symbol >> 8 & 0xFFU;
}
constexpr unsigned code_bits_of(Symbol symbol) {
  return symbol >> 16 & 0xFFU;
}
constexpr unsigned value_bits_of(Symbol symbol) {
  return symbol >> 24;
}

// The value behind the code of `symbol`, with which `next` (left-aligned) begins (EXTEND); 0 when
// it has no bits.
constexpr int value_of(Symbol symbol, std::uint64_t next) {
  const unsigned size = value_bits_of(symbol);
  const std::uint64_t value = next << code_bits_of(symbol);
  const auto all_if_negative = static_cast<std::uint32_t>((value >> 63) - 1);
  return static_cast<int>(value >> 1 >> (63 - size)) -
         static_cast<int>(all_if_negative & ((1U << size) - 1));
}

// One AC symbol or the next two of the data, with their values; kUnknown where not even the first
// one's value is among the bits that are looked at.
// Bits 0-7: bits of all. 8-15 and 16-23: how far the first symbol and the second go on, 0 if there
// is none. 24-31: bits of the first. 32-47 and 48-63: their values.
using Step = std::uint64_t;

constexpr unsigned all_bits_of(Step step) {
  return step & 0xFFU;
}
constexpr unsigned first_skip_of(Step step) {
  return step >> 8 & 0xFFU;
}
constexpr unsigned second_skip_of(Step step) {
  return step >> 16 & 0xFFU;
}
constexpr unsigned first_bits_of(Step step) {
  return step >> 24 & 0xFFU;
}
constexpr std::int16_t first_value_of(Step step) {
  return static_cast<std::int16_t>(step >> 32);
}
constexpr std::int16_t second_value_of(Step step) {
  return static_cast<std::int16_t>(step >> 48);
}

// Codes of up to kDirectBits bits at their place, longer ones by their length.
struct HuffmanTable {
  static constexpr unsigned kDirectBits = 10;
  static constexpr unsigned kMostBits = 16;

  enum class Kind : std::uint8_t { kDc, kAc };
  // `table` has passed libjpeg's own checks.
  void build(const JHUFF_TBL& table, Kind kind);
  // The symbol whose code of more than kDirectBits bits `next` (left-aligned) begins with.
  Symbol find_long(std::uint64_t next) const;

  std::array<Symbol, 1 << kDirectBits> direct;
  std::array<Step, 1 << kDirectBits> steps;        // of an AC table
  std::array<std::uint32_t, kMostBits + 1> limit;  // by length: the first code above, left-aligned
  std::array<Symbol, 256> symbols;                 // in the order of their codes
  std::array<int, kMostBits + 1> first;            // by length: index of code 0 of that length

 private:
  void build_steps();
};

}  // namespace graft::codec
