// TensorFlow's own bottleneck files: comma-separated floats, one file a photo,
// <bottleneck_dir>/<class>/<photo>_<architecture>.txt. Read leniently, written as retrain.py would.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace graft {

std::string text_cache_path(std::string_view bottleneck_dir, std::string_view class_folder,
                            std::string_view photo_file, std::string_view architecture);

// kNotFound; kCorrupt: not numbers, a non-finite value, or `width` (when not 0) not matched.
Result<std::vector<float>> read_text_cache(const std::string& path, std::size_t width);
Result<std::vector<float>> parse_text_cache(std::string_view text, std::size_t width);
// Atomic; creates the class folder.
Result<void> write_text_cache(const std::string& path, std::span<const float> values);

}  // namespace graft
