// Inside of the image room: the one fast resize, of any window of the resized picture, so that
// distortion computes only the pixels that it keeps. Bit-identical with resize_bilinear_reference,
// cropping, flipping, multiplying and normalize_reference one after the other.
// Thread rule: pure function; scratch is kept a thread inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/instruction_set.h"
#include "image/image.h"
#include "image/resize.h"

namespace graft {

struct ResizeWindow {
  int full_height = 0;  // size that the whole picture is resized to
  int full_width = 0;
  int top = 0;  // the window within it, [top, top+height) × [left, left+width)
  int left = 0;
  int height = 0;
  int width = 0;
  bool flip_left_right = false;  // the window's columns in reverse order
  float brightness = 1.0F;       // multiplies every value before normalisation
};

// `out`: f32 [window.height, window.width, 3]. The image is not empty, the window lies within.
void resize_window(const Image& image, const ResizeWindow& window, Normalization norm,
                   std::span<float> out);

// What a difference from the mean is multiplied by: taken in float64 and rounded once.
float reciprocal_of_std(Normalization norm);

// Which of `in_size` lines (rows or columns) resizing to `out_size` lines reads with a weight.
std::vector<bool> sampled_lines(int in_size, int out_size);

// The vector loops, compiled for every instruction set that the processor may have. A row of
// floats is kept as three planes (R, G, B) of `padded` values each; padded is a multiple of
// kRowPadding.
namespace rows {

inline constexpr std::size_t kRowPadding = 64;

struct Finish {
  float brightness;
  float mean;
  float scale;
};

struct Loops {
  // planes[c][i] = left + (right - left) * lerp[i] with left = row[offset[i] + c] and
  // right = row[offset[i] + 3 + c]; row must be readable up to 8 bytes after every offset.
  // `neighbours` is scratch of 2 * padded values.
  void (*lerp_columns)(const std::uint8_t* row, const std::uint32_t* offset, const float* lerp,
                       std::size_t padded, std::uint32_t* neighbours, float* planes);
  // out[i*3+c] = ((top + (bottom - top) * lerp) * brightness - mean) * scale for i in [0, width).
  void (*lerp_rows)(const float* top, const float* bottom, float lerp, Finish finish,
                    std::size_t width, std::size_t padded, float* out);
};

// Those of the best instruction set.
const Loops& loops();
// For tests: those of another one from now on. Not while anyone resizes.
void use(InstructionSet set);

}  // namespace rows
}  // namespace graft
