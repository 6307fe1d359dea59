#include "kernels/onednn/runtime.h"

#include <unistd.h>

#include <array>
#include <utility>

// GNU OpenMP, which Debian's oneDNN is built on. Declared here because clang has no <omp.h> for it.
extern "C" void omp_set_num_threads(int threads);

namespace graft::onednn {
namespace {

using dnnl::memory;
using Tag = dnnl::memory::format_tag;

memory::dims logical_dims(const Shape& shape) {
  if (shape.rank() == 0) return {1};
  if (shape.rank() == 4) return {shape[0], shape[3], shape[1], shape[2]};
  return {shape.dims().begin(), shape.dims().end()};
}

Tag tag_of(int rank, Layout layout) {
  if (rank == 4) {
    switch (layout) {
      case Layout::kDense:
        return Tag::nhwc;
      case Layout::kBlocked8:
        return Tag::nChw8c;
      case Layout::kBlocked16:
        return Tag::nChw16c;
    }
  }
  constexpr std::array<Tag, Shape::kMaxRank + 1> kRowMajor = {
      Tag::a,     Tag::a,      Tag::ab,      Tag::abc,     Tag::abcd,
      Tag::abcde, Tag::abcdef, Tag::abcdefg, Tag::abcdefgh};
  return kRowMajor[static_cast<std::size_t>(rank)];
}

std::string_view isa_name(dnnl_cpu_isa_t isa) {
  switch (isa) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_mic:
      return "avx512_mic";
    case dnnl_cpu_isa_avx512_mic_4ops:
      return "avx512_mic_4ops";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "generic";
  }
}

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine& cpu = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return cpu;
}

void run_single_threaded() {
  thread_local const bool done = [] {
    omp_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

dnnl_stream_t thread_stream() {
  run_single_threaded();
  thread_local const dnnl::stream stream(engine());
  return stream.get();
}

bool adds_products_exactly() {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_avx2_vnni:
    case dnnl_cpu_isa_avx512_core_vnni:
    case dnnl_cpu_isa_avx512_core_bf16:
    case dnnl_cpu_isa_avx512_core_amx:
      return true;
    default:
      return false;
  }
}

void make_product_code() {
  static const bool made = [] {
    constexpr dnnl_dim_t kSide = 16;
    const std::array<float, kSide * kSide> a{}, b{};
    std::array<float, kSide * kSide> product;
    return dnnl_sgemm('N', 'N', kSide, kSide, kSide, 1.0F, a.data(), kSide, b.data(), kSide, 0.0F,
                      product.data(), kSide) == dnnl_success;
  }();
  static_cast<void>(made);
}

std::string numeric_mode() {
  const dnnl_version_t& version = *dnnl_version();
  std::string mode = "onednn-" + std::to_string(version.major) + "." +
                     std::to_string(version.minor) + "." + std::to_string(version.patch) + "-";
  mode.append(isa_name(dnnl_get_effective_cpu_isa()));
  if (dnnl_get_cpu_isa_hints() == dnnl_cpu_isa_prefer_ymm) mode += "-ymm";
  for (const auto& [name, key] :
       {std::pair{"-l1.", _SC_LEVEL1_DCACHE_SIZE}, std::pair{"-l2.", _SC_LEVEL2_CACHE_SIZE}}) {
    mode += name + std::to_string(sysconf(key) / 1024) + "k";
  }
  return mode;
}

memory::desc describe(const Shape& shape, Layout layout, memory::data_type type) {
  return {logical_dims(shape), type, tag_of(shape.rank(), layout)};
}

memory::desc describe_any(const Shape& shape) {
  return {logical_dims(shape), kF32, Tag::any};
}

std::optional<Layout> layout_of(const memory::desc& desc, const Shape& shape) {
  if (desc == describe(shape, Layout::kDense)) return Layout::kDense;
  if (shape.rank() != 4) return std::nullopt;
  for (const Layout layout : {Layout::kBlocked16, Layout::kBlocked8}) {
    if (desc == describe(shape, layout)) return layout;
  }
  return std::nullopt;
}

Filter dense_filter(const Shape& hwio) {
  return {{hwio[3], hwio[2], hwio[0], hwio[1]}, memory::format_tag::hwio};
}

Filter depthwise_filter(const Shape& hwcm) {
  return {{hwcm[2], hwcm[3], 1, hwcm[0], hwcm[1]}, memory::format_tag::hwigo};
}

memory pack(const memory::desc& plain, const std::byte* data, const memory::desc& packed) {
  // oneDNN's handle is not const, but a reorder only reads its source.
  memory from(plain, engine(), const_cast<std::byte*>(data));
  memory to(packed, engine());
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

}  // namespace graft::onednn
