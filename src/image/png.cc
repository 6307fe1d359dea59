// PNG through libpng, with the transformations that TensorFlow asks for when it wants three 8-bit
// channels: alpha stripped, 16 → 8 bits by dropping the low byte, palette and gray to RGB, no
// gamma. Source: tensorflow/core/lib/png/png_io.cc.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "image/codecs.h"

namespace graft::codec {
namespace {

// deflate cannot pack more than 1032 bytes into one (RFC 1951: 258 bytes in two bits).
constexpr std::uint64_t kMostBytesInOne = 1032;

// One decompression; libpng leaves by our error function, so calls into it go through guarded().
class PngSession {
 public:
  explicit PngSession(ByteSpan bytes) : left_(bytes) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~PngSession() {
    if (png != nullptr) png_destroy_read_struct(&png, info != nullptr ? &info : nullptr, nullptr);
  }
  PngSession(const PngSession&) = delete;
  PngSession& operator=(const PngSession&) = delete;

  // Runs body; false when libpng gave up. body holds no object with a destructor.
  template <typename Body>
  __attribute__((noinline)) bool guarded(const Body& body) {
    if (png == nullptr || info == nullptr) return false;
    if (setjmp(escape_) != 0) return false;
    body();
    return true;
  }

  bool read_header() {
    return guarded([this] {
      png_set_read_fn(png, this, read);
      png_read_info(png, info);
    });
  }

  Error error() const { return damaged(ImageFormat::kPng, failure_); }
  bool warned() const { return warned_; }
  const char* warning() const { return warning_; }

  png_structp png = nullptr;
  png_infop info = nullptr;

 private:
  [[noreturn]] static void on_error(png_structp p, png_const_charp words) {
    auto& self = *static_cast<PngSession*>(png_get_error_ptr(p));
    std::snprintf(self.failure_, sizeof(self.failure_), "%s", words);
    std::longjmp(self.escape_, 1);
  }
  static void on_warning(png_structp p, png_const_charp words) {
    auto& self = *static_cast<PngSession*>(png_get_error_ptr(p));
    if (self.warned_ || about_metadata(words)) return;
    self.warned_ = true;
    std::snprintf(self.warning_, sizeof(self.warning_), "%s", words);
  }
  // "iCCP: known incorrect sRGB profile" and its like say nothing about the pixels.
  static bool about_metadata(std::string_view words) {
    if (words.size() < 5 || words[4] != ':') return false;
    const std::string_view chunk = words.substr(0, 4);
    return chunk != "IHDR" && chunk != "PLTE" && chunk != "IDAT" && chunk != "IEND";
  }
  static void read(png_structp p, png_bytep data, std::size_t length) {
    auto& self = *static_cast<PngSession*>(png_get_io_ptr(p));
    if (length > self.left_.size()) png_error(p, "it ends before the picture does");
    std::memcpy(data, self.left_.data(), length);
    self.left_ = self.left_.subspan(length);
  }

  std::jmp_buf escape_;
  ByteSpan left_;
  bool warned_ = false;
  char failure_[256] = "libpng could not start";
  char warning_[256] = "";
};

std::uint32_t big_endian32(ByteSpan four) {
  std::uint32_t value = 0;
  for (const std::byte b : four.first(4)) value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

// Whether every chunk lies within the file, up to the first IDAT or to IEND. libpng allocates what
// a chunk's length field claims before it reads, and fails for want of bytes only then.
bool chunks_are_whole(ByteSpan bytes, bool only_before_data) {
  constexpr std::uint32_t kData = 0x49444154;
  constexpr std::uint32_t kEnd = 0x49454E44;
  constexpr std::size_t kAround = 12;  // length, name and checksum
  for (ByteSpan left = bytes.subspan(std::min<std::size_t>(bytes.size(), 8));;) {
    if (left.size() < kAround) return false;
    const std::uint32_t name = big_endian32(left.subspan(4));
    if (name == kData && only_before_data) return true;
    const std::size_t length = big_endian32(left);
    if (length > left.size() - kAround) return false;
    if (name == kEnd) return true;
    left = left.subspan(kAround + length);
  }
}

Error truncated() {
  return damaged(ImageFormat::kPng, "it ends before the picture does");
}

void request_rgb8(png_structp png, png_infop info) {
  const int color = png_get_color_type(png, info);
  const int depth = png_get_bit_depth(png, info);
  const bool gray = (color & PNG_COLOR_MASK_COLOR) == 0;
  if ((color & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0) {
    png_set_strip_alpha(png);
  }
  if (depth > 8) png_set_strip_16(png);
  png_set_packing(png);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (gray && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (gray) png_set_gray_to_rgb(png);
}

}  // namespace

Result<void> decode_png(ByteSpan bytes, const DecodeOptions& options, Image& into,
                        DecodeNote& note) {
  if (!chunks_are_whole(bytes, /*only_before_data=*/false)) return truncated();
  PngSession session(bytes);
  if (!session.read_header()) return session.error();
  const png_structp png = session.png;
  const png_infop info = session.info;
  const std::uint64_t width = png_get_image_width(png, info);
  const std::uint64_t height = png_get_image_height(png, info);
  GRAFT_TRY(check_size(ImageFormat::kPng, width, height, options.limits));
  if (png_get_rowbytes(png, info) * height / kMostBytesInOne > bytes.size()) {
    return truncated();
  }
  GRAFT_TRY(allocate_pixels(ImageFormat::kPng, width, height, options.limits, into));

  const std::size_t stride = static_cast<std::size_t>(width) * 3;
  std::uint8_t* const pixels = into.pixels.data();
  const bool decoded = session.guarded([png, info, pixels, stride, height] {
    const int passes = png_set_interlace_handling(png);
    request_rgb8(png, info);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != stride) png_error(png, "unexpected pixel layout");
    for (int pass = 0; pass < passes; ++pass) {
      for (std::uint64_t y = 0; y < height; ++y) png_read_row(png, pixels + y * stride, nullptr);
    }
    png_read_end(png, info);
  });
  if (!decoded) return session.error();
  note.corrupt_but_decodable = session.warned();
  if (session.warned()) note.warning = session.warning();
  return {};
}

Result<ImageSize> png_size(ByteSpan bytes) {
  if (!chunks_are_whole(bytes, /*only_before_data=*/true)) return truncated();
  PngSession session(bytes);
  if (!session.read_header()) return session.error();
  return ImageSize{static_cast<int>(png_get_image_width(session.png, session.info)),
                   static_cast<int>(png_get_image_height(session.png, session.info))};
}

}  // namespace graft::codec
