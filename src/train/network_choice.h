// Which network a run trains on top of. Thread rule: one call at a time.
#pragma once

#include <optional>

#include "base/result.h"
#include "model/backbone.h"
#include "model/spec.h"
#include "train/observer.h"
#include "train/retrain.h"

namespace graft {

struct ChosenNetwork {
  ModelSpec spec;                    // with the feature that was asked for
  std::optional<Backbone> backbone;  // the user's own; one of all_models() is still to be opened
};

// options.custom where given, else options.architecture with options.feature. Says through the
// observer what was found in a graph of the user's own. Errors: find_model's, with_feature's,
// open_custom_network's; kInvalidArgument: text files of a feature that TensorFlow's script does
// not take, or --feature for a graph of the user's own.
Result<ChosenNetwork> choose_network(const RetrainOptions& options, RunObserver& observer);

BackboneOptions backbone_options(const RetrainOptions& options);

}  // namespace graft
