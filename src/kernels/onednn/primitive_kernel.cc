#include "kernels/onednn/primitive_kernel.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kernels/onednn/runtime.h"

namespace graft::onednn {
namespace {

// Everything that can fail was tried in prepare(); what is left is a programmer's mistake or a lack
// of memory for a few small objects.
void require(dnnl_status_t status) {
  if (status == dnnl_success) return;
  std::fprintf(stderr, "graft: oneDNN refused a prepared primitive (status %d)\n",
               static_cast<int>(status));
  std::abort();
}

std::size_t slot_of_thread(std::size_t slots) {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed);
  return mine % slots;
}

}  // namespace

struct PrimitiveKernel::Arguments {
  struct Step {
    std::vector<dnnl::memory> memories;      // one a variable
    std::vector<const void*> handles;        // what each memory points to now
    std::vector<dnnl_exec_arg_t> execution;  // variables, then constants
  };
  std::vector<Step> steps;
};

PrimitiveKernel::~PrimitiveKernel() {
  for (auto& slot : idle_) delete slot.load(std::memory_order_acquire);
}

void PrimitiveKernel::add(dnnl::primitive primitive) {
  const char* implementation = "";
  dnnl_primitive_desc_query(primitive.get_primitive_desc(), dnnl_query_impl_info_str, 0,
                            &implementation);
  if (std::strstr(implementation, "gemm") != nullptr) make_product_code();
  steps_.push_back({std::move(primitive), {}, {}});
}

void PrimitiveKernel::bind_input(int argument, std::size_t input, dnnl::memory::desc desc) {
  steps_.back().variables.push_back({Variable::Source::kInput, argument, input, desc});
}

void PrimitiveKernel::bind_output(int argument, dnnl::memory::desc desc) {
  steps_.back().variables.push_back({Variable::Source::kOutput, argument, 0, desc});
}

void PrimitiveKernel::bind_scratch(int argument, dnnl::memory::desc desc, std::size_t offset) {
  steps_.back().variables.push_back({Variable::Source::kScratch, argument, offset, desc});
}

void PrimitiveKernel::bind_constant(int argument, dnnl::memory constant) {
  steps_.back().constants.push_back({argument, std::move(constant)});
}

std::size_t PrimitiveKernel::reserve_scratch(std::size_t bytes) {
  const std::size_t offset = scratch_bytes_;
  scratch_bytes_ += (bytes + 63) / 64 * 64;
  return offset;
}

void PrimitiveKernel::bind_scratchpad(const dnnl::memory::desc& desc) {
  if (desc.get_size() == 0) return;
  bind_scratch(DNNL_ARG_SCRATCHPAD, desc, reserve_scratch(desc.get_size()));
}

std::unique_ptr<PrimitiveKernel::Arguments> PrimitiveKernel::make_arguments() const {
  auto made = std::make_unique<Arguments>();
  for (const Step& step : steps_) {
    Arguments::Step& arguments = made->steps.emplace_back();
    for (const Variable& variable : step.variables) {
      arguments.memories.emplace_back(variable.desc, engine(), nullptr);
      arguments.handles.push_back(nullptr);
      arguments.execution.push_back({variable.argument, arguments.memories.back().get()});
    }
    for (const Constant& constant : step.constants) {
      arguments.execution.push_back({constant.argument, constant.memory.get()});
    }
  }
  return made;
}

void PrimitiveKernel::run(std::span<const TensorView> in, MutableTensorView out,
                          std::span<std::byte> scratch) const {
  dnnl_stream_t stream = thread_stream();
  std::atomic<Arguments*>& slot = idle_[slot_of_thread(kSlots)];
  std::unique_ptr<Arguments> all(slot.exchange(nullptr, std::memory_order_acquire));
  if (!all) all = make_arguments();
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    Arguments::Step& arguments = all->steps[s];
    for (std::size_t i = 0; i < step.variables.size(); ++i) {
      const Variable& variable = step.variables[i];
      const std::byte* handle = out.data;
      if (variable.source == Variable::Source::kInput) handle = in[variable.place].data;
      if (variable.source == Variable::Source::kScratch) handle = scratch.data() + variable.place;
      if (handle == arguments.handles[i]) continue;
      // oneDNN's handles are not const. An input is only read, but for the padding lanes of a
      // blocked layout, which are zero and are set to zero once more.
      require(dnnl_memory_set_data_handle_v2(arguments.memories[i].get(),
                                             const_cast<std::byte*>(handle), stream));
      arguments.handles[i] = handle;
    }
    require(dnnl_primitive_execute(step.primitive.get(), stream,
                                   static_cast<int>(arguments.execution.size()),
                                   arguments.execution.data()));
  }
  delete slot.exchange(all.release(), std::memory_order_acq_rel);
}

}  // namespace graft::onednn
