// What `graft retrain` takes on its command line. Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "train/retrain_options.h"

namespace graft {

struct RetrainFlags {
  RetrainOptions run;
  std::vector<std::string> folders;
  std::string mirrors;
  bool offline = false, json = false, board = false;
};
// The flags hold the defaults and must outlive the options.
void declare_retrain(Options& options, RetrainFlags& flags);

}  // namespace graft
