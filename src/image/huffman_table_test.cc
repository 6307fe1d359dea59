// What a table says at a place against the definition: one symbol after the other, bit by bit.
#include "image/huffman_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

namespace graft::codec {
namespace {

// Codes of random lengths, that of all ones never among them (C.2).
JHUFF_TBL random_table(std::mt19937& random, unsigned symbols) {
  JHUFF_TBL table{};
  unsigned free = 1, left = symbols;
  for (std::size_t bits = 1; bits <= 16 && left > 0; ++bits) {
    free *= 2;
    const unsigned most = std::min(left, free - 1);
    const unsigned count = bits == 16 ? most : random() % (most / 4 + 2);
    table.bits[bits] = static_cast<UINT8>(std::min(count, most));
    free -= table.bits[bits];
    left -= table.bits[bits];
  }
  std::array<UINT8, 256> values;
  for (unsigned i = 0; i < 256; ++i) values[i] = static_cast<UINT8>(i);
  std::shuffle(values.begin(), values.end(), random);
  std::copy(values.begin(), values.end(), table.huffval);
  return table;
}

// What stands at a place, read bit by bit: F.2.2.3 (DECODE), F.2.2.1 (EXTEND).
struct Read {
  unsigned code_bits = 0, size = 0, run = 0;
  int value = 0;
  unsigned bits() const { return code_bits + size; }
  bool ends() const { return size == 0 && run != 15; }
  unsigned skip() const { return ends() ? kEndOfBlock : run + 1; }
};
std::optional<Read> read_one(const JHUFF_TBL& table, std::uint64_t next) {
  unsigned code = 0, first = 0, index = 0;
  for (unsigned bits = 1; bits <= 16; ++bits) {
    code = code * 2 + (next >> (64 - bits) & 1U);
    const unsigned count = table.bits[bits];
    if (code - first < count) {
      const unsigned symbol = table.huffval[index + code - first];
      Read read{bits, symbol & 15U, symbol >> 4, 0};
      for (unsigned i = 0; i < read.size; ++i) {
        read.value = read.value * 2 + static_cast<int>(next >> (63 - bits - i) & 1U);
      }
      const int least = read.size == 0 ? 0 : 1 << (read.size - 1);
      if (read.value < least) read.value += 1 - (1 << read.size);
      return read;
    }
    index += count;
    first = (first + count) * 2;
  }
  return std::nullopt;
}

TEST(HuffmanTable, StepsAreTheSymbolsOneByOne) {
  std::mt19937 random(5);
  unsigned pairs = 0, longer = 0;
  for (int round = 0; round < 60; ++round) {
    const JHUFF_TBL table = random_table(random, 1 + random() % 162);
    HuffmanTable ready;
    ready.build(table, HuffmanTable::Kind::kAc);
    for (std::size_t place = 0; place < ready.steps.size(); ++place) {
      const std::uint64_t next = std::uint64_t{place} << (64 - HuffmanTable::kDirectBits);
      const auto first = read_one(table, next);
      const Step step = ready.steps[place];
      if (!first || first->bits() > HuffmanTable::kDirectBits) {
        ASSERT_EQ(step, kUnknown) << round << " " << place;
        ++longer;
        continue;
      }
      ASSERT_EQ(first_bits_of(step), first->bits()) << round << " " << place;
      ASSERT_EQ(first_skip_of(step), first->skip());
      ASSERT_EQ(first_value_of(step), first->value);
      const auto second = read_one(table, next << first->bits());
      const bool both =
          !first->ends() && second && first->bits() + second->bits() <= HuffmanTable::kDirectBits;
      ASSERT_EQ(all_bits_of(step), first->bits() + (both ? second->bits() : 0));
      ASSERT_EQ(second_skip_of(step), both ? second->skip() : 0);
      ASSERT_EQ(second_value_of(step), both ? second->value : 0);
      pairs += both ? 1 : 0;
    }
  }
  EXPECT_GT(pairs, 1000U);
  EXPECT_GT(longer, 1000U);
}

TEST(HuffmanTable, FindsSymbolsOfAnyLength) {
  std::mt19937_64 bits(6);
  std::mt19937 random(7);
  unsigned far = 0;
  for (int round = 0; round < 300; ++round) {
    const JHUFF_TBL table = random_table(random, 162);
    HuffmanTable ready;
    ready.build(table, HuffmanTable::Kind::kAc);
    for (int i = 0; i < 500; ++i) {
      // Ones in front: that is where long codes are.
      const std::uint64_t next = i % 2 == 0 ? bits() : ~(bits() >> (i % 16));
      const auto expected = read_one(table, next);
      Symbol symbol = ready.direct[next >> (64 - HuffmanTable::kDirectBits)];
      if (symbol == kUnknown) symbol = ready.find_long(next);
      ASSERT_EQ(symbol != kUnknown, expected.has_value()) << round << " " << i;
      if (!expected) continue;
      ASSERT_EQ(code_bits_of(symbol), expected->code_bits);
      ASSERT_EQ(bits_of(symbol), expected->bits());
      ASSERT_EQ(skip_of(symbol), expected->skip());
      ASSERT_EQ(value_of(symbol, next), expected->value);
      far += expected->code_bits > HuffmanTable::kDirectBits ? 1 : 0;
    }
  }
  EXPECT_GT(far, 1000U);
}

}  // namespace
}  // namespace graft::codec
