#include "train/retrain.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/text_cache.h"
#include "model/export.h"
#include "train/calibration.h"
#include "train/finish.h"
#include "train/network_choice.h"
#include "train/network_opening.h"
#include "train/retrain_options.h"
#include "train/run_directory.h"
#include "train/run_record.h"
#include "train/training_loop.h"

namespace graft {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

class Retraining {
 public:
  Retraining(const RetrainOptions& options, const Json& option_values, RunObserver& observer,
             std::stop_token stop)
      : options_(options),
        option_values_(option_values),
        observer_(observer),
        stop_(std::move(stop)),
        threads_(thread_count(options.threads)) {}

  Result<RetrainResult> run() {
    GRAFT_TRY(check_options(options_));
    GRAFT_TRY(choose());
    GRAFT_TRY(check_places(options_));
    GRAFT_TRY(scan_and_open());
    GRAFT_TRY(make_graph_maker());
    GRAFT_TRY(extract());
    GRAFT_ASSIGN(RunDirectory directory, choose_directory());
    RunRecord record(directory.run_json(), option_values_, options_, fingerprint_, threads_);
    record.describe_network(spec_, backbone());
    record.describe_photos(dataset_, features_->stats, features_->space);
    if (result_.resumed) record.resumed_at(directory.checkpoint()->step);
    GRAFT_TRY(record.write_running());
    auto done = train_and_finish(directory);
    if (!done.ok()) {
      // The reason counts; that it could not be recorded is said beside it.
      const auto recorded = record.write_stopped(done.error());
      if (!recorded.ok()) observer_.on_warning(recorded.error().message);
      return std::move(done).error();
    }
    result_.seconds_total = seconds_since(began_);
    GRAFT_TRY(record.write_finished(result_));
    std::remove(directory.checkpoint_file().c_str());
    return std::move(result_);
  }

 private:
  // As the user spells it, which is what TensorFlow's text files are called after.
  const std::string& network_name() const {
    return options_.custom.is_given() ? spec_.architecture : options_.architecture;
  }
  Backbone* backbone() { return backbone_ ? &*backbone_ : nullptr; }

  ScanOptions scan_options() const {
    return {options_.image_dir,
            {options_.testing_percentage, options_.validation_percentage, options_.split_key,
             options_.split_seed},
            options_.labels};
  }

  Result<void> scan() {
    auto scanned = scan_image_folder(scan_options());
    if (!scanned.ok() && scanned.error().kind == ErrorKind::kNotFound && spec_.has_text_caches) {
      // The codelab's step 3.4: cached features from someone else, and no photos.
      auto cached = scan_text_caches(options_.bottleneck_dir, network_name(), scan_options());
      if (cached.ok()) {
        observer_.on_warning(printable(options_.image_dir) +
                             ": there are no photos: training on the cached features in " +
                             printable(options_.bottleneck_dir) + " alone");
        scanned = std::move(cached);
      }
    }
    if (!scanned.ok()) return std::move(scanned).error();
    dataset_ = std::move(scanned).value();
    for (const Class& c : dataset_.classes) {
      observer_.on_message("Looking for images in '" + printable(c.folder) + "'");
    }
    return {};
  }

  Result<void> choose() {
    GRAFT_ASSIGN(ChosenNetwork chosen, choose_network(options_, observer_));
    spec_ = std::move(chosen.spec);
    backbone_ = std::move(chosen.backbone);
    return {};
  }

  Result<void> scan_and_open() {
    if (backbone_) return scan();  // the user's own network
    GRAFT_ASSIGN(backbone_, network_at_hand(spec_, options_, [this] { return scan(); }));
    if (backbone_) return {};
    auto opened = open_network(spec_, options_, observer_, stop_);
    if (opened.ok()) {
      backbone_ = std::move(opened).value();
      return {};
    }
    if (opened.error().kind == ErrorKind::kCancelled) return std::move(opened).error();
    return do_without_network(std::move(opened).error());
  }

  // Cached features for most photos make the network dispensable, but for the graph.
  Result<void> do_without_network(Error why) {
    if (!spec_.has_text_caches) return why;
    std::size_t cached = 0;
    for (const Example& example : dataset_.examples) {
      cached += exists(text_cache_path(options_.bottleneck_dir, example.folder, example.file,
                                       network_name()))
                    ? 1
                    : 0;
    }
    if (options_.distortion.any() || 2 * cached < dataset_.examples.size() || cached == 0) {
      if (cached > 0) {
        why.message += " (" + format_count(cached) + " of " +
                       format_count(dataset_.examples.size()) + " photos have cached features)";
      }
      return why;
    }
    observer_.on_warning(why.message);
    observer_.on_warning(printable(options_.output_graph) +
                         ": without the network's file, only "
                         "the new last layer will be written, which cannot classify photos: put "
                         "the file into --model_dir and run again for the whole classifier");
    return {};
  }

  // Before any work, because it finds a --final_tensor_name that cannot be.
  Result<void> make_graph_maker() {
    const wire::GraphDef* def = nullptr;
    if (backbone_) {
      GRAFT_ASSIGN(def, backbone_->graph_def());
    }
    graphs_ = std::make_unique<GraphMaker>(
        GraphMaker{options_, spec_, def, backbone_ ? backbone_->fingerprint() : "",
                   labels_of(dataset_), backbone_ ? backbone_->ranges() : ActivationRanges()});
    const int classes = static_cast<int>(dataset_.classes.size());
    const Head untrained{Tensor(DType::kF32, Shape{spec_.feature_width, classes}),
                         Tensor(DType::kF32, Shape{classes})};
    GRAFT_ASSIGN(event_graph_, graphs_->event_graph(untrained));
    return {};
  }

  Result<void> extract() {
    const std::size_t classes = dataset_.classes.size();
    if (backbone_) {
      GRAFT_TRY(
          calibrate(*backbone_, dataset_, options_.bottleneck_dir, threads_, observer_, stop_));
      graphs_->int8_ranges = backbone_->ranges();
    }
    const FeatureOptions options{options_.bottleneck_dir, options_.bottleneck_format, threads_};
    auto features =
        extract_features(dataset_, backbone(), network_name(), options, observer_, stop_);
    if (!features.ok()) return std::move(features).error();
    features_ = std::move(features).value();
    if (features_->table.width() != static_cast<std::size_t>(spec_.feature_width)) {
      return corrupt(printable(options_.bottleneck_dir) + ": the cached features have " +
                     format_count(features_->table.width()) + " values, but those of " +
                     spec_.architecture + " have " + std::to_string(spec_.feature_width) +
                     ": they belong to another network, give its --architecture");
    }
    for (const std::string& warning : dataset_.warnings) observer_.on_warning(warning);
    GRAFT_TRY(check_training_split());
    if (dataset_.classes.size() != classes) GRAFT_TRY(make_graph_maker());
    if (options_.distortion.any()) GRAFT_TRY(backbone_->compile());
    result_.labels = labels_of(dataset_);
    result_.features = features_->stats;
    result_.seconds_features = features_->stats.seconds;
    result_.skipped = dataset_.skipped;
    result_.has_backbone = backbone_.has_value();
    return {};
  }

  Result<void> check_training_split() const {
    std::vector<bool> trained(dataset_.classes.size());
    for (const Example& example : dataset_.examples) {
      if (example.split == Split::kTraining)
        trained[static_cast<std::size_t>(example.label)] = true;
    }
    if (std::count(trained.begin(), trained.end(), true) >= 2) return {};
    return invalid_argument(printable(options_.image_dir) +
                            ": fewer than two classes have a photo to train on: add photos, or "
                            "lower --testing_percentage and --validation_percentage");
  }

  Result<RunDirectory> choose_directory() {
    fingerprint_ = training_fingerprint(options_, dataset_, features_->table);
    GRAFT_ASSIGN(RunDirectory directory,
                 RunDirectory::choose(options_.summaries_dir, fingerprint_, options_.resume));
    for (const std::string& warning : directory.warnings()) observer_.on_warning(warning);
    auto& checkpoint = directory.checkpoint();
    const auto fits = [&](const Checkpoint& c) {
      return c.step <= static_cast<std::uint64_t>(options_.how_many_training_steps) &&
             c.head.features() == spec_.feature_width &&
             c.head.classes() == static_cast<int>(dataset_.classes.size());
    };
    if (checkpoint && !fits(*checkpoint)) checkpoint.reset();
    if (checkpoint) {
      result_.resumed = true;
      observer_.on_message("Going on in " + printable(directory.path()) + " after step " +
                           format_count(checkpoint->step));
    }
    result_.run_dir = directory.path();
    result_.run_json = directory.run_json();
    result_.bottleneck_dir = options_.bottleneck_dir;
    return directory;
  }

  Result<void> train_and_finish(RunDirectory& directory) {
    const auto began = Clock::now();
    const TrainingJob job{
        options_,
        dataset_,
        features_->table,
        backbone(),
        directory,
        fingerprint_,
        event_graph_,
        threads_,
        [this](const Head& head, int step) -> Result<void> {
          const std::string name = "intermediate_" + std::to_string(step) + ".pb";
          GRAFT_TRY(graphs_->save(head, join_path(options_.intermediate_output_graphs_dir, name)));
          return {};
        }};
    GRAFT_ASSIGN(const Head head, train_head(job, observer_, stop_));
    result_.steps = options_.how_many_training_steps;
    result_.seconds_training = seconds_since(began);

    result_.test = final_test(options_, dataset_, features_->table, head);
    GRAFT_ASSIGN(result_.graph_sha256, graphs_->save(head, options_.output_graph));
    GRAFT_TRY(save_labels(result_.labels, options_.output_labels));
    GRAFT_TRY(verify_graph(options_, dataset_, *features_, backbone(), head, threads_));
    result_.output_graph = options_.output_graph;
    result_.side_file = side_file_path(options_.output_graph);
    result_.output_labels = options_.output_labels;
    return {};
  }

  const RetrainOptions& options_;
  const Json& option_values_;
  RunObserver& observer_;
  std::stop_token stop_;
  const int threads_;
  const Clock::time_point began_ = Clock::now();
  ModelSpec spec_;
  Dataset dataset_;
  std::optional<Backbone> backbone_;
  std::unique_ptr<GraphMaker> graphs_;
  std::string event_graph_;
  std::optional<Features> features_;
  Hash128 fingerprint_;
  RetrainResult result_;
};

}  // namespace

Result<RetrainResult> retrain(const RetrainOptions& options, const Json& option_values,
                              RunObserver& observer, std::stop_token stop) {
  return Retraining(options, option_values, observer, std::move(stop)).run();
}

}  // namespace graft
