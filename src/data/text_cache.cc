#include "data/text_cache.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"

namespace graft {
namespace {

// The widest feature known is 2048 numbers of at most 16 characters; this leaves room for others.
constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 20;
constexpr std::size_t kMaxWidth = std::size_t{1} << 20;

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

Error bad(std::string what) {
  return corrupt(std::move(what) + ": remove the file, and it is computed again");
}

}  // namespace

std::string text_cache_path(std::string_view bottleneck_dir, std::string_view class_folder,
                            std::string_view photo_file, std::string_view architecture) {
  std::string path = join_path(join_path(bottleneck_dir, class_folder), photo_file);
  path += '_';
  path += architecture;
  path += ".txt";
  return path;
}

Result<std::vector<float>> parse_text_cache(std::string_view text, std::size_t width) {
  std::vector<float> values;
  values.reserve(width != 0 && width <= kMaxWidth ? width : 1024);
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto skip_space = [&] {
    while (at != end && is_space(*at)) ++at;
  };
  for (;;) {
    skip_space();
    // from_chars takes a minus sign only.
    if (end - at >= 2 && at[0] == '+' && at[1] != '-') ++at;
    float value = 0;
    const auto parsed = std::from_chars(at, end, value);
    if (parsed.ec == std::errc::invalid_argument) {
      return bad("not a number at byte " + std::to_string(at - text.data()));
    }
    // Written by a double: below the smallest float is zero, as Python's float would round it.
    if (parsed.ec == std::errc::result_out_of_range) {
      const double wide = std::strtod(std::string(at, parsed.ptr).c_str(), nullptr);
      value = static_cast<float>(wide);
    }
    if (!std::isfinite(value)) {
      return bad("value " + std::to_string(values.size() + 1) + " is not finite");
    }
    if (values.size() == kMaxWidth) return bad("more than a million values");
    values.push_back(value);
    at = parsed.ptr;
    skip_space();
    if (at == end) break;
    if (*at != ',') return bad("no comma at byte " + std::to_string(at - text.data()));
    ++at;
  }
  if (width != 0 && values.size() != width) {
    return bad("holds " + std::to_string(values.size()) + " values instead of " +
               std::to_string(width));
  }
  return values;
}

Result<std::vector<float>> read_text_cache(const std::string& path, std::size_t width) {
  GRAFT_ASSIGN(const std::string text, read_text_file(path, kMaxBytes));
  auto values = parse_text_cache(text, width);
  if (!values.ok()) return with_context(printable(path), std::move(values).error());
  return values;
}

Result<void> write_text_cache(const std::string& path, std::span<const float> values) {
  std::string text;
  text.reserve(values.size() * 12);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ',';
    append_float(text, values[i]);
  }
  return write_atomically(path, text);
}

}  // namespace graft
