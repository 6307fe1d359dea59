// How an op runs. Backends are tried in order (all_backends()), those first that lead at its
// shapes; the naive reference ends the list, takes everything, and is the oracle of the conformance
// tests. A backend never sees a graph.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "kernels/op.h"
#include "tensor/tensor.h"

namespace graft {

struct OpSpec {
  Op op;
  std::vector<TensorSpec> inputs;  // layouts as the producers emit them
  TensorSpec output;               // as infer_output says; dense
};

// One op with its shapes fixed and constant weights packed. Immutable once prepared: run() may be
// called from many threads at once, cannot fail, allocates no tensor memory.
class Kernel {
 public:
  virtual ~Kernel() = default;
  // Bytes of 64-byte-aligned scratch that run() needs; contents carry nothing between calls.
  virtual std::size_t scratch_bytes() const = 0;
  // The layout that run() writes. Dense unless the backend owns both ends of a chain.
  virtual Layout output_layout() const { return Layout::kDense; }
  // in: one view an input, in OpSpec's order (constants that were given to prepare() may have
  // data == nullptr). out has the output's shape in output_layout(). in and out do not overlap.
  virtual void run(std::span<const TensorView> in, MutableTensorView out,
                   std::span<std::byte> scratch) const = 0;
};

// Why a backend does not take an op; the next one is asked.
struct Refusal {
  std::string reason;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  // Part of a feature's key: two backends whose results may differ in any bit differ here
  // ("onednn-2.6.3-avx512").
  virtual std::string numeric_mode() const = 0;
  // Whether it is the best for this op at these shapes: nearest to exact, or as near and ahead in
  // the benchmark (bench/kernels/backends_bench). Where it is not, the others in all_backends() are
  // asked before it. Any change of the answer changes bits, and with them numeric_mode().
  virtual bool leads(const OpSpec& spec) const = 0;
  // Checks everything, packs constant weights once, or says why it declines. constants: aligned
  // with spec.inputs, data == nullptr where the value is not known before run(). A kernel that
  // cannot read an input's blocked layout declines with it; the caller then offers it dense
  // (Reorder inserted). Throws std::bad_alloc for want of memory: the next backend would give
  // other bits than the feature's key says.
  virtual std::variant<std::unique_ptr<Kernel>, Refusal> prepare(
      const OpSpec& spec, std::span<const TensorView> constants) const = 0;
};

// In order of preference, reference last. Objects live as long as the process.
std::span<const Backend* const> all_backends();
// The order in which they are asked for an op at its shapes: those that lead first.
std::vector<const Backend*> in_order(std::span<const Backend* const> backends, const OpSpec& spec);
// The one with this name, kInvalidArgument with the list of names otherwise.
Result<const Backend*> backend_named(std::string_view name);
const Backend& reference_backend();

}  // namespace graft
