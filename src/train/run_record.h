// run.json: what a run was asked, what it ran on, what came of it. Layout:
// docs/formats/run_json.md. Thread rule: one thread at a time.
#pragma once

#include <string>

#include "base/hash.h"
#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"
#include "model/backbone.h"
#include "train/features.h"
#include "train/retrain.h"

namespace graft {

// Every field by its name.
Json to_json(const FeatureStats& stats);

class RunRecord {
 public:
  // What is known before the first step; state "running".
  RunRecord(std::string path, const Json& option_values, const RetrainOptions& options,
            const Hash128& fingerprint, int threads);
  void describe_photos(const Dataset& dataset, const FeatureStats& stats,
                       const std::string& feature_space);
  void describe_network(const ModelSpec& spec, const Backbone* backbone);
  void resumed_at(std::uint64_t step) { json_["resumed_at_step"] = step; }

  // Each writes the file, atomically.
  Result<void> write_running();
  Result<void> write_stopped(const Error& error);  // "interrupted" or "failed", with the message
  Result<void> write_finished(const RetrainResult& result);

 private:
  Result<void> write(const char* state);
  std::string path_;
  Json json_;
};

}  // namespace graft
