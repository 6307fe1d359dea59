// Any bytes taken for a photo of one format are refused with one line, or become a picture of a
// size within the limits, the same each time and whatever the buffer held before. Built once a
// format: GRAFT_FUZZ_FORMAT is its name, GRAFT_FUZZ_SUFFIX that of its files.
#include "fuzz.h"
#include "image/decode.h"

namespace graft::fuzz {
namespace {

// A picture of a megapixel is enough to go wrong in, and is soon decoded.
constexpr DecodeLimits kLimits = {.max_pixels = 1 << 20, .max_progressive_scans = 50};

Result<void> decode(std::span<const std::byte> bytes, bool turned, Image& into) {
  DecodeNote note;
  return decode_image(bytes, {.apply_exif_orientation = turned, .limits = kLimits}, into, &note);
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  if (name_of(sniff_format(bytes)) != GRAFT_FUZZ_FORMAT) return;
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
