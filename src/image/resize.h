// Pixels → network input: TensorFlow's legacy resize_bilinear (align_corners=False, no half-pixel
// centres), then (v - mean) * (float)(1.0 / std), all in float32, bit for bit.
// Source: tensorflow/core/kernels/image/resize_bilinear_op.cc; formula in
// docs/formats/preprocessing.md. Thread rule: pure functions; scratch is kept a thread inside.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/image.h"

namespace graft {

struct Normalization {
  float mean = 127.5F;
  float std = 127.5F;
};

// u8 [h,w,3] → f32 [out_h,out_w,3], resized and normalised. `out` has out_h*out_w*3 elements.
// The image is not empty. The vector path (every instruction set) gives the same bits as the
// reference below.
void resize_normalize(const Image& image, int out_height, int out_width, Normalization norm,
                      std::span<float> out);

// The specification: plain loops, one pixel at a time, kept for ever as the oracle.
void resize_bilinear_reference(std::span<const float> in, int in_height, int in_width, int channels,
                               int out_height, int out_width, std::span<float> out);
void normalize_reference(std::span<float> values, Normalization norm);

}  // namespace graft
