// The options that say which network a training or its features are of: --architecture with
// --feature, or --graph with its layers. Thread rule: one command a process.
#pragma once

#include <optional>
#include <string>

#include "cli/console.h"
#include "cli/options.h"
#include "train/retrain.h"

namespace graft {

// --architecture, --feature and --precision.
void declare_network(Options& options, RetrainOptions& run, const std::string& architecture_help);
// --exif and --decode.
void declare_decoding(Options& options, RetrainOptions& run);
// --graph and what belongs to it, under a heading of their own.
void declare_custom_network(Options& options, RetrainOptions& run);

// nullopt: the options agree, and there is such a network as far as can be told without opening a
// file. Else the error is printed and this is the exit code.
std::optional<int> check_network(const Options& options, const RetrainOptions& run,
                                 Console& console);

}  // namespace graft
