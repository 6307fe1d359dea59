// Graph → Graph, same values at the named outputs (exactly, or within float rounding where a
// comment says so). Each is tested against the unrewritten graph on the reference backend.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "graph/graph.h"

namespace graft {

// A small file can describe endless work on constants. Element steps (program.h) that folding takes
// altogether, by default seconds' worth; the ops beyond are left to run(), which compile() bounds.
inline constexpr std::uint64_t kMaxFoldWork = std::uint64_t{1} << 31;

// Evaluates every op whose inputs are all constants, with the reference kernels.
Result<Graph> fold_constants(const Graph& graph, std::uint64_t max_work = kMaxFoldWork);
// conv/depthwise/matmul followed by per-channel mul, add, sub, div, BatchNorm, bias → scaled filter
// and bias; a depthwise convolution keeps its filter and takes scale and bias (op.h says why).
// Changes rounding: filter' = filter * scale computed in float64, rounded once. A result beyond
// float32's range stays unfolded.
Result<Graph> fold_batch_norm(const Graph& graph);
// conv/depthwise/matmul followed by relu or relu6 (with one reader) → its `activation`.
Result<Graph> fuse_activations(const Graph& graph);
// Drops what the outputs do not need.
Result<Graph> cut_at(const Graph& graph, std::span<const std::string> outputs);

// All of the above in the right order: what compile() should be given.
Result<Graph> simplify(const Graph& graph, std::span<const std::string> outputs,
                       std::uint64_t max_fold_work = kMaxFoldWork);

}  // namespace graft
