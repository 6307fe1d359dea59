// Photo bytes → network input: decoding and resizing in one, by the rule in DecodeOptions::rule.
// Thread rule: pure function of its arguments; scratch is kept a thread inside.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "image/decode.h"
#include "image/image.h"
#include "image/resize.h"

namespace graft {

// `out`: f32 [height, width, 3]. `image` is scratch: reuse it; what it holds afterwards may be
// smaller than the photo, and need not be all of it. Errors: decode_image's.
Result<void> prepare_photo(std::span<const std::byte> photo, const DecodeOptions& options,
                           int height, int width, Normalization norm, Image& image,
                           std::span<float> out, DecodeNote* note = nullptr);

// DecodeRule::kAreaMean's resize: each value is the mean of the area that it stands for (weighted
// by what of each pixel lies in it), in an axis that grows the value between two pixels as
// resize_normalize has it; then (v - mean) * (float)(1.0 / std). Plain float32 sums in a fixed
// order, rows last. The image is not empty; `out` as above.
void resize_area_normalize(const Image& image, int height, int width, Normalization norm,
                           std::span<float> out);

}  // namespace graft
