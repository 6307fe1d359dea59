// Inside of the sample room: a float RGB canvas (0 black … 1 white, display values) and the few
// antialiased shapes that the drawings are made of. Thread rule: plain values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "base/rng.h"
#include "image/image.h"

namespace graft::sample {

inline constexpr float kTurn = 2.0F * std::numbers::pi_v<float>;  // radians

// From low to high, both included.
inline int between(Rng& rng, int low, int high) {
  return low + static_cast<int>(rng.below(static_cast<std::uint32_t>(high - low + 1)));
}

struct Vec2 {
  float x = 0.0F, y = 0.0F;
  Vec2 operator+(Vec2 o) const { return {x + o.x, y + o.y}; }
  Vec2 operator-(Vec2 o) const { return {x - o.x, y - o.y}; }
  Vec2 operator*(float s) const { return {x * s, y * s}; }
};
inline float length(Vec2 v) {
  return std::hypot(v.x, v.y);
}
inline Vec2 direction(float angle) {
  return {std::cos(angle), std::sin(angle)};
}

struct Color {
  float r = 0.0F, g = 0.0F, b = 0.0F;
  Color operator*(float s) const { return {r * s, g * s, b * s}; }
  Color operator+(Color o) const { return {r + o.r, g + o.g, b + o.b}; }
};
inline Color mix(Color a, Color b, float t) {
  return a * (1.0F - t) + b * t;
}
Color from_hsv(float hue, float saturation, float value);  // hue in turns

inline float clamp01(float v) {
  return std::clamp(v, 0.0F, 1.0F);
}
inline float smooth_step(float from, float to, float v) {
  const float t = clamp01((v - from) / (to - from));
  return t * t * (3.0F - 2.0F * t);
}

// Smooth noise in [0, 1) with features of size 1; a pure function of position and salt.
float value_noise(Vec2 at, std::uint32_t salt);
// Octaves of it, each of half the size and weight.
float fractal_noise(Vec2 at, std::uint32_t salt, int octaves);

class Canvas {
 public:
  Canvas(int width, int height);
  int width() const { return width_; }
  int height() const { return height_; }
  Color& at(int x, int y) {
    return pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                   static_cast<std::size_t>(x)];
  }

  // Calls shade(position, pixel) for every pixel of the box around [low, high] that lies on the
  // canvas; position is the pixel's centre.
  template <typename Shade>
  void for_box(Vec2 low, Vec2 high, const Shade& shade) {
    const int x0 = std::max(0, static_cast<int>(std::floor(low.x)) - 1);
    const int y0 = std::max(0, static_cast<int>(std::floor(low.y)) - 1);
    const int x1 = std::min(width_ - 1, static_cast<int>(std::ceil(high.x)) + 1);
    const int y1 = std::min(height_ - 1, static_cast<int>(std::ceil(high.y)) + 1);
    for (int y = y0; y <= y1; ++y) {
      for (int x = x0; x <= x1; ++x) {
        shade(Vec2{static_cast<float>(x) + 0.5F, static_cast<float>(y) + 0.5F}, at(x, y));
      }
    }
  }

  void fill_disc(Vec2 center, float radius, Color color, float opacity, float soft_edge);
  // A line that tapers from one width to the other, darker along one side.
  void stroke(Vec2 from, Vec2 to, float width_from, float width_to, Color color);
  // The same along a quadratic Bézier curve.
  void stroke_curve(Vec2 from, Vec2 control, Vec2 to, float width_from, float width_to,
                    Color color);

  void blur(float sigma);                 // Gaussian, pixels
  void blur_along(Vec2 half_path);        // shaken camera
  void add_noise(Rng& rng, float sigma);  // independent, every channel
  Image to_image() const;                 // clamped and rounded

 private:
  int width_, height_;
  std::vector<Color> pixels_;
};

// The plane that a flower lies in, seen at a slant: maps plane coordinates (radius about 1) to
// pixels and back.
class Plane {
 public:
  // Turned by `spin` within the plane, then tilted by `tilt` radians about an axis at `tilt_axis`.
  Plane(Vec2 center, float radius, float spin, float tilt, float tilt_axis);
  Vec2 to_pixels(Vec2 p) const {
    return {center_.x + a_ * p.x + b_ * p.y, center_.y + c_ * p.x + d_ * p.y};
  }
  Vec2 from_pixels(Vec2 p) const {
    const Vec2 q = p - center_;
    return {(d_ * q.x - b_ * q.y) * inverse_, (a_ * q.y - c_ * q.x) * inverse_};
  }
  // About how many plane units a pixel is wide.
  float pixel() const { return pixel_; }
  // Pixels that something standing off the plane by one unit is shifted by.
  Vec2 lift() const { return lift_; }

 private:
  Vec2 center_, lift_;
  float a_, b_, c_, d_, inverse_, pixel_;
};

}  // namespace graft::sample
