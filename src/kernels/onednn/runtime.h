// oneDNN's process-wide and thread-wide objects, and how this project's tensors are described to
// it. Non-goals: ops. Thread rule: all functions from any thread.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string>

#include "tensor/tensor.h"

namespace graft::onednn {

inline constexpr auto kF32 = dnnl::memory::data_type::f32;

// The CPU engine: made at first use, never destroyed (kernels may outlive every static).
const dnnl::engine& engine();

// The calling thread's stream. Its first call on a thread makes oneDNN single-threaded there.
dnnl_stream_t thread_stream();
void run_single_threaded();  // that part alone, for prepare()

// Whether products of u8 and i8 are added in 32 bits, as with VNNI, and not first two in 16.
bool adds_products_exactly();

// "onednn-2.6.3-avx512_core-l1.32k-l2.1024k": the library's version, the instruction set that it
// dispatches to, and the caches, by which it splits (and so orders) long sums.
std::string numeric_mode();

// Makes the code of oneDNN's matrix products now, which it would do when the first of them runs:
// then nobody looks whether there is memory for it.
void make_product_code();

// The memory of a tensor in a layout. Rank 4 is NHWC here and N, C, H, W in oneDNN's logical order;
// other ranks are row-major as they are. Scalars are described as [1].
dnnl::memory::desc describe(const Shape& shape, Layout layout, dnnl::memory::data_type type = kF32);
// The same shape, with oneDNN free to choose the memory order.
dnnl::memory::desc describe_any(const Shape& shape);
// The layout that a description of this shape has, if it is one of ours.
std::optional<Layout> layout_of(const dnnl::memory::desc& desc, const Shape& shape);

// A convolution's filter as oneDNN names its dimensions, over our row-major memory.
struct Filter {
  dnnl::memory::dims dims;
  dnnl::memory::format_tag order;
};
Filter dense_filter(const Shape& hwio);
// [kh,kw,C,M]: C groups of one input and M output channels. Group-major output channels are C*M in
// TensorFlow's order too.
Filter depthwise_filter(const Shape& hwcm);

// A copy of dense data in the memory order `packed`.
dnnl::memory pack(const dnnl::memory::desc& plain, const std::byte* data,
                  const dnnl::memory::desc& packed);

}  // namespace graft::onednn
