#include "graph/cost.h"

#include <algorithm>

namespace graft {
namespace {

constexpr std::uint64_t kLeast = std::uint64_t{16} << 20;
constexpr std::uint64_t kMost = std::uint64_t{1} << 30;

}  // namespace

std::uint64_t work_of(const OpSpec& spec) {
  const auto results = static_cast<std::uint64_t>(spec.output.shape.elements());
  std::uint64_t steps = results + multiply_adds(spec.op, spec.inputs, spec.output);
  for (const TensorSpec& input : spec.inputs) {
    steps += static_cast<std::uint64_t>(input.shape.elements());
  }
  if (const auto* pool = std::get_if<Pool>(&spec.op)) {
    // A window visits nothing outside the image, however large it claims to be.
    const Shape& x = spec.inputs[0].shape;
    steps += results * static_cast<std::uint64_t>(std::min<std::int64_t>(pool->kernel_h, x[1])) *
             static_cast<std::uint64_t>(std::min<std::int64_t>(pool->kernel_w, x[2]));
  }
  return steps;
}

std::uint64_t derived_bytes_allowed(const Graph& graph, std::uint64_t times) {
  std::uint64_t bytes = 0;
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<Constant>(node.body)) bytes += node.output.bytes();
  }
  return std::clamp(bytes, kLeast / times, kMost / times) * times;
}

}  // namespace graft
