// graft evaluate: how good a classifier is on photos whose classes are known by their folders.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/classifier_options.h"
#include "cli/command.h"
#include "cli/evaluation_set.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/run_console.h"
#include "train/evaluation.h"

namespace graft {
namespace {

struct EvaluateFlags {
  ClassifierOptions classifier;
  EvaluationSetFlags set;
  std::vector<std::string> folders;
  std::string predictions;
  int threads = 0;
  FormFlags form;
};

void declare(Options& options, EvaluateFlags& flags) {
  options.arguments(flags.folders);
  declare_evaluation_set(options, flags.set);
  options.group("Classifier");
  declare_classifier(options, flags.classifier);
  options.integer("threads", flags.threads, "Threads; 0: one a core.", 0, 4096);
  options.group("Output");
  declare_form(options, flags.form,
               "the confusion matrix with each class's figures, one row a class.",
               "everything as one object.");
  options.text("predictions", flags.predictions, "FILE",
               "Also write every photo's true and predicted label and score to this CSV file.");
  declare_preprocessing(options, flags.classifier);
  options.example("graft evaluate tf_files/flower_photos",
                  "On the photos that the training kept aside");
  options.example("graft evaluate new_photos --json > quality.json",
                  "On photos that the training never saw");
}

struct Outcome {
  ScoredExample example;
  std::string error;  // not empty: not scored
};

Outcome score(const EvaluationSet::Photo& job, const Classifier& classifier,
              std::unique_ptr<Classifier::Session>& session, Bytes& bytes) {
  Outcome outcome;
  if (const Result<void> read = read_file(job.path, bytes); !read.ok()) {
    outcome.error = read.error().message;
    return outcome;
  }
  if (session == nullptr) session = classifier.make_session();
  const Result<std::vector<float>> scores = session->scores(bytes);
  if (!scores.ok()) {
    outcome.error = scores.error().message;
    return outcome;
  }
  const Prediction best = top_k(*scores, 1).front();
  outcome.example = {job.path, job.truth, best.label, best.score,
                     (*scores)[static_cast<std::size_t>(job.truth)]};
  return outcome;
}

// Outcomes of the jobs that were handed out before a stop, in job order.
std::vector<Outcome> score_all(const std::vector<EvaluationSet::Photo>& jobs,
                               const Classifier& classifier, int threads, Console& console,
                               const std::stop_token& stop) {
  struct Worker {
    std::unique_ptr<Classifier::Session> session;
    Bytes bytes;
  };
  std::vector<Outcome> outcomes(jobs.size());
  std::vector<Worker> workers(static_cast<std::size_t>(threads));
  std::mutex mutex;
  std::size_t done = 0;
  const auto start = std::chrono::steady_clock::now();
  const std::size_t handed_out =
      parallel_for(jobs.size(), threads, stop, [&](std::size_t item, int worker) {
        Worker& w = workers[static_cast<std::size_t>(worker)];
        outcomes[item] = score(jobs[item], classifier, w.session, w.bytes);
        const std::lock_guard lock(mutex);
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        console.progress({"Evaluating", ++done, jobs.size(), passed.count(), Unit::kPhotos});
      });
  outcomes.resize(handed_out);
  return outcomes;
}

Result<void> write_predictions(const std::string& path, const std::vector<ScoredExample>& examples,
                               const std::vector<std::string>& labels) {
  std::string csv = "path,truth,predicted,score,truth_score,correct\n";
  for (const ScoredExample& e : examples) {
    csv += csv_field(e.path) + "," + csv_field(labels[static_cast<std::size_t>(e.truth)]) + "," +
           csv_field(labels[static_cast<std::size_t>(e.predicted)]) + ",";
    append_float(csv, e.score);
    csv += ',';
    append_float(csv, e.truth_score);
    csv += e.truth == e.predicted ? ",1\n" : ",0\n";
  }
  return write_atomically(path, csv);
}

}  // namespace

int run_evaluate(Arguments arguments, Console& console) {
  EvaluateFlags flags;
  Options options("evaluate", "measure how good a classifier is, class by class", "[FOLDER]");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  const Result<Form> form = chosen_form(options, flags.form);
  if (!form.ok()) return console.fail(form.error());
  if (const auto taken =
          take_image_dir(options, "evaluate", flags.folders, flags.set.scan.image_dir);
      !taken.ok()) {
    return console.fail(taken.error());
  }
  if (!flags.predictions.empty()) {
    if (const auto writable = check_writable(flags.predictions); !writable.ok()) {
      return console.fail(writable.error());
    }
  }

  const Interrupt interrupt;
  const Result<Classifier> classifier = load_classifier(options, flags.classifier);
  if (!classifier.ok()) return console.fail(classifier.error());
  for (const std::string& warning : classifier->warnings()) console.warning(warning);
  Result<EvaluationSet> set =
      choose_photos(options, flags.set, flags.classifier.graph_path, classifier->labels(), console);
  if (!set.ok()) return console.fail(set.error());
  const std::vector<EvaluationSet::Photo>& photos = set->photos;
  console.message("Evaluating on " + format_count(photos.size()) + " of " +
                  format_count(set->in_folder) + " photos: " + printable(set->description));

  const int threads = thread_count(flags.threads);
  const std::vector<Outcome> outcomes =
      score_all(photos, *classifier, threads, console, interrupt.token());
  console.clear_progress();
  if (outcomes.size() < photos.size()) {
    return console.fail(cancelled("interrupted: " + format_count(outcomes.size()) + " of " +
                                  format_count(photos.size()) +
                                  " photos were scored: nothing is reported from a part"));
  }
  std::vector<ScoredExample> scored;
  std::vector<Skipped> skipped = std::move(set->skipped);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].error.empty()) {
      scored.push_back(outcomes[i].example);
    } else {
      skipped.push_back({photos[i].path, outcomes[i].error});
    }
  }
  report_skipped(console, skipped,
                 *form == Form::kJson ? "all are in the JSON" : "--json lists all");
  const Evaluation evaluation = evaluate(classifier->labels(), scored);
  if (!flags.predictions.empty()) {
    if (const auto written = write_predictions(flags.predictions, scored, classifier->labels());
        !written.ok()) {
      return console.fail(written.error());
    }
    console.message("Written: " + printable(flags.predictions));
  }
  if (*form == Form::kJson) {
    Json json = to_json(evaluation);
    json["graph"] = printable(flags.classifier.graph_path);
    json["preprocessing"] = printable(classifier->preprocessing());
    json["photos_chosen"] = printable(set->description);
    json["options"] = options.values();
    json["skipped"] = to_json(skipped);
    console.print(dump_json(json) + "\n");
  } else {
    console.print(*form == Form::kCsv ? to_csv(evaluation) : to_text(evaluation));
  }
  return scored.empty() ? 1 : 0;
}

}  // namespace graft
