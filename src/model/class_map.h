// Which places of a photo speak for a class. Where a network ends in a global average pool with
// nothing but linear layers behind it (the codelab's all do), a class's logit is a sum over the
// places of the last activation, plus a constant: no estimate, the very sum that the network forms.
// Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
// Thread rule: plain values; pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace graft {

struct ClassMapPlan {
  std::string activation;  // the node before the pool: f32 [1, rows, columns, channels]
  std::string logits;      // the node before the softmax: f32 [1, classes]
  int rows = 0, columns = 0, channels = 0, classes = 0;
  // logit k = Σ over places p, channels c of weights[k * channels + c] * activation[p, c] +
  // bias[k]: the linear layers multiplied out in float64, the pool's division included.
  std::vector<double> weights, bias;

  // What each place adds to the logit of class k: rows * columns values. `activation` as above.
  std::vector<double> map(std::span<const float> activation, int k) const;
};

// graph: simplified; output: its softmax. kUnsupported says which node stands in the way.
Result<ClassMapPlan> plan_class_map(const Graph& graph, const std::string& output);

}  // namespace graft
