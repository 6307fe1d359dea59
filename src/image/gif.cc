// The first frame of a GIF through giflib, laid out as TensorFlow lays out a one-frame GIF: the
// canvas has the frame's size (not the logical screen's), the frame keeps its offset within it, and
// what it leaves free or marks transparent is black.
// Source: tensorflow/core/lib/gif/gif_io.cc; GIF89a specification.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "image/codecs.h"

namespace graft::codec {
namespace {

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using GifFile = std::unique_ptr<GifFileType, Close>;

int read_bytes(GifFileType* gif, GifByteType* to, int size) {
  ByteSpan& left = *static_cast<ByteSpan*>(gif->UserData);
  const std::size_t count = std::min(left.size(), static_cast<std::size_t>(std::max(size, 0)));
  if (count > 0) std::memcpy(to, left.data(), count);
  left = left.subspan(count);
  return static_cast<int>(count);
}

Error gif_error(int code) {
  const char* words = GifErrorString(code);
  return damaged(ImageFormat::kGif, words != nullptr ? words : "it ends before the picture does");
}

// Opens the file and reads up to the first frame's description; `transparent` is its transparent
// colour index or -1. `left` must outlive the handle.
Result<GifFile> open_at_first_frame(ByteSpan& left, int& transparent) {
  int code = D_GIF_SUCCEEDED;
  GifFile gif(DGifOpen(&left, read_bytes, &code));
  if (!gif) return gif_error(code);
  transparent = NO_TRANSPARENT_COLOR;
  bool control_seen = false;  // the first graphic control block counts, as in giflib's own reader
  for (;;) {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(gif.get(), &record) != GIF_OK) return gif_error(gif->Error);
    if (record == TERMINATE_RECORD_TYPE) {
      return damaged(ImageFormat::kGif, "it holds no picture");
    }
    if (record == IMAGE_DESC_RECORD_TYPE) {
      if (DGifGetImageDesc(gif.get()) != GIF_OK) return gif_error(gif->Error);
      return gif;
    }
    if (record != EXTENSION_RECORD_TYPE) continue;
    int function = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif.get(), &function, &block) != GIF_OK) return gif_error(gif->Error);
    while (block != nullptr) {
      GraphicsControlBlock control;
      if (function == GRAPHICS_EXT_FUNC_CODE && !control_seen) {
        control_seen = true;
        if (DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
          transparent = control.TransparentColor;
        }
      }
      if (DGifGetExtensionNext(gif.get(), &block) != GIF_OK) return gif_error(gif->Error);
    }
  }
}

// The frame's rows in the order in which they are stored (GIF89a appendix E).
std::vector<int> row_order(int height, bool interlaced) {
  std::vector<int> rows;
  rows.reserve(static_cast<std::size_t>(height));
  if (!interlaced) {
    for (int y = 0; y < height; ++y) rows.push_back(y);
    return rows;
  }
  constexpr std::array<int, 4> kFirst = {0, 4, 2, 1};
  constexpr std::array<int, 4> kStep = {8, 8, 4, 2};
  for (std::size_t pass = 0; pass < kFirst.size(); ++pass) {
    for (int y = kFirst[pass]; y < height; y += kStep[pass]) rows.push_back(y);
  }
  return rows;
}

}  // namespace

Result<void> decode_gif(ByteSpan bytes, const DecodeOptions& options, Image& into,
                        DecodeNote& /*note*/) {
  ByteSpan left = bytes;
  int transparent = NO_TRANSPARENT_COLOR;
  GRAFT_ASSIGN(const GifFile gif, open_at_first_frame(left, transparent));
  const GifImageDesc& frame = gif->Image;
  if (frame.Width <= 0 || frame.Height <= 0) {
    return damaged(ImageFormat::kGif, "picture without pixels");
  }
  const ColorMapObject* colors = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
  if (colors == nullptr) return damaged(ImageFormat::kGif, "no colour map");
  GRAFT_TRY(allocate_pixels(ImageFormat::kGif, static_cast<std::uint64_t>(frame.Width),
                            static_cast<std::uint64_t>(frame.Height), options.limits, into));
  std::fill(into.pixels.begin(), into.pixels.end(), std::uint8_t{0});

  std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
  for (const int y : row_order(frame.Height, frame.Interlace)) {
    if (DGifGetLine(gif.get(), line.data(), frame.Width) != GIF_OK) return gif_error(gif->Error);
    const int to_y = frame.Top + y;
    if (to_y >= into.height) continue;
    std::uint8_t* row = into.pixels.data() +
                        static_cast<std::size_t>(to_y) * static_cast<std::size_t>(into.width) * 3;
    for (int x = 0; frame.Left + x < into.width; ++x) {
      const int index = line[static_cast<std::size_t>(x)];
      if (index == transparent) continue;
      if (index >= colors->ColorCount) {
        return damaged(ImageFormat::kGif, "colour outside of its colour map");
      }
      const GifColorType& color = colors->Colors[index];
      std::uint8_t* pixel = row + static_cast<std::size_t>(frame.Left + x) * 3;
      pixel[0] = color.Red;
      pixel[1] = color.Green;
      pixel[2] = color.Blue;
    }
  }
  return {};
}

Result<ImageSize> gif_size(ByteSpan bytes) {
  ByteSpan left = bytes;
  int transparent = NO_TRANSPARENT_COLOR;
  GRAFT_ASSIGN(const GifFile gif, open_at_first_frame(left, transparent));
  return ImageSize{gif->Image.Width, gif->Image.Height};
}

}  // namespace graft::codec
