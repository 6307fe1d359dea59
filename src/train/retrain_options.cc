#include "train/retrain_options.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "model/export.h"

namespace graft {
namespace {

Result<void> at_least(const char* flag, int value, int smallest) {
  if (value >= smallest) return {};
  return invalid_argument(std::string(flag) + ": " + std::to_string(value) + ": give " +
                          std::to_string(smallest) + " or more");
}

Result<void> all_or_positive(const char* flag, int value) {
  if (value == -1 || value >= 1) return {};
  return invalid_argument(std::string(flag) + ": " + std::to_string(value) +
                          ": give a number of photos, or -1 for all");
}

Result<void> check_file(const char* flag, const std::string& path) {
  if (path.empty()) {
    return invalid_argument(std::string(flag) + ": is empty: name a file");
  }
  if (is_directory(path)) {
    return invalid_argument(std::string(flag) + ": " + printable(path) +
                            ": is a folder: name a file");
  }
  auto writable = check_writable(path);
  if (!writable.ok()) return with_context(flag, std::move(writable).error());
  return {};
}

}  // namespace

Result<void> check_options(const RetrainOptions& options) {
  GRAFT_TRY(at_least("--how_many_training_steps", options.how_many_training_steps, 1));
  GRAFT_TRY(at_least("--eval_step_interval", options.eval_step_interval, 1));
  GRAFT_TRY(at_least("--train_batch_size", options.train_batch_size, 1));
  GRAFT_TRY(at_least("--intermediate_store_frequency", options.intermediate_store_frequency, 0));
  GRAFT_TRY(all_or_positive("--validation_batch_size", options.validation_batch_size));
  GRAFT_TRY(all_or_positive("--test_batch_size", options.test_batch_size));
  GRAFT_TRY(at_least("--random_crop", options.distortion.random_crop, 0));
  GRAFT_TRY(at_least("--random_scale", options.distortion.random_scale, 0));
  GRAFT_TRY(at_least("--random_brightness", options.distortion.random_brightness, 0));
  GRAFT_TRY(at_least("--augment_cache", options.augment_cache, 0));
  if (options.augment_cache > 0 && !options.distortion.any()) {
    return invalid_argument(
        "--augment_cache: there is nothing to vary: give --flip_left_right, --random_crop, "
        "--random_scale or --random_brightness with it");
  }
  if (options.decode_rule != DecodeRule::kTensorFlow && options.distortion.any()) {
    return invalid_argument(
        "--decode=fast: distorted photos are made of all their pixels, in the original's way: "
        "leave "
        "one of the two out");
  }
  GRAFT_TRY(at_least("--threads", options.threads, 0));
  if (!std::isfinite(options.learning_rate) || options.learning_rate <= 0) {
    return invalid_argument("--learning_rate: must be a number above 0: the original's is 0.01");
  }
  return check_percentages(
      {options.testing_percentage, options.validation_percentage, options.split_key, 0});
}

Result<void> check_places(const RetrainOptions& options) {
  GRAFT_TRY(check_file("--output_graph", options.output_graph));
  GRAFT_TRY(check_file("--output_graph", side_file_path(options.output_graph)));
  GRAFT_TRY(check_file("--output_labels", options.output_labels));
  const std::string graph = absolute_path(options.output_graph);
  const std::string labels = absolute_path(options.output_labels);
  if (graph == labels || absolute_path(side_file_path(options.output_graph)) == labels) {
    return invalid_argument("--output_labels: " + printable(options.output_labels) +
                            ": would overwrite what --output_graph writes: name another file");
  }
  if (options.summaries_dir.empty()) {
    return invalid_argument("--summaries_dir: is empty: name a folder for the logs");
  }
  if (options.bottleneck_dir.empty()) {
    return invalid_argument("--bottleneck_dir: is empty: name a folder for the cached features");
  }
  auto logs = check_writable(join_path(options.summaries_dir, "run.json"));
  if (!logs.ok()) return with_context("--summaries_dir", std::move(logs).error());
  if (options.intermediate_store_frequency > 0) {
    GRAFT_TRY(check_file("--intermediate_output_graphs_dir",
                         join_path(options.intermediate_output_graphs_dir, "intermediate_1.pb")));
  }
  return {};
}

}  // namespace graft
