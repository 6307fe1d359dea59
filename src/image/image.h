// Pixels. Non-goals: any other layout than interleaved 8-bit RGB in, float NHWC out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graft {

// A decoded photo: u8 [height, width, 3], RGB interleaved, rows without padding. Owns its pixels;
// decode() reuses the capacity of the one it is given.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // height * width * 3
};

}  // namespace graft
