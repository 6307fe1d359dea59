// Compiled once an instruction set by Highway's foreach_target; the best one is chosen at run time.
#include "image/inverse_dct.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/inverse_dct.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/vector_dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace graft::codec::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
// Without vectors it stays libjpeg's.
std::size_t BlocksTogether() {
  return 0;
}
void Transform(const JCOEF*, const std::int16_t*, std::uint8_t*) {}

#else
namespace hn = hwy::HWY_NAMESPACE;

// Blocks side by side in a vector, eight lanes each.
using Tag = hn::CappedTag<std::int16_t, InverseDct::kMostTogether * DCTSIZE>;
using V = hn::Vec<Tag>;

std::size_t BlocksTogether() {
  return hn::Lanes(Tag()) / DCTSIZE;
}

// x * kTimes256 / 256, rounded down.
template <int kTimes256>
HWY_INLINE V times(V x) {
  return hn::MulHigh(hn::ShiftLeft<2>(x), hn::Set(Tag(), kTimes256 << 6));
}

// Eight coefficients to eight samples, lane by lane.
HWY_INLINE void transform(V (&v)[8]) {
  // In 256ths: √2; of cos(π/8) and cos(3π/8) twice the first, twice the difference, twice the sum
  // (less one, as it would have too many bits).
  constexpr int kSqrt2 = 362, kFirst = 473, kDifference = 277, kSumLessOne = 669 - 256;
  const V t10 = hn::Add(v[0], v[4]);
  const V t11 = hn::Sub(v[0], v[4]);
  const V t13 = hn::Add(v[2], v[6]);
  const V t12 = hn::Sub(times<kSqrt2>(hn::Sub(v[2], v[6])), t13);
  const V even0 = hn::Add(t10, t13);
  const V even3 = hn::Sub(t10, t13);
  const V even1 = hn::Add(t11, t12);
  const V even2 = hn::Sub(t11, t12);

  const V z13 = hn::Add(v[5], v[3]);
  const V z10 = hn::Sub(v[5], v[3]);
  const V z11 = hn::Add(v[1], v[7]);
  const V z12 = hn::Sub(v[1], v[7]);
  const V z5 = times<kFirst>(hn::Add(z10, z12));
  const V odd7 = hn::Add(z11, z13);
  const V odd6 = hn::Sub(hn::Add(hn::Sub(times<-kSumLessOne>(z10), z10), z5), odd7);
  const V odd5 = hn::Sub(times<kSqrt2>(hn::Sub(z11, z13)), odd6);
  const V odd4 = hn::Add(hn::Sub(times<kDifference>(z12), z5), odd5);

  v[0] = hn::Add(even0, odd7);
  v[7] = hn::Sub(even0, odd7);
  v[1] = hn::Add(even1, odd6);
  v[6] = hn::Sub(even1, odd6);
  v[2] = hn::Add(even2, odd5);
  v[5] = hn::Sub(even2, odd5);
  v[4] = hn::Add(even3, odd4);
  v[3] = hn::Sub(even3, odd4);
}

// A third of the transposition of each block.
HWY_INLINE void shuffle(const V (&from)[8], V (&to)[8]) {
  const Tag d;
  for (std::size_t i = 0; i < 4; ++i) {
    to[2 * i] = hn::InterleaveLower(d, from[i], from[i + 4]);
    to[2 * i + 1] = hn::InterleaveUpper(d, from[i], from[i + 4]);
  }
}

// A row of as many blocks as d holds, which lie one behind the other.
template <class D>
HWY_INLINE hn::Vec<D> row_of(D d, const JCOEF* from) {
  if constexpr (hn::MaxLanes(D()) <= DCTSIZE) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, row_of(half, from + hn::Lanes(half) * DCTSIZE), row_of(half, from));
  }
}

// The columns 2 i and 2 i + 1 of all rows, a byte each.
HWY_INLINE V bytes_of(V even, V odd) {
  const Tag d;
  const auto bounded = [d](V v) HWY_ATTR {
    return hn::Min(hn::Set(d, 127), hn::Max(hn::Set(d, -128), hn::ShiftRight<5>(v)));
  };
  const V both = hn::Or(hn::And(bounded(even), hn::Set(d, 0xFF)), hn::ShiftLeft<8>(bounded(odd)));
  return hn::Xor(both, hn::Set(d, static_cast<std::int16_t>(0x8080)));
}

// A vector's blocks.
void Transform(const JCOEF* blocks, const std::int16_t* scales, std::uint8_t* samples) {
  const Tag d;
  const hn::RebindToSigned<hn::RepartitionToWide<Tag> > pairs;
  const std::size_t lanes = hn::Lanes(d);
  V v[8], w[8];
  for (std::size_t row = 0; row < 8; ++row) {
    v[row] = hn::Mul(row_of(d, blocks + row * DCTSIZE), hn::Load(d, scales + row * lanes));
  }
  transform(v);
  shuffle(v, w);
  shuffle(w, v);
  shuffle(v, w);
  transform(w);
  const V p0 = bytes_of(w[0], w[1]), p1 = bytes_of(w[2], w[3]);
  const V p2 = bytes_of(w[4], w[5]), p3 = bytes_of(w[6], w[7]);
  const auto left_upper = hn::BitCast(pairs, hn::InterleaveLower(d, p0, p1));
  const auto left_lower = hn::BitCast(pairs, hn::InterleaveUpper(d, p0, p1));
  const auto right_upper = hn::BitCast(pairs, hn::InterleaveLower(d, p2, p3));
  const auto right_lower = hn::BitCast(pairs, hn::InterleaveUpper(d, p2, p3));
  auto* const to = reinterpret_cast<std::int16_t*>(samples);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, left_upper, right_upper)), d, to);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, left_upper, right_upper)), d, to + lanes);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, left_lower, right_lower)), d, to + 2 * lanes);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, left_lower, right_lower)), d, to + 3 * lanes);
}
#endif  // HWY_SCALAR

}  // namespace graft::codec::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::codec {
namespace {

using Loop = InverseDct::Loop;

Loop loop_for(InstructionSet set) {
  return {GRAFT_FOR_INSTRUCTIONS(set, BlocksTogether)(), GRAFT_FOR_INSTRUCTIONS(set, Transform)};
}

Loop& best_loop() {
  static Loop best = loop_for(instruction_set());
  return best;
}

// √2 cos(kπ/16), 1 for k = 0: what the transform leaves to be multiplied with row or column k.
double scale_of(std::size_t k) {
  return k == 0 ? 1
                : std::numbers::sqrt2 * std::cos(static_cast<double>(k) * std::numbers::pi / 16);
}

// Both scales in 14 bits behind the point, times the step, in 2: rounded as libjpeg rounds.
std::int16_t scale_of(std::size_t row, std::size_t column, unsigned step) {
  const std::int64_t both = std::llround(scale_of(row) * scale_of(column) * (1 << 14));
  return static_cast<std::int16_t>((both * step + (1 << 11)) >> 12);
}

}  // namespace

bool InverseDct::suits(const jpeg_decompress_struct& cinfo) {
  if (!HWY_ARCH_X86 || best_loop().together == 0 || cinfo.dct_method != JDCT_IFAST ||
      cinfo.scale_num != cinfo.scale_denom ||
      static_cast<std::size_t>(cinfo.blocks_in_MCU) > kMostBlocks) {
    return false;
  }
  for (int i = 0; i < cinfo.num_components; ++i) {
    const jpeg_component_info& component = cinfo.comp_info[i];
    if (component.quant_table == nullptr) return false;
    const auto& steps = component.quant_table->quantval;
    if (std::any_of(std::begin(steps), std::end(steps), [](unsigned step) { return step > 255; })) {
      return false;
    }
  }
  return true;
}

InverseDct::InverseDct(const jpeg_decompress_struct& cinfo)
    : loop_(best_loop()), count_(static_cast<std::size_t>(cinfo.blocks_in_MCU)) {
  const std::size_t together = loop_.together;
  for (std::size_t block = 0; block < count_; ++block) {
    const jpeg_component_info& component = *cinfo.cur_comp_info[cinfo.MCU_membership[block]];
    std::int16_t* const vectors = scales_.data() + block / together * together * DCTSIZE2;
    for (std::size_t i = 0; i < DCTSIZE2; ++i) {
      const std::size_t row = i / DCTSIZE, column = i % DCTSIZE;
      vectors[(row * together + block % together) * DCTSIZE + column] =
          scale_of(row, column, component.quant_table->quantval[i]);
    }
  }
}

void InverseDct::use(InstructionSet set) {
  best_loop() = loop_for(set);
}

void InverseDct::run(const JCOEF* unit) {
  for (std::size_t block = 0; block < count_; block += loop_.together) {
    loop_.transform(unit + block * DCTSIZE2, scales_.data() + block * DCTSIZE2,
                    samples_.data() + block * DCTSIZE2);
  }
}

void InverseDct::copy(std::size_t block, JSAMPARRAY rows, JDIMENSION column) const {
  const std::size_t together = loop_.together;
  const std::uint8_t* const from =
      samples_.data() + block / together * together * DCTSIZE2 + block % together * 2 * DCTSIZE;
  for (std::size_t row = 0; row < DCTSIZE; ++row) {
    const std::uint8_t* const samples = from + (row / 2 * together * 2 + row % 2) * DCTSIZE;
    std::memcpy(rows[row] + column, samples, DCTSIZE);
  }
}

}  // namespace graft::codec
#endif  // HWY_ONCE
