// Any bytes taken for a photo of one format are refused with one line, or become a picture of a
// size within the limits, the same each time and whatever the buffer held before. A JPEG is what
// libjpeg alone makes of it, and gives the same input to a network whether all of it is decoded or
// only what that depends on. Built once a format: GRAFT_FUZZ_FORMAT is its name, GRAFT_FUZZ_SUFFIX
// that of its files.
#include "fuzz.h"
#include "image/codecs.h"
#include "image/decode.h"
#include "image/resize.h"

namespace graft::fuzz {
namespace {

// A picture of a megapixel is enough to go wrong in, and is soon decoded.
constexpr DecodeLimits kLimits = {.max_pixels = 1 << 20, .max_progressive_scans = 50};

Result<void> decode(std::span<const std::byte> bytes, bool turned, Image& into) {
  DecodeNote note;
  return decode_image(bytes, {.apply_exif_orientation = turned, .limits = kLimits}, into, &note);
}

void try_jpeg(std::span<const std::byte> bytes) {
  Image ours{3, 3, std::vector<std::uint8_t>(5000, 0x00)};
  Image theirs{3, 3, std::vector<std::uint8_t>(5000, 0xFF)};
  DecodeNote our_note, their_note;
  DecodeOptions options{.limits = kLimits};
  const auto our = codec::decode_jpeg(bytes, options, ours, our_note);
  const auto their = codec::decode_jpeg_by_libjpeg(bytes, options, theirs, their_note);
  require(our.ok() == their.ok(), "not libjpeg's verdict");
  if (!our.ok()) {
    require(our.error().message == their.error().message, "not libjpeg's words");
    return;
  }
  require(our_note.warning == their_note.warning, "not libjpeg's warning");
  require(ours.pixels == theirs.pixels, "not libjpeg's pixels");

  constexpr int kHeight = 7, kWidth = 5;
  options.only_for_height = kHeight;
  options.only_for_width = kWidth;
  DecodeOptions smaller = options;
  smaller.rule = DecodeRule::kAreaMean;
  Image our_small, their_small;
  const bool ok = codec::decode_jpeg(bytes, smaller, our_small, our_note).ok();
  require(ok == codec::decode_jpeg_by_libjpeg(bytes, smaller, their_small, their_note).ok(),
          "not libjpeg's verdict on the smaller one");
  if (ok) require(our_small.pixels == their_small.pixels, "not libjpeg's smaller pixels");
  Image some{3, 3, std::vector<std::uint8_t>(5000, 0x5A)};
  require(decode_image(bytes, options, some).ok(), "not the verdict on the whole");
  std::vector<float> whole(std::size_t{kHeight} * kWidth * 3);
  std::vector<float> partly(whole.size());
  resize_normalize(theirs, kHeight, kWidth, {}, whole);
  resize_normalize(some, kHeight, kWidth, {}, partly);
  require(whole == partly, "another input from what was decoded for it");
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  if (name_of(sniff_format(bytes)) != GRAFT_FUZZ_FORMAT) return;
  if (sniff_format(bytes) == ImageFormat::kJpeg) try_jpeg(bytes);
  if (const auto size = read_image_size(bytes); !size.ok()) require_refusal(size.error());
  for (const bool turned : {false, true}) {
    Image first{3, 3, std::vector<std::uint8_t>(5000, 0x00)};
    const auto decoded = decode(bytes, turned, first);
    Image second{3, 3, std::vector<std::uint8_t>(5000, 0xFF)};
    require(decode(bytes, turned, second).ok() == decoded.ok(), "not the same verdict each time");
    if (!decoded.ok()) {
      require_refusal(decoded.error());
      continue;
    }
    require(first.width > 0 && first.height > 0, "a picture without pixels");
    const auto pixels = std::uint64_t(first.width) * std::uint64_t(first.height);
    require(pixels <= kLimits.max_pixels, "a picture beyond the limits");
    require(first.pixels.size() == pixels * 3, "a buffer of another size than the picture");
    // libde265 leaves blocks of some damaged pictures unwritten in its own memory.
    const bool same = first.pixels == second.pixels;
    require(same || sniff_format(bytes) == ImageFormat::kHeic, "not the same pixels each time");
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> all = source_files("tests/golden/files", GRAFT_FUZZ_SUFFIX);
  std::erase_if(all, [](const std::string& file) { return file.size() > 8192; });
  return all;
}

}  // namespace graft::fuzz
