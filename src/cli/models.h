// Which pretrained networks lie where. Thread rule: pure functions of the file system.
#pragma once

#include <string>

#include "model/spec.h"

namespace graft {

// The file or archive of this network below model_dir, as find_installed() looks for it, without
// opening it; "" when there is none.
std::string installed_at(const ModelSpec& spec, const std::string& model_dir);

}  // namespace graft
