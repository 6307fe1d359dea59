#include "image/prepare.h"

#include <array>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "image/encode.h"
#include "image/golden_files_testing.h"

namespace graft {
namespace {

Image random_image(int width, int height) {
  Image image{width, height,
              std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3)};
  Rng rng(static_cast<std::uint64_t>(width * 1000 + height));
  for (std::uint8_t& v : image.pixels) v = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

std::vector<float> area_resized(const Image& image, int height, int width,
                                Normalization norm = {0, 1}) {
  std::vector<float> out(static_cast<std::size_t>(height * width) * 3);
  resize_area_normalize(image, height, width, norm, out);
  return out;
}

// What of input pixel i an output pixel stands for, its whole being 1: by definition.
double share_of(int i, int in, int out, int o) {
  const double scale = static_cast<double>(in) / out;
  const double begin = o * scale;
  const double end = scale > 1 ? (o + 1) * scale : begin + 1;
  const auto within = [&](double from, double to) {
    return std::max(0.0, std::min(end, to) - std::max(begin, from)) / (end - begin);
  };
  // What lies beyond the last pixel is as that one.
  return within(i, i + 1 == in ? 1e9 : i + 1);
}

TEST(AreaResize, EachValueIsTheMeanOfItsArea) {
  for (const auto& [in_h, in_w, out_h, out_w] : std::vector<std::array<int, 4>>{{7, 5, 3, 2},
                                                                                {16, 12, 4, 4},
                                                                                {9, 31, 9, 7},
                                                                                {5, 6, 11, 4},
                                                                                {3, 3, 8, 8},
                                                                                {1, 1, 5, 2},
                                                                                {40, 1, 3, 3}}) {
    const Image image = random_image(in_w, in_h);
    const std::vector<float> got = area_resized(image, out_h, out_w);
    for (int y = 0; y < out_h; ++y) {
      for (int x = 0; x < out_w; ++x) {
        for (int c = 0; c < 3; ++c) {
          double mean = 0;
          for (int i = 0; i < in_h; ++i) {
            for (int j = 0; j < in_w; ++j) {
              mean += share_of(i, in_h, out_h, y) * share_of(j, in_w, out_w, x) *
                      image.pixels[(static_cast<std::size_t>(i) * static_cast<std::size_t>(in_w) +
                                    static_cast<std::size_t>(j)) *
                                       3 +
                                   static_cast<std::size_t>(c)];
            }
          }
          // Two sums of float32 products with rounded weights, none above 255.
          const double allowed = (in_h + in_w + 8) * 0x1p-24 * 255;
          EXPECT_NEAR(got[static_cast<std::size_t>((y * out_w + x) * 3 + c)], mean, allowed)
              << in_h << "x" << in_w << " to " << out_h << "x" << out_w << " at " << y << ", " << x;
        }
      }
    }
  }
}

TEST(AreaResize, TheSameSizeIsTheSamePicture) {
  const Image image = random_image(13, 9);
  EXPECT_EQ(area_resized(image, 9, 13),
            std::vector<float>(image.pixels.begin(), image.pixels.end()));
}

TEST(AreaResize, NormalisesAsTheOtherDoes) {
  const Image image = random_image(8, 8);
  std::vector<float> exact(8 * 8 * 3);
  resize_normalize(image, 8, 8, {128, 120}, exact);
  EXPECT_EQ(area_resized(image, 8, 8, {128, 120}), exact);
}

TEST(PreparePhoto, ByTensorFlowsRuleIsDecodingAndResizing) {
  for (const char* name : {"sample_420.jpg", "rgb8.png", "progressive_420.jpg"}) {
    const Bytes bytes = golden_file(std::string("files/") + name);
    Image image, scratch;
    ASSERT_TRUE(decode_image(bytes, {}, image).ok());
    std::vector<float> expected(32 * 16 * 3), got(32 * 16 * 3);
    resize_normalize(image, 32, 16, {}, expected);
    ASSERT_TRUE(prepare_photo(bytes, {}, 32, 16, {}, scratch, got).ok());
    EXPECT_EQ(got, expected) << name;
  }
}

TEST(PreparePhoto, ByTheOtherRuleALargeJpegComesSmaller) {
  const Image large = random_image(640, 480);
  const auto jpeg = encode_jpeg(large);
  ASSERT_TRUE(jpeg.ok());
  const DecodeOptions fast = {.rule = DecodeRule::kAreaMean};
  for (const auto& [side, width, height] : std::vector<std::array<int, 3>>{
           {300, 640, 480}, {240, 320, 240}, {64, 160, 120}, {60, 80, 60}, {5, 80, 60}}) {
    Image scratch;
    std::vector<float> out(static_cast<std::size_t>(side * side) * 3);
    ASSERT_TRUE(prepare_photo(*jpeg, fast, side, side, {}, scratch, out).ok());
    EXPECT_EQ(scratch.width, width) << side;
    EXPECT_EQ(scratch.height, height) << side;
    std::vector<float> expected = area_resized(scratch, side, side, {});
    // Less than two lines a line: as TensorFlow does it.
    if (width < 2 * side) resize_normalize(scratch, side, side, {}, expected);
    EXPECT_EQ(out, expected) << side;
  }
}

// A flat picture has nothing that one way could see and the other not.
TEST(PreparePhoto, BothRulesAgreeOnAFlatPicture) {
  const Image flat{400, 300, std::vector<std::uint8_t>(std::size_t{400} * 300 * 3, 100)};
  const auto jpeg = encode_jpeg(flat, 95);
  ASSERT_TRUE(jpeg.ok());
  Image scratch;
  std::vector<float> exact(50 * 50 * 3), fast(50 * 50 * 3);
  ASSERT_TRUE(prepare_photo(*jpeg, {}, 50, 50, {0, 1}, scratch, exact).ok());
  ASSERT_TRUE(
      prepare_photo(*jpeg, {.rule = DecodeRule::kAreaMean}, 50, 50, {0, 1}, scratch, fast).ok());
  for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(fast[i], exact[i], 1) << i;
}

TEST(PreparePhoto, WhatCannotBeDecodedIsRefusedByBothRules) {
  for (const DecodeRule rule : {DecodeRule::kTensorFlow, DecodeRule::kAreaMean}) {
    Image scratch;
    std::vector<float> out(8 * 8 * 3);
    EXPECT_FALSE(prepare_photo(golden_file("files/truncated_half.jpg"), {.rule = rule}, 8, 8, {},
                               scratch, out)
                     .ok());
  }
}

}  // namespace
}  // namespace graft
