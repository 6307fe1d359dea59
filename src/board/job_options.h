// `graft retrain`'s options as a form sends them: checked, and as a command line.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace graft {

struct RetrainCommand {
  std::vector<std::string> arguments;  // "retrain", "--image_dir=…" …
  std::string text;                    // for people: "graft retrain --image_dir=…"
  std::vector<std::string> problems;   // empty: it may be started
  std::string summaries_dir;
  std::uint64_t steps = 0;
};

// options: an object of option names (those of docs/board_api) to text, numbers or booleans; null
// and missing ones keep retrain's defaults, but for summaries_dir (below the first logdir, so that
// the board sees the run) and model_dir.
RetrainCommand retrain_command(const Json& options, const std::string& logdir,
                               const std::string& model_dir);

}  // namespace graft
