// Damaged and malicious files: every one must end in a picture or an error, soon, within bounded
// memory, and without reading what is not there (run under AddressSanitizer and UBSan as well).
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/golden_files_testing.h"
#include "image/heic_references.h"

namespace graft {
namespace {

using namespace std::string_view_literals;

void append(Bytes& to, std::string_view text) {
  const auto bytes = as_bytes(text);
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void put_big_endian16(Bytes& bytes, std::size_t at, int value) {
  bytes[at] = static_cast<std::byte>(value >> 8);
  bytes[at + 1] = static_cast<std::byte>(value);
}

// Decodes twice into buffers with different rubbish: the verdict and the pixels may not depend on
// it.
bool decode_soundly(std::span<const std::byte> bytes, const DecodeOptions& options = {}) {
  Image first{3, 3, std::vector<std::uint8_t>(5000, 0x00)};
  Image second{3, 3, std::vector<std::uint8_t>(5000, 0xFF)};
  DecodeNote note;
  const auto result = decode_image(bytes, options, first, &note);
  const auto again = decode_image(bytes, options, second);
  EXPECT_EQ(result.ok(), again.ok());
  (void)read_image_size(bytes).ok();
  if (!result.ok()) {
    EXPECT_FALSE(result.error().message.empty());
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
    return false;
  }
  EXPECT_GT(first.width, 0);
  EXPECT_GT(first.height, 0);
  EXPECT_LE(std::uint64_t(first.width) * std::uint64_t(first.height), options.limits.max_pixels);
  EXPECT_EQ(first.pixels.size(), std::size_t(first.width) * std::size_t(first.height) * 3);
  // libde265 leaves blocks of some damaged pictures unwritten in its own memory and does not say
  // so; every other codec must give the same pixels each time.
  if (sniff_format(bytes) == ImageFormat::kHeic) return true;
  EXPECT_TRUE(first.pixels == second.pixels) << "pixels depend on the buffer's old content";
  return true;
}

class Hostile : public testing::TestWithParam<std::string> {};

TEST_P(Hostile, AnyTruncationEndsInAPictureOrAnError) {
  const Bytes whole = golden_file("files/" + GetParam());
  const std::size_t step = std::max<std::size_t>(1, whole.size() / 100);
  for (std::size_t size = 0; size < whole.size(); size += size < 64 ? 1 : step) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    decode_soundly(cut);  // its own allocation: the sanitizer sees a read beyond the end
    if (HasFailure()) FAIL() << GetParam() << " cut to " << size;
  }
}

Bytes::iterator find_name(Bytes& bytes, std::string_view name) {
  return std::search(bytes.begin(), bytes.end(), name.begin(), name.end(),
                     [](std::byte a, char b) { return static_cast<char>(a) == b; });
}

// Refused by libheif before it asks for the 256 million pixels, not by us when it has them.
TEST(HostileHeic, AGridDoesNotOutgrowItsPicture) {
  Bytes bytes = golden_file("files/chroma_444.heic");
  const auto box = find_name(bytes, "idat");
  ASSERT_NE(box, bytes.end());
  // Behind its name: version, flags, rows, columns, and 16 bits each of width and height.
  for (const int side : {8, 10}) box[side] = std::byte{0x3E};
  Image image;
  const auto decoded = decode_image(bytes, {}, image);
  ASSERT_FALSE(decoded.ok());
  EXPECT_NE(decoded.error().message.find("Security limit"), std::string::npos)
      << decoded.error().message;
}

// libheif would follow them until the stack ends.
TEST(HostileHeic, AGridIsNotMadeOfItself) {
  Bytes bytes = golden_file("files/chroma_444.heic");
  const auto at = find_name(bytes, "dimg");
  ASSERT_NE(at, bytes.end());
  // Behind its name, 16 bits each: item 2 is made of one item, of item 1.
  ASSERT_EQ(at[5], std::byte{2});
  ASSERT_EQ(at[9], std::byte{1});
  at[9] = std::byte{2};
  Image image;
  const auto decoded = decode_image(bytes, {}, image);
  ASSERT_FALSE(decoded.ok());
  EXPECT_NE(decoded.error().message.find("made of itself"), std::string::npos)
      << decoded.error().message;
  EXPECT_FALSE(read_image_size(bytes).ok());
}

// The box that holds references, of items of 16 bits, in whatever order.
Bytes references(const std::vector<std::vector<int>>& all) {
  Bytes bytes;
  append(bytes, "\0\0\0\0iref\0\0\0\0"sv);
  for (const std::vector<int>& reference : all) {
    append(bytes, "\0\0\0\0dimg"sv);
    const std::size_t at = bytes.size();
    bytes.resize(at + 2 * reference.size() + 2);
    put_big_endian16(bytes, at, reference[0]);
    put_big_endian16(bytes, at + 2, static_cast<int>(reference.size()) - 1);
    for (std::size_t i = 1; i < reference.size(); ++i) {
      put_big_endian16(bytes, at + 2 + 2 * i, reference[i]);
    }
  }
  return bytes;
}

TEST(HostileHeic, DerivationsEndSoon) {
  using codec::has_endless_references;
  EXPECT_FALSE(has_endless_references({}));
  EXPECT_FALSE(has_endless_references(references({{9, 1, 2, 3, 3}, {10, 9, 9}, {11, 10, 1}})));
  EXPECT_FALSE(has_endless_references(references({{4, 5}, {3, 4}, {2, 3}, {1, 2}})));
  EXPECT_TRUE(has_endless_references(references({{4, 5}, {5, 6}, {3, 4}, {2, 3}, {1, 2}})));
  EXPECT_TRUE(has_endless_references(references({{1, 2}, {2, 3}, {3, 1}})));
  EXPECT_TRUE(has_endless_references(references({{7, 1}, {5, 5}})));
  std::vector<int> tiles(65536, 2);
  tiles[0] = 1;
  EXPECT_FALSE(has_endless_references(references({tiles})));
  EXPECT_TRUE(has_endless_references(references({tiles, tiles, tiles, tiles, tiles})));
}

TEST_P(Hostile, AnyDamageEndsInAPictureOrAnError) {
  const Bytes whole = golden_file("files/" + GetParam());
  // Headers are what most decisions rest on, so half of the damage goes there.
  const auto header = static_cast<std::uint32_t>(std::min<std::size_t>(whole.size(), 200));
  DecodeOptions options{.apply_exif_orientation = true};
  options.limits.max_pixels = 1 << 20;
  for (std::uint64_t round = 0; round < 150; ++round) {
    Rng rng(20240229, round);
    Bytes bytes = whole;
    const std::uint32_t changes = 1 + rng.below(4);
    for (std::uint32_t i = 0; i < changes; ++i) {
      const std::uint32_t within =
          round % 2 == 0 ? header : static_cast<std::uint32_t>(whole.size());
      bytes[rng.below(within)] = static_cast<std::byte>(rng.below(256));
    }
    decode_soundly(bytes, options);
    if (HasFailure()) FAIL() << GetParam() << " damaged, round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Hostile, testing::ValuesIn(golden_names()),
                         [](const testing::TestParamInfo<std::string>& tested) {
                           std::string name = tested.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                           return name;
                         });

// palette.bmp has 226 colours from offset 54 on.
TEST(HostileBmp, APixelBeyondThePaletteIsRefused) {
  Bytes bmp = golden_file("files/palette.bmp");
  ASSERT_EQ(std::to_integer<int>(bmp[10]) | std::to_integer<int>(bmp[11]) << 8, 54 + 226 * 4);
  Image image;
  bmp[54 + 226 * 4] = std::byte{225};
  EXPECT_TRUE(decode_image(bmp, {}, image).ok());
  bmp[54 + 226 * 4] = std::byte{226};
  const auto result = decode_image(bmp, {}, image);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("palette"), std::string::npos) << result.error().message;
}

// The offset of a marker's segment in a JPEG.
std::size_t marker_at(const Bytes& jpeg, int marker) {
  for (std::size_t i = 0; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == std::byte{0xFF} && jpeg[i + 1] == static_cast<std::byte>(marker)) return i;
  }
  ADD_FAILURE() << "no such marker";
  return 0;
}

Bytes with_jpeg_size(Bytes jpeg, int sof, int width, int height) {
  const std::size_t at = marker_at(jpeg, sof);
  put_big_endian16(jpeg, at + 5, height);
  put_big_endian16(jpeg, at + 7, width);
  return jpeg;
}

void expect_refused(const Bytes& bytes, ErrorKind kind, std::string_view part) {
  Image image;
  const auto result = decode_image(bytes, {}, image);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  EXPECT_LT(image.pixels.size(), std::size_t{1} << 20) << "allocated before it refused";
}

TEST(HostileBomb, EveryFormatsAbsurdSizeIsRefusedFromTheHeader) {
  expect_refused(with_jpeg_size(golden_file("files/sample_420.jpg"), 0xC0, 65500, 65500),
                 ErrorKind::kUnsupported, "65500 x 65500");
  expect_refused(with_jpeg_size(golden_file("files/progressive_420.jpg"), 0xC2, 65500, 65500),
                 ErrorKind::kUnsupported, "65500 x 65500");

  Bytes bmp = golden_file("files/rgb.bmp");
  for (const std::size_t at : {18U, 22U}) {
    bmp[at + 2] = std::byte{1};  // width and height + 65536
  }
  expect_refused(bmp, ErrorKind::kUnsupported, "65569 x 65557");

  // VP8X canvas size: 24 bits each, less one, at offsets 24 and 27.
  Bytes webp = golden_file("files/animated.webp");
  for (std::size_t at = 24; at < 30; ++at) webp[at] = std::byte{0x3F};
  Image image;
  EXPECT_FALSE(decode_image(webp, {}, image).ok());

  Bytes tiff = golden_file("files/raw.tif");
  const std::size_t entry = [&] {  // tag 256 or 257, type SHORT or LONG, little endian
    for (std::size_t i = 4; i + 12 < tiff.size(); ++i) {
      if (tiff[i] == std::byte{0} && tiff[i + 1] == std::byte{1} && tiff[i + 12] == std::byte{1} &&
          tiff[i + 13] == std::byte{1}) {
        return i;
      }
    }
    ADD_FAILURE() << "no ImageWidth";
    return std::size_t{0};
  }();
  for (const std::size_t at : {entry + 8, entry + 20}) tiff[at + 1] = std::byte{0xFF};
  expect_refused(tiff, ErrorKind::kUnsupported, "TIFF of 65313 x 65301");
}

TEST(HostileBomb, APngWhoseDataCannotFillItIsRefusedBeforeAllocation) {
  // 12,000 × 12,000 is within the limits; the file is 200 bytes. The header's checksum is right.
  Bytes png;
  append(png,
         "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x2E\xE0\0\0\x2E\xE0\x08\x02\0\0\0\xAB\x21\x9B\xF5"sv);
  append(png, "\0\0\0\x0AIDAT\x78\x9C\x63\0\0\0\1\0\1\0\0\0\0\0"sv);
  Image image;
  const auto result = decode_image(png, {}, image);
  ASSERT_FALSE(result.ok());
  EXPECT_LT(image.pixels.size(), std::size_t{1} << 20);
}

TEST(HostileBomb, AChunkThatClaimsGigabytesIsRefusedBeforeAllocation) {
  Bytes png = golden_file("files/bad_text_crc.png");
  png[33] = std::byte{0x69};  // the text chunk's length: 1.7 GB, which libpng would allocate
  expect_refused(png, ErrorKind::kCorrupt, "ends before the picture does");
  EXPECT_FALSE(read_image_size(png).ok());
  rusage usage;
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  EXPECT_LT(usage.ru_maxrss, 1500L * 1024) << "KiB";
}

TEST(HostileBomb, TenThousandScansAreRefused) {
  const Bytes plain = golden_file("files/progressive_420.jpg");
  std::size_t last_scan = 0;
  for (std::size_t i = 0; i + 1 < plain.size(); ++i) {
    if (plain[i] == std::byte{0xFF} && plain[i + 1] == std::byte{0xDA}) last_scan = i;
  }
  const auto scan = std::span(plain).subspan(last_scan, plain.size() - last_scan - 2);
  Bytes bomb(plain.begin(), plain.end() - 2);
  for (int i = 0; i < 10000; ++i) bomb.insert(bomb.end(), scan.begin(), scan.end());
  append(bomb, "\xFF\xD9");
  expect_refused(bomb, ErrorKind::kUnsupported, "501 or more scans");

  // Fewer scans over many pixels are as much work.
  Bytes large(plain.begin(), plain.end() - 2);
  for (int i = 0; i < 300; ++i) large.insert(large.end(), scan.begin(), scan.end());
  append(large, "\xFF\xD9");
  Image image;
  const auto result = decode_image(with_jpeg_size(large, 0xC2, 5000, 4000), {}, image);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("scans"), std::string::npos) << result.error().message;

  DecodeOptions strict;
  strict.limits.max_progressive_scans = 2;
  EXPECT_FALSE(decode_image(plain, strict, image).ok());
  EXPECT_TRUE(decode_image(plain, {}, image).ok());
}

TEST(HostileBomb, MemoryStaysWithinThePicturesOwnSize) {
  // Half of the limit in pixels: 300 MB of RGB, and what the codec needs beside it.
  const std::vector<Bytes> bombs = {
      with_jpeg_size(golden_file("files/sample_420.jpg"), 0xC0, 10000, 10000),
      with_jpeg_size(golden_file("files/gray.jpg"), 0xC0, 10000, 10000)};
  Image image;
  for (const Bytes& bomb : bombs) (void)decode_image(bomb, {}, image).ok();
  rusage usage;
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  EXPECT_LT(usage.ru_maxrss, 1500L * 1024) << "KiB";
}

TEST(HostileBomb, OwnLimitsAreKept) {
  Image image;
  DecodeOptions options;
  options.limits.max_pixels = 20 * 20;
  for (const std::string& name : golden_names()) {
    const auto size = read_image_size(golden_file("files/" + name));
    if (!size.ok() || size->width * size->height <= 400) continue;
    EXPECT_FALSE(decode_image(golden_file("files/" + name), options, image).ok()) << name;
  }
}

}  // namespace
}  // namespace graft
