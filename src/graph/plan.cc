#include "graph/plan.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "graph/arena.h"
#include "graph/cost.h"
#include "graph/rebuild.h"
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

// An op on its way to become a step.
struct Offer {
  OpSpec spec;
  std::vector<int> inputs;  // values
  std::vector<TensorView> constants;
};

// A backend's answer.
struct Answer {
  std::unique_ptr<Kernel> kernel;  // nullptr: declined
  const Backend* backend = nullptr;
  bool reads_dense = false;  // blocked inputs must be reordered first
  std::string reasons;       // for declining: "; backend: reason"
};

// The depthwise convolution that `id`, a pointwise one, alone reads, both with a bias; or kNone.
NodeId depthwise_before(const Graph& graph, const Uses& uses, NodeId id) {
  const Op* const op = op_of(graph, id);
  const auto* conv = op == nullptr ? nullptr : std::get_if<Conv2D>(op);
  const std::vector<NodeId>& inputs = graph.node(id).inputs;
  if (conv == nullptr || inputs.size() != 3) return kNone;
  const Shape& filter = graph.node(inputs[1]).output.shape;
  if (filter[0] != 1 || filter[1] != 1 || conv->stride_h != 1 || conv->stride_w != 1 ||
      conv->padding != Padding{} || !uses.private_to_one_reader(inputs[0])) {
    return kNone;
  }
  const Op* const before = op_of(graph, inputs[0]);
  const bool pair = before != nullptr && std::holds_alternative<DepthwiseConv2D>(*before) &&
                    graph.node(inputs[0]).inputs.size() >= 3;
  return pair ? inputs[0] : kNone;
}

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
        value_of_(graph.nodes().size(), kNone),
        before_(graph.nodes().size(), kNone),
        waits_(graph.nodes().size(), false) {
    const Uses uses(graph);
    for (std::size_t i = 0; i < before_.size(); ++i) {
      before_[i] = depthwise_before(graph, uses, static_cast<NodeId>(i));
      if (before_[i] != kNone) waits_[index(before_[i])] = true;
    }
  }

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
    if (waits_[index(id)]) return {};  // comes with the pointwise convolution that reads it
    if (before_[index(id)] != kNone) return add_pair(before_[index(id)], id);
    const Offer offer = offer_of(id);
    GRAFT_TRY(check_work(id, offer.spec));
    return add_step(id, offer);
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

  // An input that is no value yet is offered dense, as its node says.
  Offer offer_of(NodeId id) {
    const Node& node = graph_.node(id);
    Offer offer{{std::get<Op>(node.body), {}, node.output}, {}, {}};
    for (const NodeId input : node.inputs) {
      const int value = value_of_[index(input)];
      offer.inputs.push_back(value);
      offer.constants.push_back(value == kNone ? TensorView{graph_.node(input).output, nullptr}
                                               : constant_view(value));
      offer.spec.inputs.push_back(offer.constants.back().spec);
    }
    return offer;
  }

  Result<void> check_work(NodeId id, const OpSpec& spec) {
    if (work_.take(work_of(spec))) return {};
    return unsupported("node " + quoted(graph_.node(id).name) + " (" +
                       std::string(name_of(spec.op)) + "): one run up to here takes more than " +
                       format_count(max_work_) + " steps: use a smaller network or input");
  }

  Result<void> add_step(NodeId id, const Offer& offer) {
    GRAFT_ASSIGN(Answer answer, choose(graph_.node(id).name, offer));
    return place(id, offer, std::move(answer));
  }

  // The first backend that takes both convolutions as one op, or the first one alone. The
  // reference is not asked for both: it gains nothing by that, and others may take the second.
  Result<void> add_pair(NodeId first_id, NodeId second_id) {
    const Offer first = offer_of(first_id);
    Offer second = offer_of(second_id);
    GRAFT_TRY(check_work(first_id, first.spec));
    GRAFT_TRY(check_work(second_id, second.spec));
    const Offer both = joined(first, second);
    for (const Backend* backend : in_order(backends_, both.spec)) {
      if (backend == &reference_backend()) continue;
      Answer answer = ask(*backend, both);
      if (answer.kernel != nullptr) return place(second_id, both, std::move(answer));
      answer = ask(*backend, first);
      if (answer.kernel == nullptr) continue;
      GRAFT_TRY(place(first_id, first, std::move(answer)));
      break;
    }
    if (value_of_[index(first_id)] == kNone) GRAFT_TRY(add_step(first_id, first));
    second.inputs[0] = value_of_[index(first_id)];
    second.spec.inputs[0] = second.constants[0].spec = values_[index(second.inputs[0])].spec;
    return add_step(second_id, second);
  }

  static Offer joined(const Offer& first, const Offer& second) {
    Offer both = first;
    both.spec.op = SeparableConv2D{std::get<DepthwiseConv2D>(first.spec.op),
                                   std::get<Conv2D>(second.spec.op).activation};
    both.spec.output = second.spec.output;
    const auto append = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin() + 1, from.end());
    };
    append(both.spec.inputs, second.spec.inputs);
    append(both.inputs, second.inputs);
    append(both.constants, second.constants);
    return both;
  }

  Result<void> place(NodeId id, const Offer& offer, Answer answer) {
    std::vector<int> inputs = offer.inputs;
    if (answer.reads_dense) {
      for (int& input : inputs) {
        GRAFT_ASSIGN(input, dense_value(input));
      }
    }
    value_of_[index(id)] =
        emit(graph_.node(id).name, offer.spec, std::move(inputs), std::move(answer));
    return {};
  }

  // What a kernel may pack: nothing more once thousands of ops have packed the same few weights,
  // which they then read at run time.
  TensorView constant_view(int value) {
    const PlannedValue& v = values_[index(value)];
    const bool known = v.place == Place::kConstant && packed_bytes_.take(v.spec.bytes());
    return {v.spec, known ? v.constant->view().data : nullptr};
  }

  // The first backend that takes the op.
  Result<Answer> choose(const std::string& name, const Offer& offer) const {
    std::string reasons;
    for (const Backend* backend : in_order(backends_, offer.spec)) {
      Answer answer = ask(*backend, offer);
      if (answer.kernel != nullptr) return answer;
      reasons += answer.reasons;
    }
    return unsupported("node " + quoted(name) + " (" + std::string(name_of(offer.spec.op)) +
                       "): no backend takes it" + reasons);
  }

  // Inputs as they are or else dense.
  static Answer ask(const Backend& backend, const Offer& offer) {
    OpSpec dense_spec = offer.spec;
    for (TensorSpec& input : dense_spec.inputs) input.layout = Layout::kDense;
    const bool any_blocked = dense_spec.inputs != offer.spec.inputs;
    Answer answer{nullptr, &backend, false, {}};
    for (const bool reads_dense : {false, true}) {
      if (reads_dense && !any_blocked) break;
      auto prepared = backend.prepare(reads_dense ? dense_spec : offer.spec, offer.constants);
      if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
        answer.kernel = std::move(*kernel);
        answer.reads_dense = reads_dense;
        return answer;
      }
      answer.reasons +=
          "; " + std::string(backend.name()) + ": " + std::get<Refusal>(prepared).reason;
    }
    return answer;
  }

  int emit(const std::string& name, const OpSpec& spec, std::vector<int> inputs, Answer answer) {
    PlannedStep step;
    step.scratch_bytes = answer.kernel->scratch_bytes();
    step.node = name;
    step.backend = answer.backend->name();
    step.op = name_of(spec.op);
    step.multiply_adds = multiply_adds(spec.op, spec.inputs, spec.output);
    TensorSpec written = spec.output;
    written.layout = answer.kernel->output_layout();
    step.kernel = std::move(answer.kernel);
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
    const Offer reorder{{Reorder{Layout::kDense}, {spec}, output}, {value}, {{spec, nullptr}}};
    GRAFT_ASSIGN(Answer answer, choose("reorder", reorder));
    const int twin = emit("reorder", reorder.spec, reorder.inputs, std::move(answer));
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
  std::vector<NodeId> before_;   // by node: the depthwise convolution that it may join, or kNone
  std::vector<bool> waits_;      // by node: it is one of these
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
