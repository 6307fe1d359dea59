// The steps of a run: batches, gradient descent, logs, evaluations, checkpoints.
// Thread rule: one call at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "data/dataset.h"
#include "model/backbone.h"
#include "train/features.h"
#include "train/head_trainer.h"
#include "train/observer.h"
#include "train/retrain.h"
#include "train/run_directory.h"

namespace graft {

struct TrainingJob {
  const RetrainOptions& options;
  const Dataset& dataset;
  const FeatureTable& table;
  const Backbone* backbone = nullptr;  // compiled; only distortions need it
  RunDirectory& run;
  Hash128 fingerprint;
  const std::string& event_graph;  // serialised, for TensorBoard's graph page
  int threads = 1;
  // Saves the graph of --intermediate_store_frequency.
  std::function<Result<void>(const Head& head, int step)> save_intermediate;
};

// A text of everything that the training's result depends on, hashed: see
// docs/formats/checkpoint.md.
Hash128 training_fingerprint(const RetrainOptions& options, const Dataset& dataset,
                             const FeatureTable& table);

// From the run directory's checkpoint, or from step 0, to the last step. Errors: kCancelled after a
// stop request, with a checkpoint saved; kInvalidArgument when the loss is not finite, naming the
// step; kIo when a log, a checkpoint or an intermediate graph cannot be written.
Result<Head> train_head(const TrainingJob& job, RunObserver& observer, std::stop_token stop);

Batch batch_of(const FeatureTable& table, const Dataset& dataset,
               std::span<const std::size_t> examples);

}  // namespace graft
