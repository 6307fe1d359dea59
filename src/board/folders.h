// Folders to choose from. Thread rule: pure function of the file system.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace graft {

// As /api/folders has it; "" is the working directory. Hidden folders are left out. kNotFound,
// kInvalidArgument: no such folder, or one that is none or cannot be read.
Result<Json> list_folders(const std::string& path);

}  // namespace graft
