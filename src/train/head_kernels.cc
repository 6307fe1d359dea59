#include "train/head_kernels.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/head_kernels.cc"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include "base/vector_dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace graft {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Vector = hn::Vec<FloatTag>;
constexpr std::size_t kPhotos = HeadKernels::kBlock;

// Sums, factors and the photos' own vectors stay in registers: 32 of them with AVX-512, else 16.
constexpr std::size_t kMaxClasses = HWY_TARGET <= HWY_AVX3 ? 5 : 2;

// The last, partial vector of a row, zeros behind it. Copied: Highway's MaskedLoad wants alignment
// and reads whole vectors on older instruction sets, and a row ends where its file or page may end.
HWY_ATTR Vector load_tail(const float* from, std::size_t count) {
  HWY_ALIGN float copy[HeadKernels::kRowPad] = {};
  std::memcpy(copy, from, count * sizeof(float));
  return hn::Load(FloatTag(), copy);
}

template <std::size_t kClasses>
void forward_tile(const float* const* rows, const float* wt, std::size_t features,
                  std::size_t stride, std::size_t classes, float* logits) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sums[kPhotos][kClasses];
  for (auto& photo : sums) {
    for (auto& sum : photo) sum = hn::Zero(d);
  }
  std::size_t f = 0;
  for (; f + lanes <= features; f += lanes) {
    Vector x[kPhotos];
    for (std::size_t s = 0; s < kPhotos; ++s) x[s] = hn::LoadU(d, rows[s] + f);
    for (std::size_t k = 0; k < kClasses; ++k) {
      const Vector w = hn::Load(d, wt + k * stride + f);
      for (std::size_t s = 0; s < kPhotos; ++s) sums[s][k] = hn::MulAdd(x[s], w, sums[s][k]);
    }
  }
  if (f < features) {
    for (std::size_t s = 0; s < kPhotos; ++s) {
      const Vector x = load_tail(rows[s] + f, features - f);
      for (std::size_t k = 0; k < kClasses; ++k) {
        sums[s][k] = hn::MulAdd(x, hn::Load(d, wt + k * stride + f), sums[s][k]);
      }
    }
  }
  for (std::size_t s = 0; s < kPhotos; ++s) {
    for (std::size_t k = 0; k < kClasses; ++k) {
      logits[s * classes + k] = hn::GetLane(hn::SumOfLanes(d, sums[s][k]));
    }
  }
}

template <std::size_t kClasses>
void backward_tile(const float* const* rows, const float* gradient, std::size_t features,
                   std::size_t stride, std::size_t classes, float* dwt) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  Vector factors[kPhotos][kClasses];
  for (std::size_t s = 0; s < kPhotos; ++s) {
    for (std::size_t k = 0; k < kClasses; ++k) {
      factors[s][k] = hn::Set(d, gradient[s * classes + k]);
    }
  }
  const auto accumulate = [&](std::size_t f, const Vector* x) HWY_ATTR {
    for (std::size_t k = 0; k < kClasses; ++k) {
      float* const target = dwt + k * stride + f;
      Vector sum = hn::Load(d, target);
      for (std::size_t s = 0; s < kPhotos; ++s) sum = hn::MulAdd(factors[s][k], x[s], sum);
      hn::Store(sum, d, target);
    }
  };
  std::size_t f = 0;
  Vector x[kPhotos];
  for (; f + lanes <= features; f += lanes) {
    for (std::size_t s = 0; s < kPhotos; ++s) x[s] = hn::LoadU(d, rows[s] + f);
    accumulate(f, x);
  }
  if (f < features) {
    for (std::size_t s = 0; s < kPhotos; ++s) x[s] = load_tail(rows[s] + f, features - f);
    accumulate(f, x);
  }
}

void head_forward(const float* const* rows, const float* wt, std::size_t features,
                  std::size_t stride, std::size_t classes, std::size_t first, std::size_t last,
                  float* logits) {
  std::size_t k = first;
  for (; k + kMaxClasses <= last; k += kMaxClasses) {
    forward_tile<kMaxClasses>(rows, wt + k * stride, features, stride, classes, logits + k);
  }
  for (; k + 2 <= last; k += 2) {
    forward_tile<2>(rows, wt + k * stride, features, stride, classes, logits + k);
  }
  for (; k < last; ++k) {
    forward_tile<1>(rows, wt + k * stride, features, stride, classes, logits + k);
  }
}

void head_backward(const float* const* rows, const float* gradient, std::size_t features,
                   std::size_t stride, std::size_t classes, std::size_t first, std::size_t last,
                   float* dwt) {
  std::size_t k = first;
  for (; k + kMaxClasses <= last; k += kMaxClasses) {
    backward_tile<kMaxClasses>(rows, gradient + k, features, stride, classes, dwt + k * stride);
  }
  for (; k + 2 <= last; k += 2) {
    backward_tile<2>(rows, gradient + k, features, stride, classes, dwt + k * stride);
  }
  for (; k < last; ++k) {
    backward_tile<1>(rows, gradient + k, features, stride, classes, dwt + k * stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace graft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graft {
namespace {

HeadKernels kernels_for(InstructionSet set) {
  return {GRAFT_FOR_INSTRUCTIONS(set, head_forward), GRAFT_FOR_INSTRUCTIONS(set, head_backward)};
}

}  // namespace

const HeadKernels& head_kernels() {
  static const HeadKernels kKernels = kernels_for(instruction_set());
  return kKernels;
}

std::vector<HeadKernels> all_head_kernels() {
  std::vector<HeadKernels> all;
  for (const InstructionSet set : instruction_sets()) all.push_back(kernels_for(set));
  return all;
}

}  // namespace graft
#endif  // HWY_ONCE
