// Convolutions in whole numbers (kernels/op.h: QuantizedConv2D): which layers of a network can run
// so, what has to be known of their inputs, and the rewrite. The values change: each activation is
// rounded to one of 256 steps and each weight to one of 255, a step a channel.
// Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace graft {

// How large the values of a node become, and are on average: one code a channel each.
struct ActivationRange {
  // Eighths of octaves, rounded up: what is written is the same on every machine, but for values
  // within rounding of a limit.
  std::vector<std::uint8_t> largest;
  std::vector<std::uint8_t> mean;  // in 255ths of range_of(largest)
  bool operator==(const ActivationRange&) const = default;
};
using ActivationRanges = std::map<std::string, ActivationRange>;  // by printable() name of the node

// The least code whose range holds `largest`; 0 for what is never above 2^-16, NaN included.
std::uint8_t range_code(float largest);
// 2^(code/8 - 16): 2^-16 to nearly 2^16.
double range_of(std::uint8_t code);
// The nearest code of a mean below range_of(largest).
std::uint8_t mean_code(double mean, std::uint8_t largest);

// The nodes whose ranges quantize() wants: inputs of the convolutions that can run in whole
// numbers, in the graph's order. Such a convolution reads what cannot be negative (a ReLU's or
// ReLU6's result, or a pool, a join, padding of such), so not the photo, and has constant, finite
// weights and a result of more than one pixel. graph: simplified.
std::vector<std::string> quantizable_values(const Graph& graph);

// The graph with these convolutions in whole numbers. Values between two of them are kept as u8
// where nothing else reads them and they are no output; outputs keep their names and type. A value
// beyond its range counts as its end. kUnsupported: no layer of the network can run so;
// kInvalidArgument: a range is missing, or has another number of channels.
Result<Graph> quantize(const Graph& graph, const ActivationRanges& ranges);

}  // namespace graft
