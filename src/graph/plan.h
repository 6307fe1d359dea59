// What compile() decides and run() follows. Internal to the graph room.
// Thread rule: immutable once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "graph/program.h"
#include "kernels/backend.h"

namespace graft {

enum class Place : std::uint8_t { kFed, kConstant, kArena };

struct PlannedValue {
  TensorSpec spec;  // with the layout that it is written in
  Place place = Place::kArena;
  std::shared_ptr<const Tensor> constant;  // kConstant
  int slot = -1;                           // kArena: which offset; aliases share one
};

struct PlannedStep {
  std::unique_ptr<Kernel> kernel;
  std::vector<int> inputs;  // values
  int output = -1;
  std::size_t scratch_bytes = 0;
  std::string node, backend;
  std::string_view op;
  std::uint64_t multiply_adds = 0;
};

struct Program::Plan {
  TensorSpec input;
  std::vector<PlannedValue> values;
  std::vector<PlannedStep> steps;
  std::vector<int> outputs;              // values, dense
  std::vector<TensorSpec> output_specs;  // of the same
  std::vector<std::size_t> offsets;      // of the slots
  std::size_t arena_bytes = 0, scratch_bytes = 0;
  std::string numeric_mode;

  static Result<Plan> make(const Graph& graph, std::span<const std::string> outputs,
                           const CompileOptions& options);
};

}  // namespace graft
