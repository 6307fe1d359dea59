// A prepared oneDNN primitive as a Kernel: which memory goes to which argument is settled once.
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
  // layout: of the result that the primitive writes.
  PrimitiveKernel(dnnl::primitive primitive, Layout layout);
  ~PrimitiveKernel() override;
  PrimitiveKernel(const PrimitiveKernel&) = delete;
  PrimitiveKernel& operator=(const PrimitiveKernel&) = delete;

  // What the argument DNNL_ARG_… reads or writes. All before the first run().
  void bind_input(int argument, std::size_t input, dnnl::memory::desc desc);
  void bind_output(int argument, dnnl::memory::desc desc);
  void bind_scratch(dnnl::memory::desc desc);  // a description of no bytes binds nothing
  void bind_constant(int argument, dnnl::memory constant);

  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  Layout output_layout() const override { return layout_; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override;

 private:
  struct Variable {
    enum class Source : std::uint8_t { kInput, kOutput, kScratch } source;
    int argument;
    std::size_t input;
    dnnl::memory::desc desc;
  };
  struct Constant {
    int argument;
    dnnl::memory memory;
  };
  // oneDNN's memory objects for one call. Making them costs about as much as a small layer, so they
  // are kept between calls; each set is used by one call at a time.
  struct Arguments;

  void bind(Variable variable);
  std::unique_ptr<Arguments> make_arguments() const;

  dnnl::primitive primitive_;
  Layout layout_;
  std::size_t scratch_bytes_ = 0;
  std::vector<Variable> variables_;
  std::vector<Constant> constants_;
  // Idle argument sets. A thread looks into its own slot first; more threads than slots share.
  static constexpr std::size_t kSlots = 64;
  mutable std::array<std::atomic<Arguments*>, kSlots> idle_{};
};

}  // namespace graft::onednn
