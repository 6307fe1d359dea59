// Compiled once an instruction set by Highway's foreach_target; the best one is chosen at run time.
// No MulAdd anywhere: TensorFlow rounds after the multiplication and after the addition.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "image/resize_window.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/resize_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/vector_dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace graft::rows::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <int kShift, class D, class V>
HWY_INLINE hn::Vec<D> channel(D d, V rgb) {
  const hn::RebindToSigned<D> di;
  const auto byte = hn::And(hn::ShiftRight<kShift>(rgb), hn::Set(hn::DFromV<V>(), 0xFFU));
  return hn::ConvertTo(d, hn::BitCast(di, byte));
}

template <int kShift, class D, class V>
HWY_INLINE void lerp_channel(D d, V left_rgb, V right_rgb, hn::Vec<D> lerp, float* to) {
  const auto left = channel<kShift>(d, left_rgb);
  const auto right = channel<kShift>(d, right_rgb);
  hn::StoreU(hn::Add(left, hn::Mul(hn::Sub(right, left), lerp)), d, to);
}

void LerpColumns(const std::uint8_t* row, const std::uint32_t* offset, const float* lerp,
                 std::size_t padded, std::uint32_t* neighbours, float* planes) {
  // Eight bytes hold a pixel and its right neighbour: cheaper than two gathers everywhere.
  std::uint32_t* const lefts = neighbours;
  std::uint32_t* const rights = neighbours + padded;
  for (std::size_t i = 0; i < padded; ++i) {
    std::uint64_t pair;
    std::memcpy(&pair, row + offset[i], sizeof(pair));
    if constexpr (std::endian::native == std::endian::big) pair = __builtin_bswap64(pair);
    lefts[i] = static_cast<std::uint32_t>(pair);
    rights[i] = static_cast<std::uint32_t>(pair >> 24);
  }
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  for (std::size_t i = 0; i < padded; i += hn::Lanes(d)) {
    const auto left = hn::LoadU(du, lefts + i);
    const auto right = hn::LoadU(du, rights + i);
    const auto weight = hn::LoadU(d, lerp + i);
    lerp_channel<0>(d, left, right, weight, planes + i);
    lerp_channel<8>(d, left, right, weight, planes + padded + i);
    lerp_channel<16>(d, left, right, weight, planes + 2 * padded + i);
  }
}

template <class D>
HWY_INLINE hn::Vec<D> finished(D d, const float* top, const float* bottom, hn::Vec<D> lerp,
                               const Finish& finish) {
  const auto t = hn::LoadU(d, top);
  const auto b = hn::LoadU(d, bottom);
  const auto value = hn::Add(t, hn::Mul(hn::Sub(b, t), lerp));
  const auto lit = hn::Mul(value, hn::Set(d, finish.brightness));
  return hn::Mul(hn::Sub(lit, hn::Set(d, finish.mean)), hn::Set(d, finish.scale));
}

void LerpRows(const float* top, const float* bottom, float lerp, Finish finish, std::size_t width,
              std::size_t padded, float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto weight = hn::Set(d, lerp);
  std::size_t i = 0;
  const auto store = [&](float* to) {
    const auto r = finished(d, top + i, bottom + i, weight, finish);
    const auto g = finished(d, top + padded + i, bottom + padded + i, weight, finish);
    const auto b = finished(d, top + 2 * padded + i, bottom + 2 * padded + i, weight, finish);
    hn::StoreInterleaved3(r, g, b, d, to);
  };
  for (; i + lanes <= width; i += lanes) store(out + i * 3);
  if (i < width) {
    HWY_ALIGN float last[3 * hn::MaxLanes(d)];
    store(last);
    std::memcpy(out + i * 3, last, (width - i) * 3 * sizeof(float));
  }
}

}  // namespace graft::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft::rows {
namespace {

Loops loops_for(InstructionSet set) {
  return {GRAFT_FOR_INSTRUCTIONS(set, LerpColumns), GRAFT_FOR_INSTRUCTIONS(set, LerpRows)};
}

Loops& loops_in_use() {
  static Loops loops = loops_for(instruction_set());
  return loops;
}

}  // namespace

const Loops& loops() {
  return loops_in_use();
}
void use(InstructionSet set) {
  loops_in_use() = loops_for(set);
}

}  // namespace graft::rows
#endif  // HWY_ONCE
