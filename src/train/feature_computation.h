// Photos that no cache knows, through the network and into the store: one photo a thread, stored in
// batches as they come. Thread rule: one call at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/feature_cache.h"
#include "model/backbone.h"
#include "train/features.h"
#include "train/observer.h"

namespace graft {

struct FeatureJob {
  const Dataset& dataset;
  std::span<const std::size_t> examples;  // indices of dataset.examples to compute
  const Backbone& backbone;               // compiled
  FeatureCache& store;                    // writable; no snapshot of it may be held
  const FeatureOptions& options;
  const std::string& architecture;
  int threads = 1;
};

struct FeatureJobResult {
  // Aligned with FeatureJob::examples: what was computed is found in the store under the content
  // that was read then; nullopt for a photo that failed.
  std::vector<std::optional<Hash128>> content;
  std::vector<Skipped> failed;
  std::size_t corrupt_but_decoded = 0;
};

// At most about a second's work is not yet stored at any time. kCancelled after a stop request,
// kIo when the store or a text file cannot be written; what was stored by then stays.
Result<FeatureJobResult> compute_features(const FeatureJob& job, RunObserver& observer,
                                          std::stop_token stop);

}  // namespace graft
