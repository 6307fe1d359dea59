// Names of layers as people give them. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/graph_def.pb.h"

namespace graft {

// "input:0" → "input".
std::string_view without_port(std::string_view tensor);

// The node that "input", "input:0" or, as label_image.py has it, "import/input" means.
// kInvalidArgument names the option, the file and the nearest node.
Result<std::string> resolve_layer(const wire::GraphDef& def, const char* option,
                                  const std::string& given, const std::string& graph_path);

}  // namespace graft
