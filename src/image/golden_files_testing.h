// For this room's tests: the awkward photos of tests/golden.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "gtest/gtest.h"

namespace graft {

inline std::string golden_path(const std::string& relative) {
  return std::string(GRAFT_SOURCE_DIR) + "/tests/golden/" + relative;
}

inline Bytes golden_file(const std::string& relative) {
  Bytes bytes;
  const auto read = read_file(golden_path(relative), bytes);
  EXPECT_TRUE(read.ok()) << relative << ": " << read.error().message;
  return bytes;
}

inline std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_path("files"))) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace graft
