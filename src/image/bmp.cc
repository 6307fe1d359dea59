// BMP through stb_image, after a look at the header: sizes are checked before stb allocates, and a
// file that ends early is refused (stb would read zeros). Source: Windows BITMAPINFOHEADER.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>

#include "image/codecs.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#include <stb/stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace graft::codec {
namespace {

std::uint32_t little_endian(ByteSpan bytes, std::size_t offset, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[offset + i]);
  }
  return value;
}

constexpr std::uint64_t kFileHeader = 14;

struct Header {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t pixel_offset = 0;
  std::uint64_t bits = 0;
  std::uint64_t colour_bytes = 4;  // of one palette entry
  std::uint64_t palette_offset = 0;

  std::uint64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
};

Result<Header> read_header(ByteSpan bytes) {
  const Error truncated = damaged(ImageFormat::kBmp, "it ends within the header");
  if (bytes.size() < 26) return truncated;
  Header header;
  header.pixel_offset = little_endian(bytes, 10, 4);
  header.palette_offset = kFileHeader + little_endian(bytes, 14, 4);
  if (little_endian(bytes, 14, 4) == 12) {  // OS/2 BITMAPCOREHEADER
    header.colour_bytes = 3;
    header.palette_offset += 12;  // stb leaves out the last four colours of such a palette
    header.width = little_endian(bytes, 18, 2);
    header.height = little_endian(bytes, 20, 2);
    header.bits = little_endian(bytes, 24, 2);
    return header;
  }
  if (bytes.size() < 54) return truncated;
  header.width = little_endian(bytes, 18, 4);
  const auto height = static_cast<std::int64_t>(
      static_cast<std::int32_t>(little_endian(bytes, 22, 4)));  // negative: rows from the top
  header.height = static_cast<std::uint64_t>(height < 0 ? -height : height);
  header.bits = little_endian(bytes, 28, 2);
  return header;
}

// stb fills as much of its palette as the file holds, and does not look whether a pixel asks for
// more: that would be a colour out of uninitialised memory. The pixels must be known to be there.
bool every_pixel_is_in_palette(ByteSpan bytes, const Header& header) {
  if (header.pixel_offset < header.palette_offset) return false;
  const std::uint64_t colours = (header.pixel_offset - header.palette_offset) / header.colour_bytes;
  if (colours >= std::uint64_t{1} << header.bits) return true;
  const std::uint64_t pixels_a_byte = 8 / header.bits;
  for (std::uint64_t y = 0; y < header.height; ++y) {
    const ByteSpan row = bytes.subspan(header.pixel_offset + y * header.row_bytes());
    for (std::uint64_t x = 0; x < header.width; ++x) {
      const auto packed = std::to_integer<std::uint32_t>(row[x / pixels_a_byte]);
      const std::uint64_t shift = 8 - header.bits * (x % pixels_a_byte + 1);
      if ((packed >> shift & ((1U << header.bits) - 1)) >= colours) return false;
    }
  }
  return true;
}

}  // namespace

Result<void> decode_bmp(ByteSpan bytes, const DecodeOptions& options, Image& into,
                        DecodeNote& /*note*/) {
  GRAFT_ASSIGN(const Header header, read_header(bytes));
  GRAFT_TRY(check_size(ImageFormat::kBmp, header.width, header.height, options.limits));
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return unsupported("BMP: larger than 2 GiB: scale it down");
  }
  if (header.bits == 0 || header.bits > 32) {
    return damaged(ImageFormat::kBmp, "impossible number of bits a pixel");
  }
  // The last row's padding may be missing.
  const std::uint64_t used_of_last = (header.width * header.bits + 7) / 8;
  if (header.pixel_offset + header.row_bytes() * (header.height - 1) + used_of_last >
      bytes.size()) {
    return damaged(ImageFormat::kBmp, "it ends before the picture does");
  }
  const bool has_palette = header.bits == 1 || header.bits == 4 || header.bits == 8;
  if (has_palette && !every_pixel_is_in_palette(bytes, header)) {
    return damaged(ImageFormat::kBmp, "a pixel's colour is not in its palette");
  }
  int width = 0;
  int height = 0;
  int channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()),
                            static_cast<int>(bytes.size()), &width, &height, &channels, 3),
      stbi_image_free);
  if (!pixels) return damaged(ImageFormat::kBmp, stbi_failure_reason());
  GRAFT_TRY(allocate_pixels(ImageFormat::kBmp, static_cast<std::uint64_t>(width),
                            static_cast<std::uint64_t>(height), options.limits, into));
  std::copy_n(pixels.get(), into.pixels.size(), into.pixels.begin());
  return {};
}

Result<ImageSize> bmp_size(ByteSpan bytes) {
  GRAFT_ASSIGN(const Header header, read_header(bytes));
  GRAFT_TRY(check_size(ImageFormat::kBmp, header.width, header.height,
                       {.max_pixels = std::numeric_limits<std::uint64_t>::max()}));
  return ImageSize{static_cast<int>(header.width), static_cast<int>(header.height)};
}

}  // namespace graft::codec
