#include "image/decode.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "image/codecs.h"

namespace graft {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](char want, std::byte got) { return static_cast<std::byte>(want) == got; });
}

// ISO/IEC 23008-12: a ftyp box whose major brand is one of the still-picture brands.
bool is_heif(std::span<const std::byte> bytes) {
  if (!starts_with(bytes, 4, "ftyp")) return false;
  constexpr std::array<std::string_view, 10> kBrands = {"heic", "heix", "hevc", "hevx", "heim",
                                                        "heis", "mif1", "msf1", "avif", "avis"};
  return std::any_of(kBrands.begin(), kBrands.end(),
                     [&](std::string_view brand) { return starts_with(bytes, 8, brand); });
}

struct Codec {
  Result<void> (*decode)(codec::ByteSpan, const DecodeOptions&, Image&, DecodeNote&);
  Result<ImageSize> (*size)(codec::ByteSpan);
};

Codec codec_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return {codec::decode_jpeg, codec::jpeg_size};
    case ImageFormat::kPng:
      return {codec::decode_png, codec::png_size};
    case ImageFormat::kGif:
      return {codec::decode_gif, codec::gif_size};
    case ImageFormat::kBmp:
      return {codec::decode_bmp, codec::bmp_size};
    case ImageFormat::kWebp:
      return {codec::decode_webp, codec::webp_size};
    case ImageFormat::kTiff:
      return {codec::decode_tiff, codec::tiff_size};
    case ImageFormat::kHeic:
      return {codec::decode_heic, codec::heic_size};
    case ImageFormat::kUnknown:
      break;
  }
  return {nullptr, nullptr};
}

Error unknown_content(std::span<const std::byte> bytes) {
  if (bytes.empty()) return corrupt("empty file: nothing to decode: get a good copy or remove it");
  return unsupported(
      "not a picture: its content is none of JPEG, PNG, GIF, BMP, WebP, TIFF, HEIC: convert or "
      "remove it");
}

// Some codecs end their words with a newline, or quote the file's bytes.
std::string one_line(std::string_view codecs_words) {
  std::string words(codecs_words);
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  return trim(words);
}

// Codec libraries are C or throw nothing, but our own buffers may not fit into memory.
template <typename T, typename Body>
Result<T> without_exceptions(Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return unsupported("picture: needs more memory than there is: scale it down");
  } catch (const std::exception& e) {
    return corrupt(std::string("picture: ") + e.what() + ": get a good copy");
  }
}

}  // namespace

ImageFormat sniff_format(std::span<const std::byte> head) {
  if (starts_with(head, 0, "\xFF\xD8\xFF")) return ImageFormat::kJpeg;
  if (starts_with(head, 0, "\x89PNG\r\n\x1A\n")) return ImageFormat::kPng;
  if (starts_with(head, 0, "GIF8")) return ImageFormat::kGif;
  if (starts_with(head, 0, "RIFF") && starts_with(head, 8, "WEBP")) return ImageFormat::kWebp;
  using namespace std::string_view_literals;
  for (const std::string_view magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
    if (starts_with(head, 0, magic)) return ImageFormat::kTiff;
  }
  if (is_heif(head)) return ImageFormat::kHeic;
  if (starts_with(head, 0, "BM")) return ImageFormat::kBmp;
  return ImageFormat::kUnknown;
}

std::string_view name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kGif:
      return "GIF";
    case ImageFormat::kBmp:
      return "BMP";
    case ImageFormat::kWebp:
      return "WebP";
    case ImageFormat::kTiff:
      return "TIFF";
    case ImageFormat::kHeic:
      return "HEIC";
    case ImageFormat::kUnknown:
      break;
  }
  return "unknown";
}

Result<void> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options,
                          Image& into, DecodeNote* note) {
  DecodeNote unwanted;
  DecodeNote& filled = note != nullptr ? *note : unwanted;
  filled = DecodeNote{};
  const Codec codec = codec_of(sniff_format(bytes));
  if (codec.decode == nullptr) return unknown_content(bytes);
  return without_exceptions<void>([&] { return codec.decode(bytes, options, into, filled); });
}

Result<ImageSize> read_image_size(std::span<const std::byte> bytes) {
  const Codec codec = codec_of(sniff_format(bytes));
  if (codec.size == nullptr) return unknown_content(bytes);
  return without_exceptions<ImageSize>([&] { return codec.size(bytes); });
}

namespace codec {

Result<void> check_size(ImageFormat format, std::uint64_t width, std::uint64_t height,
                        const DecodeLimits& limits) {
  if (width == 0 || height == 0) return damaged(format, "picture without pixels");
  constexpr std::uint64_t kLargestSide = std::numeric_limits<int>::max() / 4;
  if (width > kLargestSide || height > kLargestSide || width > limits.max_pixels / height) {
    return unsupported(std::string(name_of(format)) + " of " + std::to_string(width) + " x " +
                       std::to_string(height) + " pixels: larger than the " +
                       std::to_string(limits.max_pixels) +
                       " pixels that are accepted: scale it down");
  }
  return {};
}

Result<void> allocate_pixels(ImageFormat format, std::uint64_t width, std::uint64_t height,
                             const DecodeLimits& limits, Image& into) {
  GRAFT_TRY(check_size(format, width, height, limits));
  into.width = static_cast<int>(width);
  into.height = static_cast<int>(height);
  into.pixels.resize(static_cast<std::size_t>(width * height * 3));
  return {};
}

Error damaged(ImageFormat format, std::string_view codecs_words) {
  return corrupt("damaged " + std::string(name_of(format)) + " (" + one_line(codecs_words) +
                 "): it cannot be decoded: get a good copy or remove it");
}

Error unreadable_kind(ImageFormat format, std::string_view codecs_words) {
  return unsupported(std::string(name_of(format)) + " of a rare kind (" + one_line(codecs_words) +
                     "): it cannot be decoded: save it as JPEG or PNG");
}

}  // namespace codec
}  // namespace graft
