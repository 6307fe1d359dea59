#include "image/resize.h"

#include <hwy/targets.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "image/augment.h"
#include "image/resize_window.h"

namespace graft {
namespace {

Image noise(int width, int height, Rng& rng) {
  Image image{width, height, {}};
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

std::vector<float> as_floats(const Image& image) {
  return {image.pixels.begin(), image.pixels.end()};
}

std::size_t count_of(int height, int width) {
  return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3;
}

void expect_same_bits(const std::vector<float>& got, const std::vector<float>& want,
                      const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i]))
        << what << " at " << i << ": " << got[i] << " instead of " << want[i];
  }
}

void check_resize(const Image& image, int height, int width, Normalization norm) {
  std::vector<float> fast(count_of(height, width));
  resize_normalize(image, height, width, norm, fast);
  std::vector<float> reference(fast.size());
  resize_bilinear_reference(as_floats(image), image.height, image.width, 3, height, width,
                            reference);
  normalize_reference(reference, norm);
  expect_same_bits(fast, reference,
                   std::to_string(image.width) + "x" + std::to_string(image.height) + " to " +
                       std::to_string(width) + "x" + std::to_string(height));
}

TEST(ResizeNormalize, HasTheReferencesBitsAtEverySize) {
  Rng rng(7);
  for (int round = 0; round < 400; ++round) {
    const auto side = [&rng](std::uint32_t most) { return 1 + static_cast<int>(rng.below(most)); };
    const Image image = noise(side(round % 3 == 0 ? 9 : 300), side(round % 5 == 0 ? 9 : 300), rng);
    check_resize(image, side(260), side(260), {rng.uniform(0, 200), rng.uniform(1, 200)});
    if (HasFatalFailure()) return;
  }
}

TEST(ResizeNormalize, HasTheReferencesBitsAtTheEdges) {
  Rng rng(8);
  for (const auto& [width, height] : {std::pair{1, 1},
                                      {1, 7},
                                      {7, 1},
                                      {2, 2},
                                      {1, 1000},
                                      {3000, 2},
                                      {9000, 1},
                                      {64, 64},
                                      {65, 63},
                                      {224, 224},
                                      {223, 225}}) {
    const Image image = noise(width, height, rng);
    for (const auto& [to_width, to_height] :
         {std::pair{1, 1}, {1, 5}, {5, 1}, {64, 64}, {65, 64}, {224, 224}, {299, 299}}) {
      check_resize(image, to_height, to_width, {});
      if (HasFatalFailure()) return;
    }
  }
}

// The processor at hand chooses one instruction set; the others must not differ.
TEST(ResizeNormalize, HasTheReferencesBitsWithEveryInstructionSet) {
  for (const InstructionSet set : instruction_sets()) {
    rows::use(set);
    Rng rng(12);
    for (int round = 0; round < 30; ++round) {
      const Image image =
          noise(1 + static_cast<int>(rng.below(200)), 1 + static_cast<int>(rng.below(200)), rng);
      check_resize(image, 1 + static_cast<int>(rng.below(150)),
                   1 + static_cast<int>(rng.below(150)), {});
    }
    if (HasFatalFailure()) break;
  }
  rows::use(instruction_set());
}

// We ask the compiler's runtime, Highway the processor itself.
TEST(InstructionSet, IsWhatHighwayWouldChoose) {
  const std::int64_t supported = hwy::SupportedTargets();
  const InstructionSet best = (supported & HWY_AVX3) != 0   ? InstructionSet::kAvx512
                              : (supported & HWY_AVX2) != 0 ? InstructionSet::kAvx2
                              : (supported & HWY_SSE4) != 0 ? InstructionSet::kSse4
                                                            : InstructionSet::kBaseline;
  EXPECT_EQ(instruction_set(), best);
}

TEST(ResizeNormalize, TheSameSizeIsAPlainCast) {
  Rng rng(9);
  const Image image = noise(50, 31, rng);
  std::vector<float> out(count_of(31, 50));
  resize_normalize(image, 31, 50, {0.0F, 1.0F}, out);
  expect_same_bits(out, as_floats(image), "same size");
}

TEST(ResizeBilinearReference, HasNoHalfPixelCentres) {
  // 2 → 4: positions 0, 0.5, 1, 1.5, the last beyond the last pixel's centre.
  const std::vector<float> in = {10.0F, 20.0F};
  std::vector<float> out(4);
  resize_bilinear_reference(in, 1, 2, 1, 1, 4, out);
  EXPECT_EQ(out, (std::vector<float>{10.0F, 15.0F, 20.0F, 20.0F}));
}

// The window by the definition: resize all, crop, flip, multiply, normalise.
std::vector<float> window_reference(const Image& image, const ResizeWindow& w, Normalization norm) {
  std::vector<float> full(count_of(w.full_height, w.full_width));
  resize_bilinear_reference(as_floats(image), image.height, image.width, 3, w.full_height,
                            w.full_width, full);
  std::vector<float> out;
  for (int y = 0; y < w.height; ++y) {
    for (int x = 0; x < w.width; ++x) {
      const int column = w.left + (w.flip_left_right ? w.width - 1 - x : x);
      for (int c = 0; c < 3; ++c) {
        out.push_back(full[count_of(w.top + y, w.full_width) + count_of(1, column) +
                           static_cast<std::size_t>(c)] *
                      w.brightness);
      }
    }
  }
  normalize_reference(out, norm);
  return out;
}

TEST(ResizeWindow, EqualsResizeCropFlipBrightenNormalise) {
  Rng rng(10);
  for (int round = 0; round < 200; ++round) {
    const auto up_to = [&rng](int most) {
      return static_cast<int>(rng.below(static_cast<std::uint32_t>(most) + 1));
    };
    const Image image = noise(1 + up_to(150), 1 + up_to(150), rng);
    ResizeWindow w;
    w.full_height = 1 + up_to(120);
    w.full_width = 1 + up_to(120);
    w.height = 1 + up_to(w.full_height - 1);
    w.width = 1 + up_to(w.full_width - 1);
    w.top = up_to(w.full_height - w.height);
    w.left = up_to(w.full_width - w.width);
    w.flip_left_right = up_to(1) == 1;
    w.brightness = rng.uniform(0.0F, 2.0F);
    std::vector<float> out(count_of(w.height, w.width));
    resize_window(image, w, {}, out);
    expect_same_bits(out, window_reference(image, w, {}), "round " + std::to_string(round));
    if (HasFatalFailure()) return;
  }
}

class DistortTest : public testing::Test {
 protected:
  std::vector<float> distorted(const Distortion& distortion, std::uint64_t seed,
                               Normalization norm = {}) {
    std::vector<float> out(count_of(24, 24));
    Rng rng(seed);
    distort(image_, 24, 24, norm, distortion, rng, out);
    return out;
  }
  std::vector<float> plain(Normalization norm = {}) {
    std::vector<float> out(count_of(24, 24));
    resize_normalize(image_, 24, 24, norm, out);
    return out;
  }
  Rng rng_{11};
  Image image_ = noise(40, 30, rng_);
};

TEST_F(DistortTest, NothingAskedIsThePlainResize) {
  expect_same_bits(distorted({}, 1), plain(), "no distortion");
}

TEST_F(DistortTest, FlipsHalfOfThePhotos) {
  const auto straight = plain();
  int flips = 0;
  constexpr int kRounds = 400;
  for (int seed = 0; seed < kRounds; ++seed) {
    const auto out = distorted({.flip_left_right = true}, static_cast<std::uint64_t>(seed));
    if (out == straight) continue;
    ++flips;
    for (std::size_t x = 0; x < 24; ++x) ASSERT_EQ(out[x * 3], straight[(23 - x) * 3]);
  }
  EXPECT_NEAR(flips, kRounds * 0.5, 50);  // five standard deviations of a fair coin
}

TEST_F(DistortTest, BrightnessMultipliesWithinItsRangeAndDoesNotClamp) {
  const Normalization none{0.0F, 1.0F};
  const auto straight = plain(none);
  float least = 9.0F;
  float most = 0.0F;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto out = distorted({.random_brightness = 30}, seed, none);
    const float factor = out[0] / straight[0];
    least = std::min(least, factor);
    most = std::max(most, factor);
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR(out[i], straight[i] * factor, 1e-3F);
    }
  }
  EXPECT_GE(least, 0.7F - 1e-5F);
  EXPECT_LT(least, 0.75F);
  EXPECT_LE(most, 1.3F + 1e-5F);
  EXPECT_GT(most, 1.25F);
}

TEST_F(DistortTest, CropsAreWindowsOfTheEnlargedPicture) {
  // 24 × 1.5 = 36: offsets 0 … 12 in both directions, each of them at some time.
  std::vector<int> seen(13 * 13, 0);
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    const auto out = distorted({.random_crop = 50}, seed);
    bool found = false;
    for (int top = 0; top <= 12 && !found; ++top) {
      for (int left = 0; left <= 12 && !found; ++left) {
        std::vector<float> window(out.size());
        resize_window(image_,
                      {.full_height = 36,
                       .full_width = 36,
                       .top = top,
                       .left = left,
                       .height = 24,
                       .width = 24},
                      {}, window);
        found = window == out;
        if (found) ++seen[static_cast<std::size_t>(top) * 13 + static_cast<std::size_t>(left)];
      }
    }
    ASSERT_TRUE(found) << seed;
  }
  for (const int count : seen) EXPECT_GT(count, 0);
}

TEST_F(DistortTest, IsAPureFunctionOfItsSeed) {
  const Distortion all{true, 10, 20, 30};
  expect_same_bits(distorted(all, 5), distorted(all, 5), "same seed");
  EXPECT_NE(distorted(all, 5), distorted(all, 6));
}

}  // namespace
}  // namespace graft
