#include "graph/program.h"

#include <cstring>
#include <new>
#include <utility>

#include "graph/plan.h"

namespace graft {

// Every view is set when the workspace is made; run() fills in only where the photo stands.
class Program::Workspace {
 public:
  explicit Workspace(const Plan& plan)
      : arena_(plan.arena_bytes), scratch_(plan.scratch_bytes, false) {
    for (const PlannedStep& step : plan.steps) {
      for (const int value : step.inputs) {
        if (plan.values[static_cast<std::size_t>(value)].place == Place::kFed) {
          fed_views_.push_back(inputs_.size());
        }
        inputs_.push_back(view(plan, value));
      }
      const TensorView written = view(plan, step.output);
      outputs_.push_back({written.spec, const_cast<std::byte*>(written.data)});
    }
    for (const int value : plan.outputs) results_.push_back(view(plan, value));
  }

  void run(const Plan& plan, TensorView in, std::span<const MutableTensorView> outs) {
    for (const std::size_t i : fed_views_) inputs_[i].data = in.data;
    const std::span<const TensorView> inputs(inputs_);
    std::size_t first = 0;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      const PlannedStep& step = plan.steps[i];
      step.kernel->run(inputs.subspan(first, step.inputs.size()), outputs_[i],
                       {scratch_.data(), step.scratch_bytes});
      first += step.inputs.size();
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const std::byte* from = results_[i].data == nullptr ? in.data : results_[i].data;
      std::memcpy(outs[i].data, from, results_[i].spec.bytes());
    }
  }

 private:
  // data == nullptr: the fed input.
  TensorView view(const Plan& plan, int index) const {
    const PlannedValue& value = plan.values[static_cast<std::size_t>(index)];
    switch (value.place) {
      case Place::kFed:
        return {value.spec, nullptr};
      case Place::kConstant:
        return {value.spec, value.constant->view().data};
      case Place::kArena:
        break;
    }
    return {value.spec, arena_.data() + plan.offsets[static_cast<std::size_t>(value.slot)]};
  }

  AlignedBuffer arena_, scratch_;
  std::vector<TensorView> inputs_;          // of all steps, one after the other
  std::vector<std::size_t> fed_views_;      // where in inputs_ the fed input stands
  std::vector<MutableTensorView> outputs_;  // one a step
  std::vector<TensorView> results_;
};

void Program::WorkspaceDeleter::operator()(Workspace* w) const {
  delete w;
}

Program::Program(std::unique_ptr<Plan> plan) : plan_(std::move(plan)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Result<Program> Program::compile(const Graph& graph, std::span<const std::string> outputs,
                                 const CompileOptions& options) {
  try {
    GRAFT_ASSIGN(Plan plan, Plan::make(graph, outputs, options));
    return Program(std::make_unique<Plan>(std::move(plan)));
  } catch (const std::bad_alloc&) {
    return unsupported("graph: not enough memory to prepare it: close other programs");
  }
}

const TensorSpec& Program::input() const {
  return plan_->input;
}
std::span<const TensorSpec> Program::outputs() const {
  return plan_->output_specs;
}
std::string Program::numeric_mode() const {
  return plan_->numeric_mode;
}

std::uint64_t Program::multiply_adds() const {
  std::uint64_t sum = 0;
  for (const PlannedStep& step : plan_->steps) sum += step.multiply_adds;
  return sum;
}

std::vector<Program::Step> Program::steps() const {
  std::vector<Step> steps;
  for (const PlannedStep& step : plan_->steps) {
    const TensorSpec& written = plan_->values[static_cast<std::size_t>(step.output)].spec;
    steps.push_back({step.node, std::string(step.op), step.backend, written.shape.to_string(),
                     step.multiply_adds});
  }
  return steps;
}

Program::WorkspacePtr Program::make_workspace() const {
  return WorkspacePtr(new Workspace(*plan_));
}

std::size_t Program::workspace_bytes() const {
  return plan_->arena_bytes + plan_->scratch_bytes;
}

void Program::run(TensorView in, std::span<const MutableTensorView> outs,
                  Workspace& workspace) const {
  workspace.run(*plan_, in, outs);
}

}  // namespace graft
