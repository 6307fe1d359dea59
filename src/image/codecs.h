// Inside of the image room: one decoder a codec library, behind one shape. decode.cc tells the
// formats apart and calls these; nobody else does. Every decoder returns u8 RGB, refuses sizes
// beyond the limits before it allocates pixels, and lets no exception or longjmp out.
// Thread rule: pure functions; each call owns its codec state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/decode.h"
#include "image/image.h"

namespace graft::codec {

using ByteSpan = std::span<const std::byte>;

Result<void> decode_jpeg(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& note);
// The same with libjpeg's loops alone: what decode_jpeg does in less time, and its oracle.
Result<void> decode_jpeg_by_libjpeg(ByteSpan bytes, const DecodeOptions& options, Image& into,
                                    DecodeNote& note);
Result<void> decode_png(ByteSpan bytes, const DecodeOptions& options, Image& into,
                        DecodeNote& note);
Result<void> decode_gif(ByteSpan bytes, const DecodeOptions& options, Image& into,
                        DecodeNote& note);
Result<void> decode_bmp(ByteSpan bytes, const DecodeOptions& options, Image& into,
                        DecodeNote& note);
Result<void> decode_webp(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& note);
Result<void> decode_tiff(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& note);
Result<void> decode_heic(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& note);

Result<ImageSize> jpeg_size(ByteSpan bytes);
Result<ImageSize> png_size(ByteSpan bytes);
Result<ImageSize> gif_size(ByteSpan bytes);
Result<ImageSize> bmp_size(ByteSpan bytes);
Result<ImageSize> webp_size(ByteSpan bytes);
Result<ImageSize> tiff_size(ByteSpan bytes);
Result<ImageSize> heic_size(ByteSpan bytes);

// Refuses an empty picture and one with more pixels than the limits allow.
Result<void> check_size(ImageFormat format, std::uint64_t width, std::uint64_t height,
                        const DecodeLimits& limits);

// check_size, then gives `into` that size. Pixels are unspecified until the decoder writes them.
Result<void> allocate_pixels(ImageFormat format, std::uint64_t width, std::uint64_t height,
                             const DecodeLimits& limits, Image& into);

// kCorrupt with one wording for every codec: "damaged JPEG (Unsupported marker type 0x05): …".
Error damaged(ImageFormat format, std::string_view codecs_words);
// kUnsupported for a kind of the format that its library does not read.
Error unreadable_kind(ImageFormat format, std::string_view codecs_words);

// The EXIF orientation (1…8, TIFF 6.0 tag 274) in a JPEG APP1 segment's content, 1 when there is
// none; never fails.
int exif_orientation(ByteSpan app1);
// Turns the picture upright: 2 mirrored, 3 upside down, 4 flipped, 5…8 with rows and columns
// swapped.
void apply_orientation(int orientation, Image& image);

}  // namespace graft::codec
