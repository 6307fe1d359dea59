// The first page of a TIFF through libtiff's RGBA interface, read from memory, turned top-left.
// libtiff premultiplies unassociated alpha; alpha itself is dropped.
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "image/codecs.h"

namespace graft::codec {
namespace {

struct Memory {
  ByteSpan bytes;
  std::uint64_t at = 0;
  char failure[256] = "libtiff does not know this kind";
  bool failed = false;
  bool warned = false;
  char warning[256] = "";
};

Memory& of(thandle_t handle) {
  return *static_cast<Memory*>(handle);
}

tmsize_t read_bytes(thandle_t handle, void* to, tmsize_t size) {
  Memory& memory = of(handle);
  if (size <= 0 || memory.at >= memory.bytes.size()) return 0;
  const std::uint64_t count =
      std::min(static_cast<std::uint64_t>(size), memory.bytes.size() - memory.at);
  std::memcpy(to, memory.bytes.data() + memory.at, count);
  memory.at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t write_nothing(thandle_t, void*, tmsize_t) {
  return 0;
}
toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Memory& memory = of(handle);
  const std::uint64_t base = whence == SEEK_SET   ? 0
                             : whence == SEEK_CUR ? memory.at
                                                  : memory.bytes.size();
  memory.at = base + offset;
  return memory.at;
}
int close_nothing(thandle_t) {
  return 0;
}
toff_t size_of(thandle_t handle) {
  return of(handle).bytes.size();
}
int map_memory(thandle_t handle, void** base, toff_t* size) {
  *base = const_cast<std::byte*>(of(handle).bytes.data());
  *size = of(handle).bytes.size();
  return 1;
}
void unmap_nothing(thandle_t, void*, toff_t) {}

__attribute__((format(printf, 4, 0))) int on_error(TIFF*, void* memory, const char*,
                                                   const char* words, va_list values) {
  auto& m = *static_cast<Memory*>(memory);
  if (!m.failed) std::vsnprintf(m.failure, sizeof(m.failure), words, values);
  m.failed = true;
  return 1;
}
__attribute__((format(printf, 4, 0))) int on_warning(TIFF*, void* memory, const char*,
                                                     const char* words, va_list values) {
  auto& m = *static_cast<Memory*>(memory);
  if (!m.warned) std::vsnprintf(m.warning, sizeof(m.warning), words, values);
  m.warned = true;
  return 1;
}

using TiffFile = std::unique_ptr<TIFF, void (*)(TIFF*)>;

// `memory` must outlive the handle.
TiffFile open_tiff(Memory& memory, const DecodeLimits& limits) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> how(TIFFOpenOptionsAlloc(),
                                                                         TIFFOpenOptionsFree);
  if (!how) return {nullptr, TIFFClose};
  // The largest single buffer that a picture within the limits needs: its RGBA raster.
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<tmsize_t>::max() / 8);
  TIFFOpenOptionsSetMaxSingleMemAlloc(
      how.get(), static_cast<tmsize_t>(std::min(limits.max_pixels, kMost) * 4 + (1 << 20)));
  TIFFOpenOptionsSetErrorHandlerExtR(how.get(), on_error, &memory);
  TIFFOpenOptionsSetWarningHandlerExtR(how.get(), on_warning, &memory);
  return {TIFFClientOpenExt("picture", "r", &memory, read_bytes, write_nothing, seek, close_nothing,
                            size_of, map_memory, unmap_nothing, how.get()),
          TIFFClose};
}

Result<ImageSize> size_of_page(TIFF* tiff, const Memory& memory, const DecodeLimits& limits) {
  if (tiff == nullptr) return damaged(ImageFormat::kTiff, memory.failure);
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  if (TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) != 1 ||
      TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height) != 1) {
    return damaged(ImageFormat::kTiff, "no picture size");
  }
  GRAFT_TRY(check_size(ImageFormat::kTiff, width, height, limits));
  return ImageSize{static_cast<int>(width), static_cast<int>(height)};
}

}  // namespace

Result<void> decode_tiff(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& note) {
  Memory memory{.bytes = bytes};
  const TiffFile tiff = open_tiff(memory, options.limits);
  GRAFT_ASSIGN(const ImageSize size, size_of_page(tiff.get(), memory, options.limits));
  char why[1024] = "";
  if (TIFFRGBAImageOK(tiff.get(), why) != 1) {
    return unreadable_kind(ImageFormat::kTiff, why);
  }
  const auto width = static_cast<std::uint32_t>(size.width);
  const auto height = static_cast<std::uint32_t>(size.height);
  std::vector<std::uint32_t> raster(std::size_t{width} * height);
  if (TIFFReadRGBAImageOriented(tiff.get(), width, height, raster.data(), ORIENTATION_TOPLEFT,
                                /*stop_on_error=*/1) != 1) {
    return damaged(ImageFormat::kTiff, memory.failure);
  }
  GRAFT_TRY(allocate_pixels(ImageFormat::kTiff, width, height, options.limits, into));
  std::uint8_t* to = into.pixels.data();
  for (const std::uint32_t abgr : raster) {
    *to++ = static_cast<std::uint8_t>(TIFFGetR(abgr));
    *to++ = static_cast<std::uint8_t>(TIFFGetG(abgr));
    *to++ = static_cast<std::uint8_t>(TIFFGetB(abgr));
  }
  note.corrupt_but_decodable = memory.failed;
  if (memory.failed) note.warning = memory.failure;
  return {};
}

Result<ImageSize> tiff_size(ByteSpan bytes) {
  Memory memory{.bytes = bytes};
  const DecodeLimits no_limits{.max_pixels = std::numeric_limits<std::uint64_t>::max()};
  const TiffFile tiff = open_tiff(memory, no_limits);
  return size_of_page(tiff.get(), memory, no_limits);
}

}  // namespace graft::codec
