// Values that a file has as [N,C,H,W]: "channels first", as networks trained on GPUs come. Import
// translates, so that nothing has to at run time: the graph holds such a value as [N,H,W,C], and
// import keeps in mind, value by value, where the file's axes are. Internal to the graph room.
// Thread rule: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace graft {

// Of axes 0 to 3: where axis i of [N,C,H,W] is in [N,H,W,C], and the other way.
inline int held_axis(int axis) {
  return std::array{0, 3, 1, 2}[static_cast<std::size_t>(axis)];
}
inline int file_axis(int held) {
  return std::array{0, 2, 3, 1}[static_cast<std::size_t>(held)];
}

// [N,H,W,C] → [N,C,H,W].
inline Shape file_shape(const Shape& held) {
  return {held[0], held[3], held[1], held[2]};
}

// Whether the elements stand in memory in the same order either way: one pixel, or one channel.
inline bool same_order(const Shape& held) {
  return held[3] == 1 || held[1] * held[2] == 1;
}

// Whether a placeholder of these dimensions, -1 where open, takes photos as [N,C,H,W]: 1 or 3, what
// the channels of a photo are, is the second, and neither the third nor the last.
inline bool declares_channels_first(std::span<const std::int64_t> dims) {
  const auto may_be_channels = [&](std::size_t i) { return dims[i] == 1 || dims[i] == 3; };
  return dims.size() == 4 && may_be_channels(1) && !may_be_channels(2) && !may_be_channels(3);
}

}  // namespace graft
