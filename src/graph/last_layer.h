// A classifier's last layer, apart from the network before it. It meets one pixel only, and so
// reads its weights, which may be megabytes, as often for one photo as for several. Thread rule:
// pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace graft {

struct LastLayer {
  std::string reads;  // the value of the network that it takes: f32, `channels` elements
  std::int64_t channels = 0;
  // One op on its one input, f32 [photos, channels]: [photos, elements of the output].
  Graph layer;
  std::string output;  // of `layer`
};

// The layer that makes `output` of a simplified graph whose input is one photo: a 1x1 convolution
// of one pixel or a matrix product of one row, in float32, its weights known, with nothing behind
// it but another shape. nullopt: there is none such.
std::optional<LastLayer> last_layer(const Graph& graph, const std::string& output,
                                    std::int64_t photos);

}  // namespace graft
