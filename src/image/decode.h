// Photo bytes → pixels, exactly as TensorFlow's tf.image.decode_jpeg(channels=3) does for JPEG, PNG
// and one-frame GIF (JDCT_IFAST, fancy upsampling, EXIF ignored, alpha dropped, 16 → 8 bits by
// stripping), and through their own libraries for what that op refuses: animated GIF (first frame),
// WebP, BMP, TIFF, HEIC. Told apart by content, never by name. Only user of the codec libraries.
// Source: tensorflow/core/kernels/image/decode_image_op.cc and core/lib/jpeg/jpeg_mem.cc.
// Thread rule: pure functions; each call owns its codec state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/image.h"

namespace graft {

enum class ImageFormat : std::uint8_t { kUnknown, kJpeg, kPng, kGif, kBmp, kWebp, kTiff, kHeic };
ImageFormat sniff_format(std::span<const std::byte> head);  // needs the first 32 bytes at most
std::string_view name_of(ImageFormat format);               // "JPEG"

// What is refused before any pixel is allocated: photos are untrusted bytes.
struct DecodeLimits {
  std::uint64_t max_pixels = std::uint64_t{200} << 20;  // width × height; also TF's w·h·c < 2^29
  int max_progressive_scans = 500;
};

// How a photo becomes a network's input (image/prepare.h).
enum class DecodeRule : std::uint8_t {
  kTensorFlow,  // as TensorFlow's graph does it: all pixels decoded, bilinear between nearest ones
  // A JPEG decoded at 1/1, 1/2, 1/4 or 1/8 of its size; then, of what is still twice the input's
  // size or more, the mean of the area that each value stands for.
  kAreaMean,
};

struct DecodeOptions {
  // JPEG only; TensorFlow ignores it, so that is the default. HEIC's own rotation always counts.
  bool apply_exif_orientation = false;
  DecodeLimits limits{};
  DecodeRule rule = DecodeRule::kTensorFlow;
  // The size that the picture will be brought to; 0: not known. By TensorFlow's rule only the
  // pixels of a large JPEG that resize_normalize reads are decoded then, the others are
  // unspecified: its result has the same bits, in less time. By the other the JPEG comes at the
  // smallest of its four sizes that is not below this.
  int only_for_height = 0;
  int only_for_width = 0;
};

struct DecodeNote {
  bool corrupt_but_decodable = false;  // the codec warned and went on, as TensorFlow does
  std::string warning;                 // the codec's own words, first warning only
};

// kCorrupt: truncated, garbage, zero bytes. kUnsupported: not an image we read, or beyond limits.
// Messages do not name the file (the caller does). `into` is reused; on error its content is
// unspecified. `note` may be null.
Result<void> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options,
                          Image& into, DecodeNote* note = nullptr);

struct ImageSize {
  int width = 0;
  int height = 0;
};
// Size from the header alone, for the formats above.
Result<ImageSize> read_image_size(std::span<const std::byte> bytes);

}  // namespace graft
