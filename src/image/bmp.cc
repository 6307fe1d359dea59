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

struct Header {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t pixel_offset = 0;
  std::uint64_t bits = 0;
};

Result<Header> read_header(ByteSpan bytes) {
  const Error truncated = damaged(ImageFormat::kBmp, "it ends within the header");
  if (bytes.size() < 26) return truncated;
  Header header;
  header.pixel_offset = little_endian(bytes, 10, 4);
  if (little_endian(bytes, 14, 4) == 12) {  // OS/2 BITMAPCOREHEADER
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
  const std::uint64_t row_bytes = (header.width * header.bits + 31) / 32 * 4;
  // The last row's padding may be missing.
  const std::uint64_t used_of_last = (header.width * header.bits + 7) / 8;
  if (header.pixel_offset + row_bytes * (header.height - 1) + used_of_last > bytes.size()) {
    return damaged(ImageFormat::kBmp, "it ends before the picture does");
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
