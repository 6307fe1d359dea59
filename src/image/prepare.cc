#include "image/prepare.h"

#include <algorithm>
#include <vector>

#include "image/resize_window.h"

namespace graft {
namespace {

// What one output line is made of: `weights[first_weight + i]` of input line `first + i`.
struct Share {
  std::size_t first = 0, first_weight = 0, count = 0;
};

struct Axis {
  int in_size = 0, out_size = 0;
  std::vector<Share> shares;
  std::vector<float> weights;

  void prepare(int in, int out) {
    if (in == in_size && out == out_size) return;
    in_size = in;
    out_size = out;
    shares.clear();
    weights.clear();
    const double scale = static_cast<double>(in) / out;
    for (int i = 0; i < out; ++i) {
      const double begin = i * scale, end = scale > 1 ? (i + 1) * scale : begin + 1;
      Share share{static_cast<std::size_t>(begin), weights.size(), 0};
      for (auto line = share.first; static_cast<double>(line) < end; ++line) {
        const auto at = static_cast<double>(line);
        const double part = std::min(at + 1, end) - std::max(at, begin);
        if (line >= static_cast<std::size_t>(in)) {
          weights.back() += static_cast<float>(part / (end - begin));  // beyond the edge: its line
          break;
        }
        weights.push_back(static_cast<float>(part / (end - begin)));
      }
      share.count = weights.size() - share.first_weight;
      shares.push_back(share);
    }
  }
};

// One row of the image, its columns brought together: `out` has axis.out_size * 3 values.
void average_columns(const std::uint8_t* row, const Axis& columns, float* out) {
  for (const Share& share : columns.shares) {
    const float* const weights = columns.weights.data() + share.first_weight;
    const std::uint8_t* pixel = row + share.first * 3;
    float r = 0, g = 0, b = 0;
    for (std::size_t i = 0; i < share.count; ++i, pixel += 3) {
      r += weights[i] * static_cast<float>(pixel[0]);
      g += weights[i] * static_cast<float>(pixel[1]);
      b += weights[i] * static_cast<float>(pixel[2]);
    }
    out[0] = r;
    out[1] = g;
    out[2] = b;
    out += 3;
  }
}

struct AreaScratch {
  Axis columns, rows;
  std::vector<float> line, sum;
};

}  // namespace

void resize_area_normalize(const Image& image, int height, int width, Normalization norm,
                           std::span<float> out) {
  thread_local AreaScratch s;
  s.columns.prepare(image.width, width);
  s.rows.prepare(image.height, height);
  const std::size_t values = static_cast<std::size_t>(width) * 3;
  s.line.resize(values);
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  const float scale = reciprocal_of_std(norm);
  // Neighbours share a row at most, so one is kept.
  std::size_t held = static_cast<std::size_t>(image.height);
  float* to = out.data();
  for (const Share& share : s.rows.shares) {
    s.sum.assign(values, 0.0F);
    for (std::size_t i = 0; i < share.count; ++i) {
      const std::size_t row = share.first + i;
      if (row != held) {
        average_columns(image.pixels.data() + row * row_bytes, s.columns, s.line.data());
        held = row;
      }
      const float weight = s.rows.weights[share.first_weight + i];
      for (std::size_t v = 0; v < values; ++v) s.sum[v] += weight * s.line[v];
    }
    for (std::size_t v = 0; v < values; ++v) to[v] = (s.sum[v] - norm.mean) * scale;
    to += values;
  }
}

Result<void> prepare_photo(std::span<const std::byte> photo, const DecodeOptions& options,
                           int height, int width, Normalization norm, Image& image,
                           std::span<float> out, DecodeNote* note) {
  DecodeOptions decode = options;
  decode.only_for_height = height;
  decode.only_for_width = width;
  GRAFT_TRY(decode_image(photo, decode, image, note));
  // Between fewer than two lines there is none that a bilinear resize passes over.
  const bool passes_over = image.height >= 2 * height || image.width >= 2 * width;
  if (options.rule == DecodeRule::kAreaMean && passes_over) {
    resize_area_normalize(image, height, width, norm, out);
  } else {
    resize_normalize(image, height, width, norm, out);
  }
  return {};
}

}  // namespace graft
