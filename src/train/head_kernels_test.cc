#include "train/head_kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <span>

#include "base/rng.h"
#include "tensor/tensor.h"

namespace graft {
namespace {

constexpr std::size_t kPhotos = HeadKernels::kBlock;

std::span<float> floats(AlignedBuffer& buffer) {
  return {reinterpret_cast<float*>(buffer.data()), buffer.size() / sizeof(float)};
}

// Against plain sums in float64, on every instruction set that this machine has. Tolerance:
// n·u·Σ|ab|.
TEST(HeadKernels, AgreeWithPlainSumsOnEveryInstructionSet) {
  const auto all = all_head_kernels();
  ASSERT_GE(all.size(), 1U);
  for (const std::size_t features : {1UL, 15UL, 16UL, 17UL, 1001UL}) {
    for (const std::size_t classes : {1UL, 2UL, 3UL, 5UL, 6UL, 12UL}) {
      const std::size_t stride =
          (features + HeadKernels::kRowPad - 1) / HeadKernels::kRowPad * HeadKernels::kRowPad;
      Rng rng(features, classes);
      std::vector<std::vector<float>> storage;
      std::array<const float*, kPhotos> rows;
      for (auto& row : rows) {
        // One float off any alignment, ending where its memory ends: sanitizers see a step beyond.
        auto& values = storage.emplace_back(features + 1);
        for (float& v : values) v = rng.normal();
        row = values.data() + 1;
      }
      AlignedBuffer wt(classes * stride * sizeof(float));
      std::vector<float> gradient(kPhotos * classes);
      for (std::size_t k = 0; k < classes; ++k) {
        for (std::size_t f = 0; f < features; ++f) floats(wt)[k * stride + f] = rng.normal();
      }
      for (float& g : gradient) g = rng.normal();

      for (const HeadKernels& kernels : all) {
        // In two parts, so that `first` is not always 0.
        const std::size_t middle = classes / 2;
        std::vector<float> logits(kPhotos * classes, NAN);
        AlignedBuffer dwt(classes * stride * sizeof(float));
        std::fill(floats(dwt).begin(), floats(dwt).end(), 0.5F);
        for (const auto& [first, last] : {std::pair{std::size_t{0}, middle}, {middle, classes}}) {
          kernels.forward(rows.data(), floats(wt).data(), features, stride, classes, first, last,
                          logits.data());
          kernels.backward(rows.data(), gradient.data(), features, stride, classes, first, last,
                           floats(dwt).data());
        }
        const double u = std::ldexp(1.0, -24);
        for (std::size_t s = 0; s < kPhotos; ++s) {
          for (std::size_t k = 0; k < classes; ++k) {
            double sum = 0, size = 0;
            for (std::size_t f = 0; f < features; ++f) {
              const double product =
                  static_cast<double>(rows[s][f]) * static_cast<double>(floats(wt)[k * stride + f]);
              sum += product;
              size += std::abs(product);
            }
            ASSERT_NEAR(logits[s * classes + k], sum, static_cast<double>(features) * u * size);
          }
        }
        for (std::size_t k = 0; k < classes; ++k) {
          for (std::size_t f = 0; f < features; ++f) {
            double sum = 0.5, size = 0.5;
            for (std::size_t s = 0; s < kPhotos; ++s) {
              const double product =
                  static_cast<double>(rows[s][f]) * static_cast<double>(gradient[s * classes + k]);
              sum += product;
              size += std::abs(product);
            }
            ASSERT_NEAR(floats(dwt)[k * stride + f], sum, 5 * u * size);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace graft
