// The built-in backbone: MobileNet V1 0.25_128's structure with the official node names, weights
// drawn from a seed, each layer's batch norm set from its own statistics on the photos at hand, so
// that signals neither vanish nor explode. Untrained: for demonstrations without a network
// connection and for tests without model files. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"

namespace graft {

// The official unfused layout (555 nodes) of mobilenet_v1_<width>_<size>, weights from `seed`,
// batch norm identity. Any of the 16 shapes: tests use it for sizes whose files are not at hand.
wire::GraphDef build_mobilenet_v1(double width, int size, std::uint64_t seed);

// Sets each batch norm's moving mean and variance to those of its own input over the given network
// inputs (at least one, each f32 [size,size,3]), from the first layer to the last. `def` is
// build_mobilenet_v1's; its weights stay as they are. Errors: as import and compile give them.
Result<void> normalize_layers(wire::GraphDef& def, const ModelSpec& spec,
                              std::span<const std::vector<float>> inputs);

}  // namespace graft
