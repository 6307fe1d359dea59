// Opens the network of a run. Thread rule: one call at a time.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "base/result.h"
#include "model/backbone.h"
#include "model/spec.h"
#include "train/observer.h"
#include "train/retrain.h"

namespace graft {

// Calls `scan`, which lists the run's photos, on a thread of its own, and opens the network
// meanwhile if its file is at hand: hashed and parsed, and compiled when nothing at all is cached
// in options.bottleneck_dir. nullopt: not at hand, something is wrong with it, which open_network()
// says, or the run has one thread, and it was left to open_network(). Errors: scan's.
Result<std::optional<Backbone>> network_at_hand(const ModelSpec& spec,
                                                const RetrainOptions& options,
                                                const std::function<Result<void>()>& scan);

// The network; what is not at hand is downloaded if options.allow_download. Errors: open_model's.
Result<Backbone> open_network(const ModelSpec& spec, const RetrainOptions& options,
                              RunObserver& observer, const std::stop_token& stop);

}  // namespace graft
