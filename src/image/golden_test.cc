// Decoding and resizing against what real TensorFlow made of the same files:
// tests/golden/README.md.
#include <array>
#include <bit>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

#include "base/hash.h"
#include "gtest/gtest.h"
#include "image/decode.h"
#include "image/golden_files_testing.h"
#include "image/resize.h"

namespace graft {
namespace {

struct Target {
  int height, width;
  Normalization norm;
};
constexpr std::array<Target, 5> kTargets = {{{128, 128, {127.5F, 127.5F}},
                                             {224, 224, {127.5F, 127.5F}},
                                             {299, 299, {128.0F, 128.0F}},
                                             {19, 61, {127.5F, 127.5F}},
                                             {61, 19, {0.0F, 1.0F}}}};
constexpr std::string_view kHeading =
    "file\tpixels from\tverdict\t128x128 mean 127.5 std 127.5\t224x224 mean 127.5 std 127.5\t"
    "299x299 mean 128.0 std 128.0\t19x61 mean 127.5 std 127.5\t61x19 mean 0.0 std 1.0";

struct Expectation {
  std::string name;
  bool accepted = false;
  std::vector<std::string> resized_sha256;
};

void PrintTo(const Expectation& e, std::ostream* out) {
  *out << e.name;
}

std::vector<Expectation> read_index() {
  std::vector<Expectation> all;
  const Bytes bytes = golden_file("expected/index.tsv");
  std::istringstream text{std::string(as_text(bytes))};
  std::string line;
  std::getline(text, line);
  EXPECT_EQ(line, kHeading);
  while (std::getline(text, line)) {
    std::istringstream fields(line);
    Expectation e;
    std::string field;
    std::getline(fields, e.name, '\t');
    std::getline(fields, field, '\t');
    std::getline(fields, field, '\t');
    e.accepted = field == "ok";
    while (std::getline(fields, field, '\t')) e.resized_sha256.push_back(field);
    all.push_back(e);
  }
  return all;
}

// Binary PPM as make_expected.py writes it: "P6 w h 255\n" and the pixels.
Image read_ppm(const std::string& relative) {
  const Bytes bytes = golden_file(relative);
  Image image;
  std::string text(as_text(bytes));
  const std::size_t end = text.find('\n');
  std::istringstream header(text.substr(0, end));
  std::string magic;
  int most = 0;
  header >> magic >> image.width >> image.height >> most;
  EXPECT_EQ(magic, "P6");
  EXPECT_EQ(most, 255);
  for (const char c : text.substr(end + 1)) image.pixels.push_back(static_cast<std::uint8_t>(c));
  return image;
}

std::string sha256_of(const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  return hex(sha256(std::as_bytes(std::span(values))));
}

class Golden : public testing::TestWithParam<Expectation> {};

TEST_P(Golden, DecodesToTheSamePixels) {
  const Expectation& e = GetParam();
  Image image;
  const auto decoded = decode_image(golden_file("files/" + e.name), {}, image);
  ASSERT_EQ(decoded.ok(), e.accepted) << (decoded.ok() ? "accepted" : decoded.error().message);
  if (!e.accepted) return;
  const Image expected = read_ppm("expected/" + e.name + ".ppm");
  ASSERT_EQ(image.width, expected.width);
  ASSERT_EQ(image.height, expected.height);
  ASSERT_EQ(image.pixels.size(), expected.pixels.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    ASSERT_EQ(int{image.pixels[i]}, int{expected.pixels[i]})
        << "at x " << i / 3 % static_cast<std::size_t>(image.width) << ", y "
        << i / 3 / static_cast<std::size_t>(image.width) << ", channel " << i % 3;
  }
}

TEST_P(Golden, HeaderSaysTheDecodedSize) {
  const Expectation& e = GetParam();
  if (!e.accepted) return;
  const auto size = read_image_size(golden_file("files/" + e.name));
  ASSERT_TRUE(size.ok()) << size.error().message;
  const Image expected = read_ppm("expected/" + e.name + ".ppm");
  EXPECT_EQ(size->width, expected.width);
  EXPECT_EQ(size->height, expected.height);
}

// From the expected pixels, so that it stands on its own.
TEST_P(Golden, ResizesToTheSameBits) {
  const Expectation& e = GetParam();
  if (!e.accepted) return;
  ASSERT_EQ(e.resized_sha256.size(), kTargets.size());
  const Image image = read_ppm("expected/" + e.name + ".ppm");
  const std::vector<float> pixels(image.pixels.begin(), image.pixels.end());
  for (std::size_t i = 0; i < kTargets.size(); ++i) {
    const Target& t = kTargets[i];
    std::vector<float> fast(static_cast<std::size_t>(t.height) * static_cast<std::size_t>(t.width) *
                            3);
    resize_normalize(image, t.height, t.width, t.norm, fast);
    EXPECT_EQ(sha256_of(fast), e.resized_sha256[i]) << t.height << "x" << t.width;
    std::vector<float> reference(fast.size());
    resize_bilinear_reference(pixels, image.height, image.width, 3, t.height, t.width, reference);
    normalize_reference(reference, t.norm);
    EXPECT_EQ(sha256_of(reference), e.resized_sha256[i]) << t.height << "x" << t.width;
  }
}

TEST_P(Golden, ResizesToTheSameBitsWhatWasDecodedForThat) {
  const Expectation& e = GetParam();
  if (!e.accepted) return;
  const Bytes bytes = golden_file("files/" + e.name);
  Image image;
  for (std::size_t i = 0; i < kTargets.size(); ++i) {
    const Target& t = kTargets[i];
    const DecodeOptions only = {.only_for_height = t.height, .only_for_width = t.width};
    image.pixels.assign(image.pixels.size(), static_cast<std::uint8_t>(37 * i));
    ASSERT_TRUE(decode_image(bytes, only, image).ok());
    std::vector<float> resized(static_cast<std::size_t>(t.height) *
                               static_cast<std::size_t>(t.width) * 3);
    resize_normalize(image, t.height, t.width, t.norm, resized);
    EXPECT_EQ(sha256_of(resized), e.resized_sha256[i]) << t.height << "x" << t.width;
  }
}

INSTANTIATE_TEST_SUITE_P(Awkward, Golden, testing::ValuesIn(read_index()),
                         [](const testing::TestParamInfo<Expectation>& tested) {
                           std::string name = tested.param.name;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

TEST(GoldenFiles, EveryFileHasAnExpectation) {
  std::vector<std::string> expected;
  for (const Expectation& e : read_index()) expected.push_back(e.name);
  EXPECT_EQ(golden_names(), expected);
  EXPECT_GT(expected.size(), 100U);
}

}  // namespace
}  // namespace graft
