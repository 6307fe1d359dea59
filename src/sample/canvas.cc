#include "sample/canvas.h"

#include <array>
#include <numbers>

namespace graft::sample {
namespace {

float lattice(int x, int y, std::uint32_t salt) {
  std::uint32_t h = static_cast<std::uint32_t>(x) * 0x8DA6B343U ^
                    static_cast<std::uint32_t>(y) * 0xD8163841U ^ salt * 0xCB1AB31FU;
  h = (h ^ (h >> 15)) * 0x2C1B3C6DU;
  h = (h ^ (h >> 12)) * 0x297A2D39U;
  h ^= h >> 15;
  return static_cast<float>(h >> 8) * 0x1p-24F;
}

std::vector<float> gaussian(float sigma) {
  const int radius = std::max(1, static_cast<int>(std::ceil(2.3F * sigma)));
  std::vector<float> weights;
  float sum = 0.0F;
  for (int i = -radius; i <= radius; ++i) {
    const auto t = static_cast<float>(i) / sigma;
    weights.push_back(std::exp(-0.5F * t * t));
    sum += weights.back();
  }
  for (float& w : weights) w /= sum;
  return weights;
}

}  // namespace

Color from_hsv(float hue, float saturation, float value) {
  const auto channel = [&](float offset) {
    const float k = std::fmod(offset + (hue - std::floor(hue)) * 6.0F, 6.0F);
    return value * (1.0F - saturation * clamp01(std::min(k, 4.0F - k)));
  };
  return {channel(5.0F), channel(3.0F), channel(1.0F)};
}

float value_noise(Vec2 at, std::uint32_t salt) {
  // Truncation and one correction: floor() is a call on the oldest processors.
  const int x = static_cast<int>(at.x) - (at.x < 0.0F ? 1 : 0);
  const int y = static_cast<int>(at.y) - (at.y < 0.0F ? 1 : 0);
  const float tx = at.x - static_cast<float>(x);
  const float ty = at.y - static_cast<float>(y);
  const float u = tx * tx * (3.0F - 2.0F * tx);
  const float v = ty * ty * (3.0F - 2.0F * ty);
  const float top_left = lattice(x, y, salt);
  const float bottom_left = lattice(x, y + 1, salt);
  const float top = top_left + (lattice(x + 1, y, salt) - top_left) * u;
  const float bottom = bottom_left + (lattice(x + 1, y + 1, salt) - bottom_left) * u;
  return top + (bottom - top) * v;
}

float fractal_noise(Vec2 at, std::uint32_t salt, int octaves) {
  float sum = 0.0F;
  float weight = 0.5F;
  float total = 0.0F;
  for (int i = 0; i < octaves; ++i) {
    sum += weight * value_noise(at, salt + static_cast<std::uint32_t>(i) * 101U);
    total += weight;
    weight *= 0.5F;
    at = at * 2.0F;
  }
  return sum / total;
}

Canvas::Canvas(int width, int height)
    : width_(width),
      height_(height),
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {}

void Canvas::fill_disc(Vec2 center, float radius, Color color, float opacity, float soft_edge) {
  const Vec2 reach{radius + soft_edge, radius + soft_edge};
  for_box(center - reach, center + reach, [&](Vec2 p, Color& pixel) {
    const float inside = radius - length(p - center);
    const float cover = smooth_step(-soft_edge, soft_edge, inside) * opacity;
    if (cover > 0.0F) pixel = mix(pixel, color, cover);
  });
}

void Canvas::stroke(Vec2 from, Vec2 to, float width_from, float width_to, Color color) {
  const float widest = std::max(width_from, width_to);
  const Vec2 low{std::min(from.x, to.x) - widest, std::min(from.y, to.y) - widest};
  const Vec2 high{std::max(from.x, to.x) + widest, std::max(from.y, to.y) + widest};
  const Vec2 axis = to - from;
  const float square = std::max(1e-6F, axis.x * axis.x + axis.y * axis.y);
  for_box(low, high, [&](Vec2 p, Color& pixel) {
    const Vec2 q = p - from;
    const float t = clamp01((q.x * axis.x + q.y * axis.y) / square);
    const Vec2 off = q - axis * t;
    const float half = 0.5F * std::lerp(width_from, width_to, t);
    const float cover = clamp01(half - length(off) + 0.5F) * std::min(1.0F, 2.0F * half);
    if (cover <= 0.0F) return;
    const float side = half > 0.5F ? off.x / half : 0.0F;
    pixel = mix(pixel, color * (1.0F - 0.25F * side), cover);
  });
}

void Canvas::stroke_curve(Vec2 from, Vec2 control, Vec2 to, float width_from, float width_to,
                          Color color) {
  const float reach = length(control - from) + length(to - control);
  const int pieces = std::clamp(static_cast<int>(reach / 6.0F), 4, 40);
  Vec2 last = from;
  for (int i = 1; i <= pieces; ++i) {
    const float t = static_cast<float>(i) / static_cast<float>(pieces);
    const Vec2 next = from * ((1 - t) * (1 - t)) + control * (2 * t * (1 - t)) + to * (t * t);
    const float before = static_cast<float>(i - 1) / static_cast<float>(pieces);
    stroke(last, next, std::lerp(width_from, width_to, before), std::lerp(width_from, width_to, t),
           color);
    last = next;
  }
}

void Canvas::blur(float sigma) {
  if (sigma < 0.2F) return;
  const std::vector<float> weights = gaussian(sigma);
  const int radius = static_cast<int>(weights.size() / 2);
  // Rows into columns twice: the second pass turns the picture back.
  const auto pass = [&](const std::vector<Color>& in, int width, int height) {
    std::vector<Color> out(in.size());
    std::vector<Color> row(static_cast<std::size_t>(width + 2 * radius));  // edges repeated
    for (int y = 0; y < height; ++y) {
      const Color* from = in.data() + static_cast<std::ptrdiff_t>(y) * width;
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = from[std::clamp(static_cast<int>(i) - radius, 0, width - 1)];
      }
      for (int x = 0; x < width; ++x) {
        Color sum;
        for (std::size_t i = 0; i < weights.size(); ++i) {
          sum = sum + row[static_cast<std::size_t>(x) + i] * weights[i];
        }
        out[static_cast<std::size_t>(x) * static_cast<std::size_t>(height) +
            static_cast<std::size_t>(y)] = sum;
      }
    }
    return out;
  };
  pixels_ = pass(pass(pixels_, width_, height_), height_, width_);
}

void Canvas::blur_along(Vec2 half_path) {
  const int steps = static_cast<int>(std::ceil(length(half_path)));
  if (steps < 1) return;
  Canvas out(width_, height_);
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      Color sum;
      for (int i = -steps; i <= steps; ++i) {
        const float t = static_cast<float>(i) / static_cast<float>(steps);
        const int sx = x + static_cast<int>(std::lround(half_path.x * t));
        const int sy = y + static_cast<int>(std::lround(half_path.y * t));
        sum = sum + at(std::clamp(sx, 0, width_ - 1), std::clamp(sy, 0, height_ - 1));
      }
      out.at(x, y) = sum * (1.0F / static_cast<float>(2 * steps + 1));
    }
  }
  *this = std::move(out);
}

void Canvas::add_noise(Rng& rng, float sigma) {
  // The sum of four bytes is near enough to a Gaussian: mean 510, standard deviation 147.8.
  const auto draw = [&rng, sigma] {
    const std::uint32_t bits = rng.next_u32();
    const std::uint32_t sum =
        (bits & 255U) + (bits >> 8 & 255U) + (bits >> 16 & 255U) + (bits >> 24);
    return (static_cast<float>(sum) - 510.0F) * (sigma / 147.8F);
  };
  for (Color& pixel : pixels_) {
    pixel.r += draw();
    pixel.g += draw();
    pixel.b += draw();
  }
}

Image Canvas::to_image() const {
  Image image{width_, height_, {}};
  image.pixels.reserve(pixels_.size() * 3);
  for (const Color& pixel : pixels_) {
    for (const float v : {pixel.r, pixel.g, pixel.b}) {
      image.pixels.push_back(static_cast<std::uint8_t>(std::lround(clamp01(v) * 255.0F)));
    }
  }
  return image;
}

Plane::Plane(Vec2 center, float radius, float spin, float tilt, float tilt_axis) : center_(center) {
  const float squeeze = std::cos(tilt);
  const Vec2 axis = direction(tilt_axis);
  const Vec2 turned = direction(spin - tilt_axis);
  // Rotate by spin - axis, squeeze across the axis, rotate by axis.
  a_ = radius * (axis.x * turned.x - axis.y * squeeze * turned.y);
  b_ = radius * (-axis.x * turned.y - axis.y * squeeze * turned.x);
  c_ = radius * (axis.y * turned.x + axis.x * squeeze * turned.y);
  d_ = radius * (-axis.y * turned.y + axis.x * squeeze * turned.x);
  inverse_ = 1.0F / (a_ * d_ - b_ * c_);
  pixel_ = 1.0F / (radius * std::sqrt(squeeze));
  lift_ = Vec2{-axis.y, axis.x} * (-radius * std::sin(tilt));
}

}  // namespace graft::sample
