// What can be said of a run's options before any work. Thread rule: pure functions.
#pragma once

#include "base/result.h"
#include "train/retrain.h"

namespace graft {

// kInvalidArgument names the flag and what to give.
Result<void> check_options(const RetrainOptions& options);
// Every place that the run will write to can be written, as far as one can tell now.
Result<void> check_places(const RetrainOptions& options);

}  // namespace graft
