// A graph made ready to run: kernels chosen and packed, activations laid out in one arena.
// Describe, plan, run: after compile() nothing can fail and nothing is allocated.
// Thread rule: Program is immutable and shared; a Workspace belongs to one thread at a time. One
// image a thread is the way to use all cores: run() itself is single-threaded.
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
#include "kernels/backend.h"

namespace graft {

struct CompileOptions {
  std::string backend;  // "": all_backends() in order; a name: that one, the reference behind it
  // Refused beyond (kUnsupported): activations and scratch, and element steps of one run (a
  // multiply-add, an element read or written), of which 2^40 take minutes.
  std::uint64_t max_arena_bytes = std::uint64_t{2} << 30;
  std::uint64_t max_work = std::uint64_t{1} << 40;
  // When not empty: these, in order, whatever `backend` says. They must outlive the program.
  std::span<const Backend* const> backends;
};

// The numeric_mode() of every program that compile() makes with this CompileOptions::backend: known
// without a graph, so that cached features can be looked up before anything is compiled. "" for a
// backend that does not exist.
std::string expected_numeric_mode(std::string_view backend);

class Program {
 public:
  // graph: one Input node; outputs: names in the order run() writes them; an output may be any
  // value: the input, a constant, an alias, one that other ops read too. kInvalidArgument: an
  // unknown output or backend, more or fewer inputs than one; kUnsupported: an op that no backend
  // takes (with their reasons), or more memory or work than allowed.
  static Result<Program> compile(const Graph& graph, std::span<const std::string> outputs,
                                 const CompileOptions& options = {});
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  const TensorSpec& input() const;
  std::span<const TensorSpec> outputs() const;
  // The numeric modes of the backends that may be used, in order: two programs of one graph with
  // the same text give the same bits. "onednn-2.6.3-avx512+reference"
  std::string numeric_mode() const;
  std::uint64_t multiply_adds() const;

  struct Step {  // for `inspect`, --json and the benchmark
    std::string node, op, backend, output_shape;
    std::uint64_t multiply_adds = 0;
  };
  std::vector<Step> steps() const;

  class Workspace;  // arena and scratch of one thread
  struct WorkspaceDeleter {
    void operator()(Workspace* w) const;
  };
  using WorkspacePtr = std::unique_ptr<Workspace, WorkspaceDeleter>;
  // Throws std::bad_alloc, as new does. The program must outlive it.
  WorkspacePtr make_workspace() const;
  std::size_t workspace_bytes() const;

  // in: dense, input()'s shape; outs: dense, outputs()' shapes, distinct memory.
  void run(TensorView in, std::span<const MutableTensorView> outs, Workspace& workspace) const;

 private:
  struct Plan;
  explicit Program(std::unique_ptr<Plan> plan);
  std::unique_ptr<Plan> plan_;
};

}  // namespace graft
