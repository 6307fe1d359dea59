#include "base/json.h"

#include <cstddef>

namespace graft {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr int kMaxDepth = 64;

// Offset of the first bracket nested deeper than kMaxDepth, or npos. Counts brackets outside of
// strings, which is exact for well-formed text; the parser judges the rest.
std::size_t too_deep_at(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (text.size() > kMaxBytes) return unsupported("JSON: larger than 64 MiB: use a smaller file");
  if (const std::size_t at = too_deep_at(text); at != std::string_view::npos) {
    return corrupt("JSON: nested deeper than 64 levels at byte " + std::to_string(at) +
                   ": get a good copy of the file");
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return corrupt("JSON: not well formed at byte " + std::to_string(error.byte) +
                   ": get a good copy of the file");
  } catch (const std::exception&) {  // a number beyond the range of double; memory
    return corrupt("JSON: a value is out of range: get a good copy of the file");
  }
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace graft
