// Pixels → JPEG or PNG bytes, for the sample photos and test files. Thread rule: pure functions.
#pragma once

#include "base/file.h"
#include "base/result.h"
#include "image/image.h"

namespace graft {

Result<Bytes> encode_jpeg(const Image& image, int quality = 90);  // 4:2:0, baseline
Result<Bytes> encode_png(const Image& image);

}  // namespace graft
