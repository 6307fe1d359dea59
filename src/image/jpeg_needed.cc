#include "image/jpeg_needed.h"

#include <algorithm>

#include "image/resize_window.h"

namespace graft::codec {
namespace {

// Lines of blocks that any of the pixels' `lines` touches, in a component with so many pixels a
// sample (a whole number: libjpeg refuses others). Upsampling mixes a sample with the one before it
// and the one behind it.
std::vector<bool> lines_of_blocks(const std::vector<bool>& lines, int pixels_a_sample,
                                  std::size_t count) {
  const auto ratio = static_cast<std::size_t>(pixels_a_sample);
  std::vector<bool> blocks(count);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i]) continue;
    const std::size_t sample = i / ratio;
    const std::size_t reach = ratio == 1 ? 0 : 1;
    for (std::size_t s = sample - std::min(sample, reach); s <= sample + reach; ++s) {
      if (s / DCTSIZE < count) blocks[s / DCTSIZE] = true;
    }
  }
  return blocks;
}

// Sets `bit` in each unit whose line `place` of blocks is among `blocks`, of which it has `count`.
// Blocks beyond the edge complete a unit and are not shown.
void mark(const std::vector<bool>& blocks, int place, int count, unsigned bit,
          std::vector<std::uint16_t>& units) {
  auto line = static_cast<std::size_t>(place);
  for (std::uint16_t& unit : units) {
    if (line < blocks.size() && blocks[line]) unit = static_cast<std::uint16_t>(unit | bit);
    line += static_cast<std::size_t>(count);
  }
}

}  // namespace

JpegNeeded::JpegNeeded(const jpeg_decompress_struct& cinfo, int height, int width) {
  const auto rows = static_cast<int>(cinfo.image_height);
  const auto columns = static_cast<int>(cinfo.image_width);
  // From two lines a line on, the resize skips some.
  if (rows < 2 * height && columns < 2 * width) return;
  columns_.resize(cinfo.MCUs_per_row);
  lines_.resize(cinfo.MCU_rows_in_scan);
  rows_ = sampled_lines(rows, height);
  const std::vector<bool> columns_of_pixels = sampled_lines(columns, width);
  unsigned bit = 1;
  for (int c = 0; c < cinfo.comps_in_scan; ++c) {
    const jpeg_component_info& info = *cinfo.cur_comp_info[c];
    const auto across = lines_of_blocks(
        columns_of_pixels, cinfo.max_h_samp_factor / info.h_samp_factor, info.width_in_blocks);
    const auto down =
        lines_of_blocks(rows_, cinfo.max_v_samp_factor / info.v_samp_factor, info.height_in_blocks);
    for (int y = 0; y < info.MCU_height; ++y) {
      for (int x = 0; x < info.MCU_width; ++x, bit <<= 1) {
        mark(across, x, info.MCU_width, bit, columns_);
        mark(down, y, info.MCU_height, bit, lines_);
      }
    }
  }
}

bool JpegNeeded::rows(std::size_t first, std::size_t count) const {
  const std::size_t end = std::min(first + count, rows_.size());
  for (std::size_t i = first; i < end; ++i) {
    if (rows_[i]) return true;
  }
  return false;
}

}  // namespace graft::codec
