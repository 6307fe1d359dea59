#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/reference/reference.h"

namespace graft::reference {
namespace {

// Bytes of everything behind `axis`, and how often the axes before it repeat.
std::size_t bytes_from(const TensorSpec& spec, int axis) {
  std::size_t bytes = size_of(spec.dtype);
  for (int i = axis; i < spec.shape.rank(); ++i) {
    bytes *= static_cast<std::size_t>(spec.shape[i]);
  }
  return bytes;
}

std::int64_t block_of(Layout layout) {
  switch (layout) {
    case Layout::kDense:
      return 0;
    case Layout::kBlocked8:
      return 8;
    case Layout::kBlocked16:
      return 16;
  }
  return 0;
}

// Where element [n, h, w, c] of an NHWC shape lies.
std::size_t offset(const Shape& s, Layout layout, std::int64_t n, std::int64_t h, std::int64_t w,
                   std::int64_t c) {
  const std::int64_t block = block_of(layout);
  if (block == 0) return static_cast<std::size_t>(((n * s[1] + h) * s[2] + w) * s[3] + c);
  const std::int64_t blocks = (s[3] + block - 1) / block;
  return static_cast<std::size_t>((((n * blocks + c / block) * s[1] + h) * s[2] + w) * block +
                                  c % block);
}

// Copies a box of `x` into the padded result, axis by axis; the last axis in one piece.
void copy_into(const Pad& op, const Call& call, int axis, const std::byte*& from, std::byte* to) {
  const TensorSpec& x = call.in[0].spec;
  if (axis == x.shape.rank()) {
    std::memcpy(to, from, size_of(x.dtype));
    from += size_of(x.dtype);
    return;
  }
  const std::size_t step = bytes_from(call.out.spec, axis + 1);
  to += step * static_cast<std::size_t>(op.axes[static_cast<std::size_t>(axis)].before);
  if (axis == x.shape.rank() - 1) {
    const std::size_t bytes = bytes_from(x, axis);
    std::memcpy(to, from, bytes);
    from += bytes;
    return;
  }
  for (std::int64_t i = 0; i < x.shape[axis]; ++i, to += step) {
    copy_into(op, call, axis + 1, from, to);
  }
}

}  // namespace

void run(const Concat& op, const Call& call) {
  const std::size_t row = bytes_from(call.out.spec, op.axis);
  std::size_t start = 0;
  for (const TensorView& input : call.in) {
    const std::size_t piece = bytes_from(input.spec, op.axis);
    const std::size_t repeats = input.spec.bytes() / piece;
    for (std::size_t i = 0; i < repeats; ++i) {
      std::memcpy(call.out.data + i * row + start, input.data + i * piece, piece);
    }
    start += piece;
  }
}

void run(const Pad& op, const Call& call) {
  std::memset(call.out.data, 0, call.out.spec.bytes());
  const std::byte* from = call.in[0].data;
  copy_into(op, call, 0, from, call.out.data);
}

void run(const Reshape&, const Call& call) {
  std::memcpy(call.out.data, call.in[0].data, call.out.spec.bytes());
}

void run(const Reorder& op, const Call& call) {
  const TensorSpec& from = call.in[0].spec;
  if (from.layout == op.to) {
    std::memcpy(call.out.data, call.in[0].data, from.bytes());
    return;
  }
  const Shape& s = from.shape;
  const std::span<const float> x = call.in[0].as<float>();
  TensorSpec laid_out = call.out.spec;
  laid_out.layout = op.to;
  std::memset(call.out.data, 0, laid_out.bytes());  // the padding lanes are zero by definition
  float* const out = reinterpret_cast<float*>(call.out.data);
  for (std::int64_t n = 0; n < s[0]; ++n) {
    for (std::int64_t h = 0; h < s[1]; ++h) {
      for (std::int64_t w = 0; w < s[2]; ++w) {
        for (std::int64_t c = 0; c < s[3]; ++c) {
          out[offset(s, op.to, n, h, w, c)] = x[offset(s, from.layout, n, h, w, c)];
        }
      }
    }
  }
}

}  // namespace graft::reference
