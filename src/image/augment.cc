#include "image/augment.h"

#include <algorithm>

#include "image/resize_window.h"

namespace graft {

void distort(const Image& image, int height, int width, Normalization norm,
             const Distortion& distortion, Rng& rng, std::span<float> out) {
  // Every number is drawn whatever the settings, so that a photo's later draws do not move.
  const float resize_scale =
      rng.uniform(1.0F, static_cast<float>(1.0 + distortion.random_scale / 100.0));
  const float row_draw = rng.uniform();
  const float column_draw = rng.uniform();
  const float flip_draw = rng.uniform();
  const double range = distortion.random_brightness / 100.0;
  const float brightness =
      rng.uniform(static_cast<float>(1.0 - range), static_cast<float>(1.0 + range));

  const float scale = static_cast<float>(1.0 + distortion.random_crop / 100.0) * resize_scale;
  const int full_height = std::max(height, static_cast<int>(scale * static_cast<float>(height)));
  const int full_width = std::max(width, static_cast<int>(scale * static_cast<float>(width)));
  const auto offset = [](float draw, int spare) {
    return std::min(spare, static_cast<int>(draw * static_cast<float>(spare + 1)));
  };
  resize_window(image,
                {.full_height = full_height,
                 .full_width = full_width,
                 .top = offset(row_draw, full_height - height),
                 .left = offset(column_draw, full_width - width),
                 .height = height,
                 .width = width,
                 .flip_left_right = distortion.flip_left_right && flip_draw < 0.5F,
                 .brightness = brightness},
                norm, out);
}

}  // namespace graft
