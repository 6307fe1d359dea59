// Random distortions of training photos, as the original's add_input_distortions does them:
// float, bilinear to trunc((1+crop%) · U[1,1+scale%) · size), uniform random crop to the input
// size, flip with p = 0.5, multiply by U[1-b, 1+b) without clamping, mean/std last. Thread rule:
// pure function of its arguments (the Rng is the caller's).
#pragma once

#include <span>

#include "base/rng.h"
#include "image/image.h"
#include "image/resize.h"

namespace graft {

struct Distortion {
  bool flip_left_right = false;
  int random_crop = 0;        // percent, ≥ 0
  int random_scale = 0;       // percent, ≥ 0
  int random_brightness = 0;  // percent, ≥ 0
  bool any() const {
    return flip_left_right || random_crop != 0 || random_scale != 0 || random_brightness != 0;
  }
};

// `out`: f32 [height,width,3] of the network's input.
void distort(const Image& image, int height, int width, Normalization norm,
             const Distortion& distortion, Rng& rng, std::span<float> out);

}  // namespace graft
