// The one door to the JSON library (nlohmann). Include in .cc files; headers take
// <nlohmann/json_fwd>.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace graft {

using Json = nlohmann::ordered_json;  // keeps the order in which we write keys

// Text → value without exceptions; kCorrupt names the byte offset. Depth and size are bounded
// (64 levels, 64 MiB).
Result<Json> parse_json(std::string_view text);

// Value → text; strings that are not UTF-8 get U+FFFD instead of an exception, so put printable()
// around names first. indent < 0: one line.
std::string dump_json(const Json& value, int indent = 2);

}  // namespace graft
