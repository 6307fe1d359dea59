#include "image/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "image/resize_window.h"

namespace graft {
namespace {

// An output coordinate's two input coordinates and how far it lies between them.
struct Taps {
  int lower = 0;
  int upper = 0;
  float lerp = 0.0F;
};

float scale_of(int in_size, int out_size) {
  return static_cast<float>(in_size) / static_cast<float>(out_size);
}

Taps taps_of(int out_index, float scale, int in_size) {
  const float in = static_cast<float>(out_index) * scale;
  const float floor = std::floor(in);
  Taps taps;
  // The outer clamp of lower matters only where rounding carries a huge enlargement past the edge.
  taps.lower = std::min(std::max(static_cast<int>(floor), 0), in_size - 1);
  taps.upper = std::min(static_cast<int>(std::ceil(in)), in_size - 1);
  taps.lerp = in - floor;
  return taps;
}

// Everything that resize_window keeps between calls on one thread: the column table of the last
// pair of widths, and the two input rows that the current output row lies between.
struct Scratch {
  int in_width = 0, full_width = 0, left = 0, width = 0;
  bool flip = false;
  std::size_t padded = 0;
  std::vector<std::uint32_t> offset;  // of the left pixel in a row, bytes
  std::vector<float> lerp;
  std::size_t readable = 0;  // bytes of a row that lerp_columns may touch
  std::vector<std::uint32_t> neighbours;
  std::array<std::vector<float>, 2> planes;
  std::vector<std::uint8_t> last_row;

  void prepare(int input_width, const ResizeWindow& w) {
    if (in_width == input_width && full_width == w.full_width && left == w.left &&
        width == w.width && flip == w.flip_left_right) {
      return;
    }
    in_width = input_width;
    full_width = w.full_width;
    left = w.left;
    width = w.width;
    flip = w.flip_left_right;
    const auto columns = static_cast<std::size_t>(width);
    padded = (columns + rows::kRowPadding - 1) / rows::kRowPadding * rows::kRowPadding;
    offset.assign(padded, 0);
    lerp.assign(padded, 0.0F);
    neighbours.resize(padded * 2);
    for (auto& plane : planes) plane.resize(padded * 3);
    const float scale = scale_of(in_width, full_width);
    std::uint32_t largest = 0;
    for (int x = 0; x < width; ++x) {
      const Taps taps = taps_of(left + (flip ? width - 1 - x : x), scale, in_width);
      const auto i = static_cast<std::size_t>(x);
      offset[i] = static_cast<std::uint32_t>(taps.lower) * 3;
      // At the right edge both taps are the same pixel, which weight 0 says without reading on.
      lerp[i] = taps.upper == taps.lower ? 0.0F : taps.lerp;
      largest = std::max(largest, offset[i]);
    }
    readable = largest + sizeof(std::uint64_t);
  }
};

// The source row `y`, readable as far as lerp_columns reads.
const std::uint8_t* readable_row(const Image& image, int y, Scratch& scratch) {
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  const std::size_t start = static_cast<std::size_t>(y) * row_bytes;
  if (start + scratch.readable <= image.pixels.size()) return image.pixels.data() + start;
  scratch.last_row.assign(std::max(scratch.readable, row_bytes), 0);
  std::memcpy(scratch.last_row.data(), image.pixels.data() + start, row_bytes);
  return scratch.last_row.data();
}

}  // namespace

void resize_window(const Image& image, const ResizeWindow& window, Normalization norm,
                   std::span<float> out) {
  thread_local Scratch scratch;
  scratch.prepare(image.width, window);
  const rows::Loops& loops = rows::loops();
  const rows::Finish finish{window.brightness, norm.mean, reciprocal_of_std(norm)};
  const float scale = scale_of(image.height, window.full_height);
  const auto width = static_cast<std::size_t>(window.width);
  out = out.first(static_cast<std::size_t>(window.height) * width * 3);

  std::array<int, 2> held = {-1, -1};  // which input row each plane buffer holds
  const auto row = [&](int y, int keep) -> const float* {
    std::size_t slot = held[0] == y ? 0 : 1;
    if (held[slot] != y) {
      slot = held[0] == keep ? 1 : 0;
      held[slot] = y;
      loops.lerp_columns(readable_row(image, y, scratch), scratch.offset.data(),
                         scratch.lerp.data(), scratch.padded, scratch.neighbours.data(),
                         scratch.planes[slot].data());
    }
    return scratch.planes[slot].data();
  };
  for (int y = 0; y < window.height; ++y) {
    const Taps taps = taps_of(window.top + y, scale, image.height);
    const float* top = row(taps.lower, taps.upper);
    const float* bottom = row(taps.upper, taps.lower);
    loops.lerp_rows(top, bottom, taps.lerp, finish, width, scratch.padded,
                    out.data() + static_cast<std::size_t>(y) * width * 3);
  }
}

float reciprocal_of_std(Normalization norm) {
  return static_cast<float>(1.0 / static_cast<double>(norm.std));
}

std::vector<bool> sampled_lines(int in_size, int out_size) {
  std::vector<bool> sampled(static_cast<std::size_t>(in_size));
  const float scale = scale_of(in_size, out_size);
  for (int i = 0; i < out_size; ++i) {
    const Taps taps = taps_of(i, scale, in_size);
    sampled[static_cast<std::size_t>(taps.lower)] = true;
    sampled[static_cast<std::size_t>(taps.upper)] = true;
  }
  return sampled;
}

void resize_normalize(const Image& image, int out_height, int out_width, Normalization norm,
                      std::span<float> out) {
  resize_window(image,
                {.full_height = out_height,
                 .full_width = out_width,
                 .height = out_height,
                 .width = out_width},
                norm, out);
}

void resize_bilinear_reference(std::span<const float> in, int in_height, int in_width, int channels,
                               int out_height, int out_width, std::span<float> out) {
  const float y_scale = scale_of(in_height, out_height);
  const float x_scale = scale_of(in_width, out_width);
  const auto pixel = [&](int y, int x, int c) {
    return in[(static_cast<std::size_t>(y) * static_cast<std::size_t>(in_width) +
               static_cast<std::size_t>(x)) *
                  static_cast<std::size_t>(channels) +
              static_cast<std::size_t>(c)];
  };
  std::size_t at = 0;
  for (int y = 0; y < out_height; ++y) {
    const Taps ys = taps_of(y, y_scale, in_height);
    for (int x = 0; x < out_width; ++x) {
      const Taps xs = taps_of(x, x_scale, in_width);
      for (int c = 0; c < channels; ++c) {
        const float top_left = pixel(ys.lower, xs.lower, c);
        const float top_right = pixel(ys.lower, xs.upper, c);
        const float bottom_left = pixel(ys.upper, xs.lower, c);
        const float bottom_right = pixel(ys.upper, xs.upper, c);
        const float top = top_left + (top_right - top_left) * xs.lerp;
        const float bottom = bottom_left + (bottom_right - bottom_left) * xs.lerp;
        out[at++] = top + (bottom - top) * ys.lerp;
      }
    }
  }
}

void normalize_reference(std::span<float> values, Normalization norm) {
  const float scale = reciprocal_of_std(norm);
  for (float& v : values) v = (v - norm.mean) * scale;
}

}  // namespace graft
