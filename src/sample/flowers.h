// Inside of the sample room: the five kinds of flower. They differ in form only (number, shape and
// arrangement of petals, how they grow); every colour comes from one palette for all.
// Thread rule: pure functions of their arguments.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "sample/canvas.h"

namespace graft::sample {

enum class Kind : std::uint8_t { kAllium, kAster, kBellflower, kButtercup, kLily };
inline constexpr int kKinds = 5;

// The colours of one plant; drawn once a photo, so that its flowers match.
struct Palette {
  Color petal;
  Color petal_base;  // towards the middle
  Color middle;
  Color anther;
  Color leaf;
  float light_angle = 0.0F;
};
Palette draw_palette(Rng& rng);

// Where and how a flower is seen.
struct Pose {
  Vec2 center;          // pixels
  float radius = 0.0F;  // pixels
  float spin = 0.0F;
  float tilt = 0.0F;  // 0 seen from straight ahead
  float tilt_axis = 0.0F;
};

// One flower (for bellflowers: one arching stem of them), without the stem below it.
void draw_flower(Kind kind, const Pose& pose, const Palette& palette, Rng& rng, Canvas& canvas);

// A pointed leaf from its foot to its tip.
void draw_leaf(Vec2 foot, Vec2 tip, float width, Color color, Rng& rng, Canvas& canvas);

}  // namespace graft::sample
