// EXIF orientation: reading it with libexif and turning the picture. Source: Exif 2.32, tag 0x0112.
#include <libexif/exif-data.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "image/codecs.h"

namespace graft::codec {

int exif_orientation(ByteSpan app1) {
  if (app1.empty()) return 1;
  const std::unique_ptr<ExifData, void (*)(ExifData*)> data(exif_data_new(), exif_data_unref);
  if (!data) return 1;
  exif_data_unset_option(data.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
  exif_data_load_data(data.get(), reinterpret_cast<const unsigned char*>(app1.data()),
                      static_cast<unsigned int>(app1.size()));
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

void apply_orientation(int orientation, Image& image) {
  if (orientation <= 1 || orientation > 8) return;
  // Where the upright picture's pixel (x, y) lies in the stored one, as the tag's table has it.
  const bool swapped = orientation >= 5;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int width = swapped ? image.height : image.width;
  const int height = swapped ? image.width : image.height;
  std::vector<std::uint8_t> upright(image.pixels.size());
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, at += 3) {
      const int column = swapped ? y : x;
      const int row = swapped ? x : y;
      const int sx = from_right ? image.width - 1 - column : column;
      const int sy = from_bottom ? image.height - 1 - row : row;
      const std::size_t from =
          (static_cast<std::size_t>(sy) * static_cast<std::size_t>(image.width) +
           static_cast<std::size_t>(sx)) *
          3;
      std::copy_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(from), 3,
                  upright.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  image.pixels = std::move(upright);
  image.width = width;
  image.height = height;
}

}  // namespace graft::codec
