// Prepared oneDNN primitives as a Kernel: which memory goes to which argument is settled once.
// Thread rule: immutable to callers; run() from many threads, each with its own scratch.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "kernels/backend.h"

namespace graft::onednn {

class PrimitiveKernel final : public Kernel {
 public:
  // layout: of the result that the last primitive writes.
  explicit PrimitiveKernel(Layout layout) : layout_(layout) {}
  ~PrimitiveKernel() override;
  PrimitiveKernel(const PrimitiveKernel&) = delete;
  PrimitiveKernel& operator=(const PrimitiveKernel&) = delete;

  // Appends a primitive; run() executes them in this order. What follows binds its arguments
  // (DNNL_ARG_…) to memory. All before the first run().
  void add(dnnl::primitive primitive);
  void bind_input(int argument, std::size_t input, dnnl::memory::desc desc);
  void bind_output(int argument, dnnl::memory::desc desc);
  void bind_scratch(int argument, dnnl::memory::desc desc, std::size_t offset);
  void bind_constant(int argument, dnnl::memory constant);
  // Bytes of scratch set aside for this call; where they start is what bind_scratch() takes.
  std::size_t reserve_scratch(std::size_t bytes);
  // Reserves and binds the primitive's own scratchpad, if it has one.
  void bind_scratchpad(const dnnl::memory::desc& desc);

  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  Layout output_layout() const override { return layout_; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override;

 private:
  // Memory whose address is known at run() only. place: the input's index or the scratch offset.
  struct Variable {
    enum class Source : std::uint8_t { kInput, kOutput, kScratch } source;
    int argument;
    std::size_t place;
    dnnl::memory::desc desc;
  };
  struct Constant {
    int argument;
    dnnl::memory memory;
  };
  struct Step {
    dnnl::primitive primitive;
    std::vector<Variable> variables;
    std::vector<Constant> constants;
  };
  // oneDNN's memory objects of one call in flight. They are kept between calls, since making them
  // costs a noticeable part of a small layer.
  struct Arguments;

  std::unique_ptr<Arguments> make_arguments() const;

  Layout layout_;
  std::size_t scratch_bytes_ = 0;
  std::vector<Step> steps_;
  // Idle argument sets. A thread looks into its own slot first; more threads than slots share.
  static constexpr std::size_t kSlots = 64;
  mutable std::array<std::atomic<Arguments*>, kSlots> idle_{};
};

}  // namespace graft::onednn
