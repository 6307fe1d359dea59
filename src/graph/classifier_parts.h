// Where photos enter a frozen classifier and where its feature can be taken, found by the graph's
// structure: for networks whose names nobody knows beforehand.
// Non-goals: preprocessing, which a graph does not tell. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"
#include "wire/graph_def.pb.h"

namespace graft {

struct PhotoInput {
  std::string node;
  std::int64_t height = 0, width = 0;  // 0: left open
};
// The placeholders that could take photos (float32; of rank 4 or not said), in file order.
std::vector<PhotoInput> photo_inputs(const wire::GraphDef& def);
// The size that a placeholder declares, channels last or first (import.h); zeros for other nodes.
PhotoInput photo_input(const wire::NodeDef& node);

struct FeatureCandidate {
  std::string node;
  Shape shape;
  std::string what;  // "what the last layer, "logits/MatMul", takes"
};
struct FeatureCandidates {
  std::vector<FeatureCandidate> all;  // the likeliest first
  bool clear = false;                 // all[0] is the feature, without doubt
};
// The last layer is the convolution or matrix product behind which there is no other. With exactly
// one, the feature is clear: what it takes, if that is one vector a photo (its classifier then is
// this layer), else the first such vector behind it (a pool behind the last convolution). The other
// candidate is the last vector before a softmax. Several last layers: what each takes, clear if
// that is the same vector. input: where photos enter; input_shape: as ImportOptions has it. Errors:
// topological_order's, import_graph_def's (an op that is not handled, with its node);
// kInvalidArgument: there is no such layer behind the input.
Result<FeatureCandidates> feature_candidates(const wire::GraphDef& def, const std::string& input,
                                             std::span<const std::int64_t> input_shape);

// One vector a photo: all dimensions but the last are 1.
bool is_vector(const Shape& shape);

}  // namespace graft
