#include "kernels/onednn/primitive_kernel.h"

#include <cstdio>
#include <cstdlib>
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
  std::vector<dnnl::memory> memories;      // as variables_
  std::vector<const void*> handles;        // what each memory points to now
  std::vector<dnnl_exec_arg_t> execution;  // variables, then constants
};

PrimitiveKernel::PrimitiveKernel(dnnl::primitive primitive, Layout layout)
    : primitive_(std::move(primitive)), layout_(layout) {}

PrimitiveKernel::~PrimitiveKernel() {
  for (auto& slot : idle_) delete slot.load(std::memory_order_acquire);
}

void PrimitiveKernel::bind_input(int argument, std::size_t input, dnnl::memory::desc desc) {
  variables_.push_back({Variable::Source::kInput, argument, input, desc});
}

void PrimitiveKernel::bind_output(int argument, dnnl::memory::desc desc) {
  variables_.push_back({Variable::Source::kOutput, argument, 0, desc});
}

void PrimitiveKernel::bind_scratch(dnnl::memory::desc desc) {
  if (desc.get_size() == 0) return;
  scratch_bytes_ = desc.get_size();
  variables_.push_back({Variable::Source::kScratch, DNNL_ARG_SCRATCHPAD, 0, desc});
}

void PrimitiveKernel::bind_constant(int argument, dnnl::memory constant) {
  constants_.push_back({argument, std::move(constant)});
}

std::unique_ptr<PrimitiveKernel::Arguments> PrimitiveKernel::make_arguments() const {
  auto made = std::make_unique<Arguments>();
  for (const Variable& variable : variables_) {
    made->memories.emplace_back(variable.desc, engine(), nullptr);
    made->handles.push_back(nullptr);
    made->execution.push_back({variable.argument, made->memories.back().get()});
  }
  for (const Constant& constant : constants_) {
    made->execution.push_back({constant.argument, constant.memory.get()});
  }
  return made;
}

void PrimitiveKernel::run(std::span<const TensorView> in, MutableTensorView out,
                          std::span<std::byte> scratch) const {
  dnnl_stream_t stream = thread_stream();
  std::atomic<Arguments*>& slot = idle_[slot_of_thread(kSlots)];
  std::unique_ptr<Arguments> arguments(slot.exchange(nullptr, std::memory_order_acquire));
  if (!arguments) arguments = make_arguments();
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    const Variable& variable = variables_[i];
    const void* handle = scratch.data();
    if (variable.source == Variable::Source::kInput) handle = in[variable.input].data;
    if (variable.source == Variable::Source::kOutput) handle = out.data;
    if (handle == arguments->handles[i]) continue;
    // oneDNN's handles are not const; an input is only read (its padding lanes, zero already, are
    // set to zero).
    require(dnnl_memory_set_data_handle_v2(arguments->memories[i].get(), const_cast<void*>(handle),
                                           stream));
    arguments->handles[i] = handle;
  }
  require(dnnl_primitive_execute(primitive_.get(), stream,
                                 static_cast<int>(arguments->execution.size()),
                                 arguments->execution.data()));
  delete slot.exchange(arguments.release(), std::memory_order_release);
}

}  // namespace graft::onednn
