// Inside of the image room: which parts of a large JPEG the network's input depends on. The exact
// bilinear resize reads two lines for each of its own; blocks of 8 x 8 that none of those touches
// need no inverse transform, rows that it skips no upsampling and no colours.
// Thread rule: immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/jpeg_scan.h"

namespace graft::codec {

class JpegNeeded {
 public:
  // For `cinfo`, just started and with fancy upsampling, which resize_normalize will bring to
  // height x width. worth_it() is false where nearly everything is needed, and then all the rest
  // is not to be asked.
  JpegNeeded(const jpeg_decompress_struct& cinfo, int height, int width);
  bool worth_it() const { return !rows_.empty(); }

  // A bit for each block of unit (x, y) of the scan, from bit 0 on.
  unsigned blocks(std::size_t x, std::size_t y) const { return columns_[x] & lines_[y]; }
  // Whether any of these output rows is.
  bool rows(std::size_t first, std::size_t count) const;

 private:
  // By column and by row of units: a bit for each block of a unit that is in a line needed.
  std::vector<std::uint16_t> columns_, lines_;
  std::vector<bool> rows_;  // of pixels
};

}  // namespace graft::codec
