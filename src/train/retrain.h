// The main job: a folder of photos → a trained, exported, verified classifier.
// Thread rule: one call at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"
#include "image/augment.h"
#include "model/backbone.h"
#include "model/custom_network.h"
#include "model/spec.h"
#include "train/evaluation.h"
#include "train/features.h"
#include "train/observer.h"

namespace graft {

// Names as retrain.py's flags. Defaults are the original's where it has sane ones.
struct RetrainOptions {
  std::string image_dir;
  std::string output_graph = "tf_files/retrained_graph.pb";
  std::string intermediate_output_graphs_dir = "tf_files/intermediate_graphs";
  int intermediate_store_frequency = 0;  // 0: none
  std::string output_labels = "tf_files/retrained_labels.txt";
  std::string summaries_dir = "tf_files/training_summaries";
  int how_many_training_steps = 4000;
  float learning_rate = 0.01F;
  double testing_percentage = 10, validation_percentage = 10;
  int eval_step_interval = 10;
  int train_batch_size = 100;
  int test_batch_size = -1;         // -1: all
  int validation_batch_size = 100;  // -1: all
  bool print_misclassified_test_images = false;
  std::string model_dir = "tf_files/models";
  std::string bottleneck_dir = "tf_files/bottlenecks";
  std::string final_tensor_name = "final_result";
  Distortion distortion;
  std::string architecture = "mobilenet_0.50_224";
  // Beyond the original.
  CustomNetwork custom;  // where given, in place of architecture
  FeatureKind feature = FeatureKind::kOriginal;
  Precision precision = Precision::kFloat32;
  int augment_cache = 0;  // distorted variants a photo; 0: a new distortion at every step
  std::uint64_t seed = 0;
  std::uint64_t split_seed = 0;
  SplitKey split_key = SplitKey::kPath;
  LabelRule labels = LabelRule::kOriginal;
  CacheFormat bottleneck_format = CacheFormat::kStore;
  std::string backend;
  int threads = 0;
  bool apply_exif_orientation = false;
  DecodeRule decode_rule = DecodeRule::kTensorFlow;
  bool resume = true;
  bool allow_download = true;
  std::vector<std::string> model_mirrors;  // as SourceOptions::mirrors
};

struct RetrainResult {
  int steps = 0;
  bool resumed = false;
  std::vector<std::string> labels;
  Evaluation test;  // final test
  std::string output_graph, output_labels, side_file, run_dir, run_json, bottleneck_dir;
  std::string graph_sha256;
  bool has_backbone = true;  // false: the head alone was exported (no model at hand)
  FeatureStats features;
  std::vector<Skipped> skipped;
  double seconds_features = 0, seconds_training = 0, seconds_total = 0;
};

// Order: check options and every place to be written; scan; model; features; train; test; export;
// load the written graph again and compare; run.json. option_values: every option as given, for
// run.json. Errors leave earlier outputs as they were. kCancelled: checkpoint saved, message says
// that the same command goes on.
Result<RetrainResult> retrain(const RetrainOptions& options, const Json& option_values,
                              RunObserver& observer, std::stop_token stop);

}  // namespace graft
