#include "sample/scene.h"

#include <array>
#include <numbers>
#include <vector>

namespace graft::sample {
namespace {

Color background_color(Rng& rng) {
  // Greens most often, then earth, sky, walls, dark studio; any petal colour may stand behind.
  const float choice = rng.uniform();
  if (choice < 0.45F) {
    return from_hsv(rng.uniform(0.18F, 0.42F), rng.uniform(0.25F, 0.75F), rng.uniform(0.15F, 0.7F));
  }
  if (choice < 0.6F) {
    return from_hsv(rng.uniform(0.05F, 0.12F), rng.uniform(0.2F, 0.6F), rng.uniform(0.2F, 0.65F));
  }
  if (choice < 0.75F) {
    return from_hsv(rng.uniform(0.54F, 0.64F), rng.uniform(0.15F, 0.6F), rng.uniform(0.5F, 0.95F));
  }
  if (choice < 0.88F)
    return from_hsv(rng.uniform(), rng.uniform(0.0F, 0.2F), rng.uniform(0.05F, 0.9F));
  return draw_palette(rng).petal * rng.uniform(0.4F, 0.9F);
}

void paint_gradient(Canvas& canvas, Rng& rng) {
  const Color from = background_color(rng);
  const Color to = mix(from, background_color(rng), rng.uniform(0.3F, 1.0F));
  const Vec2 axis = direction(rng.uniform(0.0F, kTurn));
  const auto size = static_cast<float>(std::max(canvas.width(), canvas.height()));
  const std::uint32_t salt = rng.next_u32();
  const float cloud = rng.uniform(0.0F, 0.5F);
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const Vec2 p{static_cast<float>(x) / size - 0.5F, static_cast<float>(y) / size - 0.5F};
      const float t =
          0.5F + p.x * axis.x + p.y * axis.y + cloud * (fractal_noise(p * 5.0F, salt, 3) - 0.5F);
      canvas.at(x, y) = mix(from, to, smooth_step(0.0F, 1.0F, t));
    }
  }
}

// Blades of grass in many tones, far ones first.
void paint_grass(Canvas& canvas, Rng& rng) {
  paint_gradient(canvas, rng);
  const Color tone = background_color(rng);
  const auto w = static_cast<float>(canvas.width());
  const auto h = static_cast<float>(canvas.height());
  const int blades = between(rng, 120, 320);
  const float wind = rng.uniform(-0.6F, 0.6F);
  for (int i = 0; i < blades; ++i) {
    const float depth = static_cast<float>(i) / static_cast<float>(blades);
    const Vec2 foot{rng.uniform(-0.1F, 1.1F) * w, h * rng.uniform(0.3F, 1.15F)};
    const float tall = h * rng.uniform(0.15F, 0.45F) * (0.5F + depth);
    const float lean = tall * (wind + rng.uniform(-0.4F, 0.4F));
    const Color color = mix(tone, from_hsv(rng.uniform(0.15F, 0.36F), 0.6F, 0.55F), rng.uniform()) *
                        rng.uniform(0.4F, 1.3F);
    canvas.stroke_curve(foot, {foot.x + 0.2F * lean, foot.y - 0.6F * tall},
                        {foot.x + lean, foot.y - tall}, rng.uniform(1.0F, 3.2F) * w / 320.0F, 0.5F,
                        color);
  }
}

// Leaf litter, gravel, bark: patches of noise.
void paint_ground(Canvas& canvas, Rng& rng) {
  const Color dark = background_color(rng) * 0.6F;
  const Color light = background_color(rng);
  const float grain = rng.uniform(6.0F, 40.0F) / static_cast<float>(canvas.width());
  const std::uint32_t salt = rng.next_u32();
  const Vec2 stretch{rng.uniform(0.5F, 1.5F), rng.uniform(0.5F, 1.5F)};
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const Vec2 p{static_cast<float>(x) * grain * stretch.x,
                   static_cast<float>(y) * grain * stretch.y};
      const float t = fractal_noise(p, salt, 4);
      canvas.at(x, y) = mix(dark, light, smooth_step(0.25F, 0.75F, t));
    }
  }
}

// Points of light far out of focus; some have petals' colours.
void paint_bokeh(Canvas& canvas, Rng& rng) {
  paint_gradient(canvas, rng);
  const int lights = between(rng, 12, 45);
  const float size = rng.uniform(0.03F, 0.10F) * static_cast<float>(canvas.width());
  for (int i = 0; i < lights; ++i) {
    const Vec2 at{rng.uniform(-0.1F, 1.1F) * static_cast<float>(canvas.width()),
                  rng.uniform(-0.1F, 1.1F) * static_cast<float>(canvas.height())};
    const Color color = rng.uniform() < 0.3F ? draw_palette(rng).petal : background_color(rng);
    canvas.fill_disc(at, size * rng.uniform(0.5F, 1.4F), color * rng.uniform(0.7F, 1.25F),
                     rng.uniform(0.2F, 0.7F), rng.uniform(1.0F, 4.0F));
  }
}

void paint_background(Canvas& canvas, Rng& rng) {
  const float choice = rng.uniform();
  const float scale = static_cast<float>(canvas.width()) / 320.0F;
  if (choice < 0.2F) {
    paint_gradient(canvas, rng);
    return;
  }
  if (choice < 0.5F) {
    paint_grass(canvas, rng);
  } else if (choice < 0.75F) {
    paint_ground(canvas, rng);
  } else {
    paint_bokeh(canvas, rng);
  }
  canvas.blur(rng.uniform(0.0F, 4.0F) * scale);
}

// Where the flowers stand: one large, or a few of different sizes, largest last (nearest).
std::vector<Pose> draw_poses(int width, int height, Rng& rng) {
  const auto w = static_cast<float>(width);
  const auto h = static_cast<float>(height);
  const float side = std::min(w, h);
  const std::array<int, 8> counts = {1, 1, 1, 2, 2, 3, 4, 5};
  const int count = counts[rng.below(counts.size())];
  std::vector<Pose> poses;
  for (int i = 0; i < count; ++i) {
    Pose pose;
    const float largest = count == 1 ? 0.46F : count == 2 ? 0.36F : 0.28F;
    pose.radius = side * rng.uniform(0.55F, 1.0F) * largest;
    // The best of a few places: away from the others, so that they overlap little.
    float best = -1e9F;
    for (int attempt = 0; attempt < 8; ++attempt) {
      const Vec2 at{rng.uniform(0.18F, 0.82F) * w, rng.uniform(0.2F, 0.75F) * h};
      float room = 1e9F;
      for (const Pose& other : poses) {
        room = std::min(room, length(at - other.center) - other.radius - pose.radius);
      }
      if (room > best) {
        best = room;
        pose.center = at;
      }
    }
    pose.spin = rng.uniform(0.0F, kTurn);
    pose.tilt = rng.uniform(0.0F, 1.0F);
    pose.tilt_axis = rng.uniform(-0.5F, 0.5F);
    poses.push_back(pose);
  }
  std::sort(poses.begin(), poses.end(),
            [](const Pose& a, const Pose& b) { return a.radius < b.radius; });
  return poses;
}

void draw_stem_and_leaves(const Pose& pose, const Palette& palette, Rng& rng, Canvas& canvas) {
  const auto h = static_cast<float>(canvas.height());
  const Vec2 foot{pose.center.x + rng.uniform(-0.8F, 0.8F) * pose.radius, h + 5.0F};
  const Vec2 control{pose.center.x + rng.uniform(-0.3F, 0.3F) * pose.radius,
                     0.5F * (pose.center.y + h)};
  const float thick = std::max(1.5F, rng.uniform(0.06F, 0.11F) * pose.radius);
  canvas.stroke_curve(foot, control, pose.center, thick, 0.8F * thick, palette.leaf * 0.85F);
  const int leaves = between(rng, 0, 4);
  for (int i = 0; i < leaves; ++i) {
    const float t = rng.uniform(0.0F, 0.7F);
    const Vec2 at = foot * (1 - t) + pose.center * t;
    const float side = rng.uniform() < 0.5F ? -1.0F : 1.0F;
    const float reach = pose.radius * rng.uniform(0.6F, 1.5F);
    const Vec2 tip =
        at + Vec2{side * reach * rng.uniform(0.4F, 1.0F), -reach * rng.uniform(0.1F, 0.9F)};
    draw_leaf(at, tip, reach * rng.uniform(0.2F, 0.5F), palette.leaf * rng.uniform(0.75F, 1.2F),
              rng, canvas);
  }
}

// Sun from one side, shadows of leaves above, colour of the light, exposure, contrast, vignette.
void light_scene(Canvas& canvas, Rng& rng) {
  const float warm = rng.uniform(-0.14F, 0.14F);
  const Color tint{1.0F + warm, 1.0F + rng.uniform(-0.04F, 0.04F), 1.0F - warm};
  const float exposure = rng.uniform(0.72F, 1.4F);
  const float contrast = rng.uniform(0.75F, 1.2F);
  const float haze = rng.uniform() < 0.25F ? rng.uniform(0.05F, 0.25F) : 0.0F;
  const float vignette = rng.uniform(0.0F, 0.5F);
  const float dapple = rng.uniform() < 0.35F ? rng.uniform(0.2F, 0.6F) : 0.0F;
  const float slope = rng.uniform(0.0F, 0.6F);
  const Vec2 sun = direction(rng.uniform(0.0F, kTurn));
  const std::uint32_t salt = rng.next_u32();
  const auto size = static_cast<float>(std::max(canvas.width(), canvas.height()));
  const auto graded = [&](float v) { return clamp01(0.45F + (v - 0.45F) * contrast); };
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const Vec2 p{(static_cast<float>(x) - 0.5F * static_cast<float>(canvas.width())) / size,
                   (static_cast<float>(y) - 0.5F * static_cast<float>(canvas.height())) / size};
      float light = exposure * (1.0F + slope * (p.x * sun.x + p.y * sun.y));
      light *= 1.0F - vignette * 2.0F * (p.x * p.x + p.y * p.y);
      if (dapple > 0.0F) {
        light *= 1.0F - dapple * smooth_step(0.45F, 0.6F, fractal_noise(p * 6.0F, salt, 2));
      }
      Color& c = canvas.at(x, y);
      c = {graded(c.r * light * tint.r), graded(c.g * light * tint.g),
           graded(c.b * light * tint.b)};
      c = mix(c, {0.8F, 0.82F, 0.85F}, haze);
    }
  }
}

// Blades that the photo was taken through.
void draw_foreground(Canvas& canvas, const Palette& palette, Rng& rng) {
  if (rng.uniform() >= 0.3F) return;
  const auto w = static_cast<float>(canvas.width());
  const auto h = static_cast<float>(canvas.height());
  const int blades = between(rng, 1, 5);
  for (int i = 0; i < blades; ++i) {
    const Vec2 foot{rng.uniform() * w, h + 4.0F};
    const Vec2 tip{foot.x + rng.uniform(-0.2F, 0.2F) * w, h * rng.uniform(0.15F, 0.8F)};
    canvas.stroke_curve(foot, {foot.x, 0.5F * (foot.y + tip.y)}, tip,
                        rng.uniform(2.0F, 5.0F) * w / 320.0F, 0.5F,
                        palette.leaf * rng.uniform(0.7F, 1.3F));
  }
}

}  // namespace

Canvas draw_scene(Kind kind, int width, int height, Rng& rng) {
  Canvas canvas(width, height);
  const float scale = static_cast<float>(width) / 320.0F;
  paint_background(canvas, rng);
  const Palette palette = draw_palette(rng);
  const std::vector<Pose> poses = draw_poses(width, height, rng);
  for (const Pose& pose : poses) draw_stem_and_leaves(pose, palette, rng, canvas);
  for (const Pose& pose : poses) {
    // A flower's own shadow sets it off from what is behind.
    canvas.fill_disc(pose.center + Vec2{0.0F, 0.1F * pose.radius}, 0.8F * pose.radius, {}, 0.25F,
                     0.5F * pose.radius);
    draw_flower(kind, pose, palette, rng, canvas);
  }
  draw_foreground(canvas, palette, rng);
  light_scene(canvas, rng);
  canvas.blur(rng.uniform() < 0.6F ? rng.uniform(0.3F, 0.7F) * scale
                                   : rng.uniform(0.7F, 1.7F) * scale);
  if (rng.uniform() < 0.15F) {
    canvas.blur_along(direction(rng.uniform(0.0F, kTurn)) * (rng.uniform(1.0F, 3.0F) * scale));
  }
  canvas.add_noise(rng, rng.uniform(0.004F, 0.035F));
  return canvas;
}

}  // namespace graft::sample
