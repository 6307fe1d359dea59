#include "graph/plan.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "graph/arena.h"
#include "graph/cost.h"
#include "graph/rewrite.h"
#include "graph/topology.h"

namespace graft {
namespace {

constexpr int kNone = -1;
// A weight is packed once in a graph that shares none.
constexpr std::uint64_t kMostPackedTimes = 2;

Result<std::vector<const Backend*>> candidates(std::string_view name) {
  if (name.empty()) {
    const auto all = all_backends();
    return std::vector<const Backend*>(all.begin(), all.end());
  }
  GRAFT_ASSIGN(const Backend* wanted, backend_named(name));
  std::vector<const Backend*> list{wanted};
  if (wanted != &reference_backend()) list.push_back(&reference_backend());
  return list;
}

std::string joined_modes(std::span<const Backend* const> backends) {
  std::string text;
  for (const Backend* backend : backends) {
    if (!text.empty()) text += '+';
    text += backend->numeric_mode();
  }
  return text;
}

struct Chosen {
  std::unique_ptr<Kernel> kernel;
  const Backend* backend = nullptr;
  bool reads_dense = false;  // blocked inputs must be reordered first
};

// One value a node, one step an op that computes. Blocked values get a dense twin when one is
// needed.
class Planner {
 public:
  Planner(const Graph& graph, std::vector<const Backend*> backends, std::uint64_t max_work)
      : graph_(graph),
        backends_(std::move(backends)),
        packed_bytes_(derived_bytes_allowed(graph, kMostPackedTimes)),
        max_work_(max_work),
        work_(max_work),
        value_of_(graph.nodes().size(), kNone) {}

  Result<void> add(NodeId id) {
    const Node& node = graph_.node(id);
    if (std::holds_alternative<Input>(node.body)) {
      value_of_[index(id)] = add_value({node.output, Place::kFed, nullptr, kNone});
      return {};
    }
    if (const auto* constant = std::get_if<Constant>(&node.body)) {
      value_of_[index(id)] = add_value({node.output, Place::kConstant, constant->value, kNone});
      return {};
    }
    const Op& op = std::get<Op>(node.body);
    const auto* unary = std::get_if<Unary>(&op);
    const bool identity = unary != nullptr && unary->kind == Unary::Kind::kIdentity;
    if (identity || std::holds_alternative<Reshape>(op)) return add_alias(id);
    return add_step(id, op);
  }

  // The node's value in dense layout.
  Result<int> dense(NodeId id) { return dense_value(value_of_[index(id)]); }

  std::vector<PlannedValue>& values() { return values_; }
  std::vector<PlannedStep>& steps() { return steps_; }
  std::vector<Lifetime>& lifetimes() { return lifetimes_; }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  int add_value(PlannedValue value) {
    values_.push_back(std::move(value));
    dense_twin_.push_back(kNone);
    return static_cast<int>(values_.size()) - 1;
  }

  // The same elements in the same memory under another shape.
  Result<void> add_alias(NodeId id) {
    const Node& node = graph_.node(id);
    GRAFT_ASSIGN(const int source, dense(node.inputs[0]));
    PlannedValue value = values_[index(source)];
    value.spec = node.output;
    value_of_[index(id)] = add_value(std::move(value));
    return {};
  }

  Result<void> add_step(NodeId id, const Op& op) {
    const Node& node = graph_.node(id);
    OpSpec spec{op, {}, node.output};
    std::vector<int> inputs;
    std::vector<TensorView> constants;
    for (const NodeId input : node.inputs) {
      const int value = value_of_[index(input)];
      inputs.push_back(value);
      spec.inputs.push_back(values_[index(value)].spec);
      constants.push_back(constant_view(value));
    }
    if (!work_.take(work_of(spec))) {
      return unsupported("node " + quoted(node.name) + " (" + std::string(name_of(op)) +
                         "): one run up to here takes more than " + format_count(max_work_) +
                         " steps: use a smaller network or input");
    }
    GRAFT_ASSIGN(Chosen chosen, choose(node.name, spec, constants));
    if (chosen.reads_dense) {
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        GRAFT_ASSIGN(inputs[i], dense_value(inputs[i]));
        spec.inputs[i].layout = Layout::kDense;
      }
    }
    value_of_[index(id)] = emit(node.name, spec, std::move(inputs), std::move(chosen));
    return {};
  }

  // What a kernel may pack: nothing more once thousands of ops have packed the same few weights,
  // which they then read at run time.
  TensorView constant_view(int value) {
    const PlannedValue& v = values_[index(value)];
    const bool known = v.place == Place::kConstant && packed_bytes_.take(v.spec.bytes());
    return {v.spec, known ? v.constant->view().data : nullptr};
  }

  // The first backend that takes the op, its inputs as they are or else dense.
  Result<Chosen> choose(const std::string& name, const OpSpec& spec,
                        std::span<const TensorView> constants) const {
    OpSpec dense_spec = spec;
    for (TensorSpec& input : dense_spec.inputs) input.layout = Layout::kDense;
    const bool any_blocked = dense_spec.inputs != spec.inputs;
    std::string reasons;
    for (const Backend* backend : backends_) {
      for (const bool reads_dense : {false, true}) {
        if (reads_dense && !any_blocked) continue;
        auto prepared = backend->prepare(reads_dense ? dense_spec : spec, constants);
        if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
          return Chosen{std::move(*kernel), backend, reads_dense};
        }
        reasons += "; " + std::string(backend->name()) + ": " + std::get<Refusal>(prepared).reason;
      }
    }
    return unsupported("node " + quoted(name) + " (" + std::string(name_of(spec.op)) +
                       "): no backend takes it" + reasons);
  }

  int emit(const std::string& name, const OpSpec& spec, std::vector<int> inputs, Chosen chosen) {
    PlannedStep step;
    step.scratch_bytes = chosen.kernel->scratch_bytes();
    step.node = name;
    step.backend = chosen.backend->name();
    step.op = name_of(spec.op);
    step.multiply_adds = multiply_adds(spec.op, spec.inputs, spec.output);
    TensorSpec written = spec.output;
    written.layout = chosen.kernel->output_layout();
    step.kernel = std::move(chosen.kernel);
    step.inputs = std::move(inputs);
    const int now = static_cast<int>(steps_.size());
    for (const int input : step.inputs) touch(input, now);
    step.output = add_value({written, Place::kArena, nullptr, static_cast<int>(lifetimes_.size())});
    lifetimes_.push_back({written.bytes(), now, now});
    const int output = step.output;
    steps_.push_back(std::move(step));
    return output;
  }

  Result<int> dense_value(int value) {
    const TensorSpec spec = values_[index(value)].spec;
    if (spec.layout == Layout::kDense) return value;
    if (dense_twin_[index(value)] != kNone) return dense_twin_[index(value)];
    TensorSpec output = spec;
    output.layout = Layout::kDense;
    const OpSpec reorder{Reorder{Layout::kDense}, {spec}, output};
    const std::vector<TensorView> unknown{{spec, nullptr}};
    GRAFT_ASSIGN(Chosen chosen, choose("reorder", reorder, unknown));
    const int twin = emit("reorder", reorder, {value}, std::move(chosen));
    dense_twin_[index(value)] = twin;
    return twin;
  }

 public:
  // The value's memory must hold until after `step`.
  void touch(int value, int step) {
    const int slot = values_[index(value)].slot;
    if (slot == kNone) return;
    int& last = lifetimes_[index(slot)].last;
    last = std::max(last, step);
  }

 private:
  const Graph& graph_;
  const std::vector<const Backend*> backends_;
  Budget packed_bytes_;
  const std::uint64_t max_work_;
  Budget work_;
  std::vector<int> value_of_;    // by node
  std::vector<int> dense_twin_;  // by value
  std::vector<PlannedValue> values_;
  std::vector<PlannedStep> steps_;
  std::vector<Lifetime> lifetimes_;  // by slot
};

}  // namespace

Result<Program::Plan> Program::Plan::make(const Graph& graph, std::span<const std::string> outputs,
                                          const CompileOptions& options) {
  std::vector<const Backend*> backends(options.backends.begin(), options.backends.end());
  if (backends.empty()) {
    GRAFT_ASSIGN(backends, candidates(options.backend));
  }
  GRAFT_ASSIGN(const Graph needed, cut_at(graph, outputs));
  Plan plan;
  plan.numeric_mode = joined_modes(backends);
  int fed = 0;
  Planner planner(needed, std::move(backends), options.max_work);
  for (std::size_t i = 0; i < needed.nodes().size(); ++i) {
    if (std::holds_alternative<Input>(needed.nodes()[i].body)) {
      plan.input = needed.nodes()[i].output;
      ++fed;
    }
    GRAFT_TRY(planner.add(static_cast<NodeId>(i)));
  }
  if (fed != 1) {
    return invalid_argument("graph: has " + std::to_string(fed) +
                            " inputs, a program needs exactly one");
  }
  for (const std::string& name : outputs) {
    GRAFT_ASSIGN(const int value, planner.dense(*needed.find(name)));
    plan.outputs.push_back(value);
    plan.output_specs.push_back(planner.values()[static_cast<std::size_t>(value)].spec);
  }
  const int end = static_cast<int>(planner.steps().size());
  for (const int value : plan.outputs) planner.touch(value, end);
  const ArenaPlan arena = plan_arena(planner.lifetimes());
  plan.offsets = arena.offsets;
  plan.arena_bytes = arena.bytes;
  plan.values = std::move(planner.values());
  plan.steps = std::move(planner.steps());
  for (const PlannedStep& step : plan.steps) {
    plan.scratch_bytes = std::max(plan.scratch_bytes, step.scratch_bytes);
  }
  if (plan.arena_bytes > options.max_arena_bytes ||
      plan.scratch_bytes > options.max_arena_bytes - plan.arena_bytes) {
    return unsupported("graph: its activations need " +
                       format_bytes(plan.arena_bytes + plan.scratch_bytes) + ", at most " +
                       format_bytes(options.max_arena_bytes) + " are allowed");
  }
  return plan;
}

std::string expected_numeric_mode(std::string_view backend) {
  const auto backends = candidates(backend);
  return backends.ok() ? joined_modes(*backends) : "";
}

}  // namespace graft
