#include "train/training_loop.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"
#include "data/sampler.h"
#include "train/distorted_batches.h"
#include "train/run_log.h"

namespace graft {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
constexpr Seconds kCheckpointPeriod{5};

class TrainingLoop {
 public:
  TrainingLoop(const TrainingJob& job, RunObserver& observer, std::stop_token stop)
      : job_(job),
        options_(job.options),
        observer_(observer),
        stop_(std::move(stop)),
        steps_(static_cast<std::uint64_t>(job.options.how_many_training_steps)),
        training_(job.dataset, Split::kTraining, job.options.seed),
        validation_(job.dataset, Split::kValidation, job.options.seed),
        trainer_(starting_head(job), job.options.learning_rate) {
    if (job.run.checkpoint()) step_ = first_ = job.run.checkpoint()->step;
    if (options_.distortion.any()) {
      DecodeOptions decode;
      decode.apply_exif_orientation = options_.apply_exif_orientation;
      distorted_ = std::make_unique<DistortedBatches>(job.dataset, job.table, *job.backbone, decode,
                                                      options_.distortion, options_.augment_cache,
                                                      options_.seed, job.threads);
    }
  }

  Result<Head> run() {
    GRAFT_ASSIGN(log_, RunLog::create(job_.run, job_.event_graph, job_.threads));
    for (; step_ < steps_; ++step_) {
      if (stop_.stop_requested()) return stopped();
      if (!next_batch()) return stopped();
      GRAFT_TRY(train());
      const bool last = step_ + 1 == steps_;
      if (last || step_ % static_cast<std::uint64_t>(options_.eval_step_interval) == 0) {
        GRAFT_TRY(evaluate());
      }
      const auto frequency = static_cast<std::uint64_t>(options_.intermediate_store_frequency);
      if (frequency > 0 && step_ > 0 && step_ % frequency == 0) {
        observer_.on_message(
            "Save intermediate result to : " + printable(options_.intermediate_output_graphs_dir) +
            "/intermediate_" + std::to_string(step_) + ".pb");
        GRAFT_TRY(job_.save_intermediate(trainer_.head(), static_cast<int>(step_)));
      }
      if (Clock::now() - last_checkpoint_ >= kCheckpointPeriod) GRAFT_TRY(checkpoint(step_ + 1));
      report_progress(last);
    }
    GRAFT_TRY(log_->close());
    return Head{trainer_.head().weights.clone(), trainer_.head().biases.clone()};
  }

 private:
  static Head starting_head(const TrainingJob& job) {
    if (job.run.checkpoint()) return std::move(job.run.checkpoint()->head);
    return initial_head(static_cast<int>(job.table.width()),
                        static_cast<int>(job.dataset.classes.size()), job.options.seed);
  }

  bool next_batch() {
    const auto examples = training_.sample(step_, options_.train_batch_size);
    if (distorted_) return distorted_->fill(step_, examples, observer_, stop_, batch_);
    batch_ = batch_of(job_.table, job_.dataset, examples);
    return true;
  }

  Result<void> train() {
    RunLog::Record& record = next_record(RunLog::File::kTraining);
    record.set_head(trainer_.head());
    const BatchResult result = trainer_.step(batch_);
    if (!std::isfinite(result.cross_entropy)) return diverged();
    record.set_batch(trainer_, result);
    return log_->add();
  }

  RunLog::Record& next_record(RunLog::File file) {
    RunLog::Record& record = log_->next();
    record.file = file;
    record.step = static_cast<std::int64_t>(step_);
    return record;
  }

  Result<void> evaluate() {
    const BatchResult train = trainer_.evaluate(batch_);
    if (!std::isfinite(train.cross_entropy)) return diverged();
    keep_good();
    EvaluationReport report;
    report.step = static_cast<int>(step_);
    report.train_accuracy = train.accuracy;
    report.cross_entropy = train.cross_entropy;
    const auto examples = validation_.sample(step_, options_.validation_batch_size);
    if (!examples.empty()) {
      const BatchResult result = trainer_.evaluate(batch_of(job_.table, job_.dataset, examples));
      report.has_validation = true;
      report.validation_accuracy = result.accuracy;
      report.validation_count = examples.size();
      RunLog::Record& record = next_record(RunLog::File::kValidation);
      record.set_head(trainer_.head());
      record.set_batch(trainer_, result);
      GRAFT_TRY(log_->add());
    }
    observer_.on_evaluation(report);
    return {};
  }

  void keep_good() {
    good_step_ = step_ + 1;
    good_head_ = Head{trainer_.head().weights.clone(), trainer_.head().biases.clone()};
  }

  Error diverged() {
    std::string kept;
    if (good_step_ > 0) {
      const auto saved =
          save_checkpoint(job_.run.checkpoint_file(), job_.fingerprint, good_step_, good_head_);
      kept = saved.ok() ? " (the state after step " + std::to_string(good_step_ - 1) +
                              " is kept in " + printable(job_.run.checkpoint_file()) + ")"
                        : "";
    }
    (void)log_->flush();
    std::array<char, 32> rate{};
    std::snprintf(rate.data(), rate.size(), "%g", static_cast<double>(options_.learning_rate));
    return invalid_argument("training: the loss is not a number any more at step " +
                            std::to_string(step_) + kept + ": lower --learning_rate (now " +
                            rate.data() + ")");
  }

  // Behind the log of these steps: who goes on from here finds them there.
  Result<void> checkpoint(std::uint64_t steps_done) {
    GRAFT_TRY(log_->flush());
    last_checkpoint_ = Clock::now();
    return save_checkpoint(job_.run.checkpoint_file(), job_.fingerprint, steps_done,
                           trainer_.head());
  }

  Error stopped() {
    if (auto saved = checkpoint(step_); !saved.ok()) return saved.error();
    if (auto closed = log_->close(); !closed.ok()) return closed.error();
    return cancelled("stopped after " + format_count(step_) + " of " + format_count(steps_) +
                     " steps: saved in " + printable(job_.run.path()) +
                     ": the same command goes on from there");
  }

  void report_progress(bool last) {
    const auto now = Clock::now();
    if (!last && now - last_progress_ < kProgressPeriod) return;
    last_progress_ = now;
    // Of this sitting, so that a rate taken from it is right after a resume.
    observer_.on_progress(
        {"training", step_ + 1 - first_, steps_ - first_, Seconds(now - began_).count()});
  }

  const TrainingJob& job_;
  const RetrainOptions& options_;
  RunObserver& observer_;
  std::stop_token stop_;
  const std::uint64_t steps_;
  const BatchSampler training_, validation_;
  HeadTrainer trainer_;
  std::unique_ptr<DistortedBatches> distorted_;
  std::unique_ptr<RunLog> log_;
  Batch batch_;
  std::uint64_t step_ = 0, first_ = 0;
  std::uint64_t good_step_ = 0;  // steps behind good_head_; 0: none yet
  Head good_head_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point last_checkpoint_ = began_, last_progress_ = began_;
};

}  // namespace

Batch batch_of(const FeatureTable& table, const Dataset& dataset,
               std::span<const std::size_t> examples) {
  Batch batch;
  batch.rows.reserve(examples.size());
  batch.labels.reserve(examples.size());
  for (const std::size_t i : examples) {
    batch.rows.push_back(table.row(i).data());
    batch.labels.push_back(dataset.examples[i].label);
  }
  return batch;
}

Hash128 training_fingerprint(const RetrainOptions& options, const Dataset& dataset,
                             const FeatureTable& table) {
  const Distortion& d = options.distortion;
  std::array<char, 512> text{};
  std::snprintf(
      text.data(), text.size(),
      "graft training 1: seed=%llu steps=%d rate=%a batch=%d validation=%d every=%d "
      "flip=%d crop=%d scale=%d brightness=%d variants=%d exif=%d classes=%zu width=%zu\n",
      static_cast<unsigned long long>(options.seed), options.how_many_training_steps,
      static_cast<double>(options.learning_rate), options.train_batch_size,
      options.validation_batch_size, options.eval_step_interval, d.flip_left_right ? 1 : 0,
      d.random_crop, d.random_scale, d.random_brightness, options.augment_cache,
      options.apply_exif_orientation ? 1 : 0, dataset.classes.size(), table.width());
  std::string all = text.data();
  if (options.precision == Precision::kInt8) all += "precision=int8\n";
  if (options.decode_rule == DecodeRule::kAreaMean) all += "decode=fast\n";
  for (const Class& c : dataset.classes) all += c.label + "\n";
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const Example& example = dataset.examples[i];
    all += hex(xxh3_128(std::as_bytes(table.row(i))).bytes) + " " + std::to_string(example.label) +
           " " + std::string(name_of(example.split)) + "\n";
  }
  return xxh3_128(as_bytes(all));
}

Result<Head> train_head(const TrainingJob& job, RunObserver& observer, std::stop_token stop) {
  return TrainingLoop(job, observer, std::move(stop)).run();
}

}  // namespace graft
