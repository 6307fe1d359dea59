// Inside of the sample room: a photo's surroundings (background, stems, leaves, weather of the
// light, lens and sensor), the same for every kind. Thread rule: pure function of its arguments.
#pragma once

#include "base/rng.h"
#include "sample/canvas.h"
#include "sample/flowers.h"

namespace graft::sample {

// A whole photo of some flowers of one kind.
Canvas draw_scene(Kind kind, int width, int height, Rng& rng);

}  // namespace graft::sample
