#include "sample/flowers.h"

#include <array>
#include <numbers>
#include <vector>

namespace graft::sample {
namespace {

// A petal in the flower's plane: along `angle` from `start` to `start + reach`, widest at `belly`
// (0 … 1 of its length), its tip round (blunt 1) or pointed (blunt 0).
struct Petal {
  float angle = 0.0F;
  float start = 0.0F;
  float reach = 1.0F;
  float half_width = 0.1F;
  float belly = 0.5F;
  float blunt = 0.5F;
  float notch = 0.0F;  // depth of the cut in the tip
  float bend = 0.0F;   // sideways at the tip
  float lift = 0.0F;   // tip's height over the plane
  float shade = 1.0F;
  float midrib = 0.0F;  // how dark the line along the middle is
  float spots = 0.0F;
  std::uint32_t salt = 0;
};

// Half the width at u in [0, 1], as a part of the widest.
float outline(const Petal& petal, float u) {
  const float foot = u / petal.belly;
  const float tip = (1.0F - u) / (1.0F - petal.belly);
  if (u < petal.belly)
    return std::sqrt(std::max(0.0F, foot * (2.0F - foot))) * 0.85F + 0.15F * foot;
  const float round = std::sqrt(std::max(0.0F, tip * (2.0F - tip)));
  const float point = tip * (1.5F - 0.5F * tip);
  return std::lerp(point, round, petal.blunt);
}

void draw_petal(const Petal& petal, const Plane& plane, const Palette& palette, Canvas& canvas) {
  const Vec2 axis = direction(petal.angle);
  const Vec2 across{-axis.y, axis.x};
  const auto place = [&](float u, float v) {
    const Vec2 flat =
        axis * (petal.start + petal.reach * u) + across * (v + petal.bend * u * u * petal.reach);
    return plane.to_pixels(flat) + plane.lift() * (petal.lift * u * u);
  };
  Vec2 low{1e9F, 1e9F};
  Vec2 high{-1e9F, -1e9F};
  const float wide = petal.half_width;
  for (const float u : {0.0F, 0.25F, 0.5F, 0.75F, 1.0F}) {
    for (const float v : {-wide, wide}) {
      const Vec2 corner = place(u, v);
      low = {std::min(low.x, corner.x), std::min(low.y, corner.y)};
      high = {std::max(high.x, corner.x), std::max(high.y, corner.y)};
    }
  }
  const float facing = std::cos(petal.angle - palette.light_angle);
  canvas.for_box(low, high, [&](Vec2 p, Color& pixel) {
    // The lift depends on u, so that u is found in two steps.
    Vec2 q = plane.from_pixels(p);
    float u = (q.x * axis.x + q.y * axis.y - petal.start) / petal.reach;
    if (petal.lift != 0.0F) {
      const float guess = clamp01(u);
      q = plane.from_pixels(p - plane.lift() * (petal.lift * guess * guess));
      u = (q.x * axis.x + q.y * axis.y - petal.start) / petal.reach;
    }
    if (u <= 0.0F || u >= 1.0F) return;
    const float v = q.x * across.x + q.y * across.y - petal.bend * u * u * petal.reach;
    const float half = wide * outline(petal, u);
    float inside = half - std::abs(v);
    if (petal.notch > 0.0F) {
      inside =
          std::min(inside, (1.0F - petal.notch * (1.0F - std::abs(v) / wide) - u) * petal.reach);
    }
    const float cover = clamp01(inside / plane.pixel() + 0.5F);
    if (cover <= 0.0F) return;
    const float side = half > 0.0F ? v / half : 0.0F;  // -1 … 1
    const float veins =
        0.04F * std::sin(side * 14.0F + 3.0F * value_noise({u * 4.0F, side * 2.0F}, petal.salt));
    float light = petal.shade * (0.86F + 0.10F * facing + 0.14F * side * (1.0F - 0.5F * u) + veins);
    light *= 0.70F + 0.30F * smooth_step(0.0F, 0.35F, u);              // in the others' shadow
    light *= 1.0F - 0.18F * smooth_step(0.75F, 1.0F, std::abs(side));  // edge turns away
    light *= 1.0F - petal.midrib * (1.0F - smooth_step(0.02F, 0.16F, std::abs(side)));
    if (petal.spots > 0.0F) {
      const float spot = value_noise({q.x * 26.0F, q.y * 26.0F}, petal.salt + 9U);
      light *= 1.0F - petal.spots * smooth_step(0.72F, 0.82F, spot) * (1.0F - u);
    }
    const Color color = mix(palette.petal_base, palette.petal, smooth_step(0.05F, 0.55F, u));
    pixel = mix(pixel, color * light, cover);
  });
}

// The domed middle, set with the little florets of a sunflower's spiral.
void draw_disc(float radius, const Plane& plane, const Palette& palette, Rng& rng, Canvas& canvas) {
  const Vec2 middle = plane.to_pixels({0.0F, 0.0F});
  const Vec2 reach{radius / plane.pixel() * 1.6F, radius / plane.pixel() * 1.6F};
  canvas.for_box(middle - reach, middle + reach, [&](Vec2 p, Color& pixel) {
    const Vec2 q = plane.from_pixels(p);
    const float r = length(q) / radius;
    const float cover = clamp01((1.0F - r) * radius / plane.pixel() + 0.5F);
    if (cover <= 0.0F) return;
    const Vec2 light = direction(palette.light_angle);
    const float dome = 0.78F + 0.25F * (q.x * light.x + q.y * light.y) / radius -
                       0.25F * smooth_step(0.7F, 1.0F, r);
    pixel = mix(pixel, palette.middle * dome, cover);
  });
  const int dots = between(rng, 40, 90);
  for (int i = 0; i < dots; ++i) {
    const auto n = static_cast<float>(i);
    const float r = radius * std::sqrt((n + 0.5F) / static_cast<float>(dots)) * 0.95F;
    const Vec2 at = plane.to_pixels(direction(n * 2.399963F) * r);
    const float size =
        std::max(0.5F, 0.6F * radius / std::sqrt(static_cast<float>(dots)) / plane.pixel());
    const float tone = rng.uniform(0.75F, 1.25F);
    canvas.fill_disc(at, size, palette.middle * tone, 0.7F, 0.7F);
  }
}

void draw_stamens(int count, float inner, float outer, float anther, const Plane& plane,
                  const Palette& palette, Rng& rng, Canvas& canvas) {
  const float thick = std::max(0.6F, 0.02F / plane.pixel());
  for (int i = 0; i < count; ++i) {
    const float angle =
        kTurn * (static_cast<float>(i) + rng.uniform(-0.3F, 0.3F)) / static_cast<float>(count);
    const float reach = rng.uniform(inner, outer);
    const Vec2 tip = plane.to_pixels(direction(angle) * reach) + plane.lift() * 0.12F;
    canvas.stroke(plane.to_pixels({0.0F, 0.0F}), tip, thick, thick,
                  mix(palette.middle, palette.petal_base, 0.5F));
    canvas.fill_disc(tip, std::max(0.7F, anther / plane.pixel()), palette.anther, 1.0F, 0.6F);
  }
}

// Many narrow rays around a broad disc.
void draw_aster(const Plane& plane, const Palette& palette, Rng& rng, Canvas& canvas) {
  const int rays = between(rng, 14, 24);
  const float disc = rng.uniform(0.22F, 0.33F);
  const float width = rng.uniform(0.75F, 1.05F) * 3.0F / static_cast<float>(rays);
  const int rows = between(rng, 1, 2);
  for (int row = rows; row-- > 0;) {
    for (int i = 0; i < rays; ++i) {
      Petal petal;
      petal.angle =
          kTurn *
          (static_cast<float>(i) + 0.5F * static_cast<float>(row) + rng.uniform(-0.18F, 0.18F)) /
          static_cast<float>(rays);
      petal.start = 0.6F * disc;
      petal.reach = (row == 0 ? 1.0F : 0.92F) * rng.uniform(0.88F, 1.0F) - petal.start;
      petal.half_width = 0.75F * width;
      petal.belly = 0.65F;
      petal.blunt = 0.8F;
      petal.bend = rng.uniform(-0.06F, 0.06F);
      petal.shade = rng.uniform(0.86F, 1.08F) * (row == 0 ? 1.0F : 0.82F);
      petal.lift = rng.uniform(-0.05F, 0.12F);
      petal.salt = rng.next_u32();
      draw_petal(petal, plane, palette, canvas);
    }
  }
  draw_disc(disc, plane, palette, rng, canvas);
}

// Five broad round petals, overlapping, around a small middle with short stamens.
void draw_buttercup(const Plane& plane, const Palette& palette, Rng& rng, Canvas& canvas) {
  const int petals = 5;
  const float notch = rng.uniform() < 0.4F ? rng.uniform(0.05F, 0.15F) : 0.0F;
  const float width = rng.uniform(0.42F, 0.55F);
  for (int i = 0; i < petals; ++i) {
    Petal petal;
    petal.angle = kTurn * (static_cast<float>(i * 2 % petals) + rng.uniform(-0.08F, 0.08F)) /
                  static_cast<float>(petals);
    petal.start = 0.04F;
    petal.reach = rng.uniform(0.86F, 0.98F);
    petal.half_width = width;
    petal.belly = 0.62F;
    petal.blunt = 1.0F;
    petal.notch = notch;
    petal.lift = rng.uniform(0.0F, 0.2F);
    petal.shade = rng.uniform(0.88F, 1.08F);
    petal.salt = rng.next_u32();
    draw_petal(petal, plane, palette, canvas);
  }
  draw_stamens(between(rng, 12, 22), 0.13F, 0.24F, 0.025F, plane, palette, rng, canvas);
  draw_disc(rng.uniform(0.08F, 0.13F), plane, palette, rng, canvas);
}

// Six long pointed petals in two whorls of three, with midribs, often spotted; long stamens.
void draw_lily(const Plane& plane, const Palette& palette, Rng& rng, Canvas& canvas) {
  const float spots = rng.uniform() < 0.5F ? rng.uniform(0.3F, 0.6F) : 0.0F;
  const float width = rng.uniform(0.17F, 0.26F);
  const float midrib = rng.uniform(0.12F, 0.3F);
  for (int whorl = 0; whorl < 2; ++whorl) {
    for (int i = 0; i < 3; ++i) {
      Petal petal;
      petal.angle =
          kTurn *
          (static_cast<float>(i) + 0.5F * static_cast<float>(whorl) + rng.uniform(-0.05F, 0.05F)) /
          3.0F;
      petal.start = 0.02F;
      petal.reach = rng.uniform(0.92F, 1.05F);
      petal.half_width = width * (whorl == 0 ? 0.85F : 1.0F);
      petal.belly = 0.42F;
      petal.blunt = 0.1F;
      petal.bend = rng.uniform(-0.15F, 0.15F);
      petal.lift = rng.uniform(-0.25F, 0.05F);
      petal.shade = rng.uniform(0.9F, 1.06F) * (whorl == 0 ? 0.85F : 1.0F);
      petal.midrib = midrib;
      petal.spots = spots;
      petal.salt = rng.next_u32();
      draw_petal(petal, plane, palette, canvas);
    }
  }
  draw_stamens(6, 0.42F, 0.55F, 0.045F, plane, palette, rng, canvas);
}

// A ball of many small starry florets, each on its own ray.
void draw_allium(const Pose& pose, const Palette& palette, Rng& rng, Canvas& canvas) {
  const int florets = between(rng, 90, 170);
  const float size = pose.radius * rng.uniform(1.5F, 1.9F) / std::sqrt(static_cast<float>(florets));
  const Vec2 light = direction(palette.light_angle);
  // From the far side to the near one (z from -1 to 1); the far half shows between the others.
  for (int i = 0; i < florets; ++i) {
    const float z = -0.6F + 1.6F * (static_cast<float>(i) + 0.5F) / static_cast<float>(florets);
    const float around = std::sqrt(std::max(0.0F, 1.0F - z * z));
    const Vec2 on_ball = direction(pose.spin + static_cast<float>(i) * 2.399963F) * around;
    const float reach = pose.radius * rng.uniform(0.84F, 0.96F);
    const Vec2 at = pose.center + on_ball * reach;
    canvas.stroke(pose.center + on_ball * (0.3F * reach), at, 0.6F, 0.8F, palette.leaf * 0.7F);
    Palette lit = palette;
    const float ball =
        0.62F + 0.22F * (z + 0.6F) + 0.18F * (on_ball.x * light.x + on_ball.y * light.y);
    lit.petal = palette.petal * ball;
    lit.petal_base = palette.petal_base * ball;
    const float slant = std::acos(std::clamp(z, 0.45F, 1.0F));
    const Plane plane(at, size, rng.uniform(0.0F, kTurn), slant,
                      std::atan2(on_ball.y, on_ball.x) + 0.25F * kTurn);
    const int petals = between(rng, 5, 6);
    for (int p = 0; p < petals; ++p) {
      Petal petal;
      petal.angle = kTurn * static_cast<float>(p) / static_cast<float>(petals);
      petal.reach = 1.0F;
      petal.half_width = 0.26F;
      petal.belly = 0.5F;
      petal.blunt = 0.3F;
      petal.shade = rng.uniform(0.9F, 1.1F);
      draw_petal(petal, plane, lit, canvas);
    }
    canvas.fill_disc(at, std::max(0.5F, 0.16F * size), palette.middle * ball, 0.9F, 0.6F);
  }
}

// One hanging bell: narrow at the stalk, swelling, with a flared and scalloped mouth.
void draw_bell(Vec2 top, float size, float lean, const Palette& palette, Rng& rng, Canvas& canvas) {
  const Vec2 down = direction(0.25F * kTurn + lean);
  const Vec2 across{down.y, -down.x};
  const float plump = rng.uniform(0.30F, 0.38F);
  const float flare = rng.uniform(0.08F, 0.16F);
  const float phase = rng.uniform(0.0F, 1.0F);
  const float mouth_depth = rng.uniform(0.05F, 0.13F);
  const auto half_at = [&](float u) {
    return plump *
               std::sqrt(
                   std::max(0.0F, std::min(1.0F, u * 2.6F) * (2.0F - std::min(1.0F, u * 2.6F)))) *
               (0.85F + 0.15F * u) +
           flare * smooth_step(0.6F, 1.0F, u);
  };
  const Vec2 reach = {size * 1.2F, size * 1.2F};
  const Vec2 middle = top + down * (0.5F * size);
  const std::uint32_t salt = rng.next_u32();
  const float light_side = std::cos(palette.light_angle - std::atan2(across.y, across.x));
  canvas.for_box(middle - reach, middle + reach, [&](Vec2 p, Color& pixel) {
    const Vec2 q = (p - top) * (1.0F / size);
    const float u = q.x * down.x + q.y * down.y;
    const float v = q.x * across.x + q.y * across.y;
    if (u <= 0.0F || u > 1.3F) return;
    const float half = half_at(std::min(u, 1.0F));
    const float side = v / half;
    if (std::abs(side) > 1.1F) return;
    // The near rim's lobes hang over the dark mouth.
    const float bulge = std::sqrt(std::max(0.0F, 1.0F - side * side));
    const float angle = std::asin(std::clamp(side, -1.0F, 1.0F)) / kTurn * 5.0F + phase;
    const float lobes = 0.09F * std::abs(std::sin(std::numbers::pi_v<float> * angle));
    const float rim = 1.0F + mouth_depth * bulge + lobes - 0.04F;
    const float inside = std::min(half - std::abs(v), (rim - u));
    const float cover = clamp01(inside * size + 0.5F);
    if (cover <= 0.0F) return;
    float light = 0.62F + 0.36F * bulge + 0.16F * side * light_side;
    light += 0.05F * std::cos(kTurn * angle);  // ribs
    light += 0.06F * (value_noise({side * 5.0F, u * 3.0F}, salt) - 0.5F);
    const Color color = mix(palette.petal_base, palette.petal, smooth_step(0.1F, 0.7F, u));
    pixel = mix(pixel, color * light, cover);
  });
  // The calyx: a green cap with points.
  for (int i = -2; i <= 2; ++i) {
    const float tilt = 0.55F * static_cast<float>(i);
    const Vec2 tip = top + direction(0.25F * kTurn + lean + tilt) * (0.30F * size);
    canvas.stroke(top, tip, 0.13F * size, 0.5F, palette.leaf * 0.9F);
  }
}

// An arching stem with bells hanging to both sides.
void draw_bellflower(const Pose& pose, const Palette& palette, Rng& rng, Canvas& canvas) {
  const int bells = between(rng, 3, 7);
  const float height = 2.1F * pose.radius;
  const float arch = rng.uniform(-0.5F, 0.5F);
  const Vec2 foot{pose.center.x - arch * pose.radius, pose.center.y + 0.5F * height};
  const Vec2 control{pose.center.x - arch * pose.radius, pose.center.y - 0.3F * height};
  const Vec2 tip{pose.center.x + arch * pose.radius, pose.center.y - 0.5F * height};
  const float thick = std::max(1.2F, 0.06F * pose.radius);
  canvas.stroke_curve(foot, control, tip, thick, 0.6F * thick, palette.leaf * 0.85F);
  const float size = pose.radius * rng.uniform(0.85F, 1.1F) * (bells > 5 ? 0.8F : 1.0F);
  for (int i = 0; i < bells; ++i) {
    const float t = 0.12F + 0.86F * static_cast<float>(i) / static_cast<float>(bells - 1);
    const Vec2 on_stem = foot * ((1 - t) * (1 - t)) + control * (2 * t * (1 - t)) + tip * (t * t);
    const float side = i % 2 == 0 ? 1.0F : -1.0F;
    const float lean = -side * rng.uniform(0.15F, 0.75F);
    const Vec2 top =
        on_stem + Vec2{side * size * rng.uniform(0.15F, 0.35F), size * rng.uniform(-0.2F, 0.05F)};
    canvas.stroke(on_stem, top, 0.7F * thick, 0.6F * thick, palette.leaf * 0.85F);
    draw_bell(top, size * rng.uniform(0.75F, 1.0F), lean, palette, rng, canvas);
  }
}

}  // namespace

Palette draw_palette(Rng& rng) {
  struct Hsv {
    float hue, saturation, value;
  };
  constexpr std::array<Hsv, 11> kPetals = {{{0.14F, 0.06F, 0.97F},    // white
                                            {0.14F, 0.35F, 0.96F},    // cream
                                            {0.145F, 0.85F, 0.97F},   // yellow
                                            {0.08F, 0.88F, 0.96F},    // orange
                                            {0.02F, 0.75F, 0.93F},    // coral
                                            {0.985F, 0.85F, 0.80F},   // red
                                            {0.93F, 0.40F, 0.95F},    // pink
                                            {0.88F, 0.70F, 0.82F},    // magenta
                                            {0.78F, 0.55F, 0.80F},    // purple
                                            {0.73F, 0.38F, 0.92F},    // lavender
                                            {0.64F, 0.62F, 0.88F}}};  // blue
  constexpr std::array<Hsv, 5> kMiddles = {{{0.135F, 0.85F, 0.92F},
                                            {0.09F, 0.80F, 0.62F},
                                            {0.06F, 0.70F, 0.32F},
                                            {0.22F, 0.60F, 0.62F},
                                            {0.15F, 0.40F, 0.90F}}};
  const auto jittered = [&rng](Hsv c) {
    return from_hsv(c.hue + rng.uniform(-0.025F, 0.025F),
                    clamp01(c.saturation + rng.uniform(-0.12F, 0.12F)),
                    clamp01(c.value * rng.uniform(0.88F, 1.04F)));
  };
  const auto pick = [&rng](const auto& from) {
    return from[rng.below(static_cast<std::uint32_t>(from.size()))];
  };
  Palette palette;
  palette.petal = jittered(pick(kPetals));
  palette.petal_base = rng.uniform() < 0.55F
                           ? mix(palette.petal, jittered(pick(kPetals)), rng.uniform(0.3F, 0.9F))
                           : palette.petal * rng.uniform(0.75F, 1.0F);
  palette.middle = jittered(pick(kMiddles));
  palette.anther = jittered(pick(kMiddles));
  palette.leaf =
      from_hsv(rng.uniform(0.22F, 0.38F), rng.uniform(0.35F, 0.75F), rng.uniform(0.28F, 0.62F));
  palette.light_angle = rng.uniform(0.5F, 1.0F) * kTurn;  // from above
  return palette;
}

void draw_flower(Kind kind, const Pose& pose, const Palette& palette, Rng& rng, Canvas& canvas) {
  const Plane plane(pose.center, pose.radius, pose.spin, pose.tilt, pose.tilt_axis);
  switch (kind) {
    case Kind::kAllium:
      draw_allium(pose, palette, rng, canvas);
      break;
    case Kind::kAster:
      draw_aster(plane, palette, rng, canvas);
      break;
    case Kind::kBellflower:
      draw_bellflower(pose, palette, rng, canvas);
      break;
    case Kind::kButtercup:
      draw_buttercup(plane, palette, rng, canvas);
      break;
    case Kind::kLily:
      draw_lily(plane, palette, rng, canvas);
      break;
  }
}

void draw_leaf(Vec2 foot, Vec2 tip, float width, Color color, Rng& rng, Canvas& canvas) {
  const Vec2 axis = tip - foot;
  const float long_side = std::max(1.0F, length(axis));
  const Plane plane(foot, long_side, std::atan2(axis.y, axis.x), 0.0F, 0.0F);
  Palette green;
  green.petal = color;
  green.petal_base = color * 0.8F;
  green.light_angle = rng.uniform(0.0F, kTurn);
  Petal leaf;
  leaf.reach = 1.0F;
  leaf.half_width = 0.5F * width / long_side;
  leaf.belly = rng.uniform(0.3F, 0.5F);
  leaf.blunt = 0.15F;
  leaf.bend = rng.uniform(-0.2F, 0.2F);
  leaf.midrib = -0.15F;
  leaf.salt = rng.next_u32();
  draw_petal(leaf, plane, green, canvas);
}

}  // namespace graft::sample
