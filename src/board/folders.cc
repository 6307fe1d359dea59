#include "board/folders.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace graft {
namespace {

constexpr std::size_t kMostListed = 1000, kMostCounted = 10000;

bool has_photo_name(const std::string& name) {
  const std::string lower = to_lower_ascii(name);
  for (const char* end :
       {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif"}) {
    if (lower.ends_with(end) && !lower.starts_with('.')) return true;
  }
  return false;
}

struct Counts {
  std::size_t classes = 0, photos = 0;
};

// Looks at names only, two levels deep; `left` entries at most.
Counts count_photos(const std::string& path) {
  Counts counts;
  std::size_t left = kMostCounted;
  std::error_code error;
  std::filesystem::directory_iterator folder(path, error);
  for (; !error && folder != std::filesystem::directory_iterator() && left > 0;
       folder.increment(error), --left) {
    std::error_code inner;
    if (!folder->is_directory(inner)) continue;
    std::filesystem::directory_iterator file(folder->path(), inner);
    std::size_t photos = 0;
    for (; !inner && file != std::filesystem::directory_iterator() && left > 0;
         file.increment(inner), --left) {
      photos += has_photo_name(file->path().filename().string()) ? 1 : 0;
    }
    counts.photos += photos;
    counts.classes += photos > 0 ? 1 : 0;
  }
  return counts;
}

}  // namespace

Result<Json> list_folders(const std::string& path) {
  const std::string folder = absolute_path(path.empty() ? "." : path);
  if (!exists(folder)) return not_found(printable(folder) + ": there is no such folder: go back");
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  if (error) {
    return invalid_argument(printable(folder) + ": cannot be looked into: " + error.message() +
                            ": choose another");
  }
  std::vector<std::string> names;
  for (; !error && entry != std::filesystem::directory_iterator() && names.size() < kMostListed;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    // Names that are not UTF-8 could not be asked for again.
    if (!name.starts_with('.') && printable(name) == name && entry->is_directory(ignored)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  Json folders = Json::array();
  for (const std::string& name : names) {
    const std::string below = join_path(folder, name);
    const Counts counts = count_photos(below);
    folders.push_back(
        {{"name", name}, {"path", below}, {"classes", counts.classes}, {"photos", counts.photos}});
  }
  return Json{{"path", printable(folder)},
              {"parent", folder == "/" ? Json(nullptr) : Json(printable(parent_directory(folder)))},
              {"folders", std::move(folders)}};
}

}  // namespace graft
