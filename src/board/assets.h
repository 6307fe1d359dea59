// The page: what was built of web/, put into the program; where it was not built, a plain page that
// says so. Thread rule: constants.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace graft {

struct Asset {
  std::string_view path;  // "/app.js"
  std::string_view content_type;
  std::string_view plain, gzipped;
  std::string_view etag;  // with its quotes
};

std::span<const Asset> all_assets();  // empty: the page was not built
std::optional<Asset> find_asset(std::string_view path);

}  // namespace graft
