// What comes after the last step: the final test, the written graph, and the proof that it answers
// as the trained head does. Thread rule: one call at a time.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "data/dataset.h"
#include "model/backbone.h"
#include "model/export.h"
#include "model/head.h"
#include "train/evaluation.h"
#include "train/features.h"
#include "train/retrain.h"

namespace graft {

std::vector<std::string> labels_of(const Dataset& dataset);

// The test split (or a random batch of --test_batch_size of it) through the head.
Evaluation final_test(const RetrainOptions& options, const Dataset& dataset,
                      const FeatureTable& table, const Head& head);

struct GraphMaker {
  const RetrainOptions& options;
  const ModelSpec& spec;
  const wire::GraphDef* backbone_def = nullptr;  // null: the head alone
  std::string backbone_fingerprint;              // empty with the head alone
  std::vector<std::string> labels;
  ActivationRanges int8_ranges;  // Backbone::ranges

  // The graph with this head and its side file, at `path`. Returns the file's SHA-256.
  Result<std::string> save(const Head& head, const std::string& path) const;
  // The same graph for TensorBoard: constants of more than 1 KiB are left out. Serialised.
  // kInvalidArgument: --final_tensor_name cannot be used (docs of build_retrained_graph).
  Result<std::string> event_graph(const Head& head) const;
};

// Loads the graph at options.output_graph again and compares: the head on cached features, and a
// few photos from their files to their scores. kCorrupt names the largest difference when it is
// more than rounding explains. Both at once with threads > 1.
Result<void> verify_graph(const RetrainOptions& options, const Dataset& dataset,
                          const Features& features, Backbone* backbone, const Head& head,
                          int threads);

}  // namespace graft
