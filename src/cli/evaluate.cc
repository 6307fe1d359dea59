// graft evaluate: how good a classifier is on photos whose classes are known by their folders.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/run_console.h"
#include "data/dataset.h"
#include "model/classifier.h"
#include "train/evaluation.h"

namespace graft {
namespace {

enum class SplitChoice { kTesting, kValidation, kTraining, kAll };

struct EvaluateFlags {
  ClassifierOptions classifier;
  ScanOptions scan;
  SplitChoice split = SplitChoice::kTesting;
  std::string predictions;
  int threads = 0;
  bool csv = false, json = false;
};

void declare(Options& options, EvaluateFlags& flags) {
  flags.classifier.graph_path = "tf_files/retrained_graph.pb";
  options.group("Photos");
  options.text("image_dir", flags.scan.image_dir, "DIR",
               "Folder of photos, one subfolder a class.");
  options.choice<SplitChoice>(
      "split", flags.split,
      {{"testing", SplitChoice::kTesting},
       {"validation", SplitChoice::kValidation},
       {"training", SplitChoice::kTraining},
       {"all", SplitChoice::kAll}},
      "Which photos: only those that `graft retrain` kept for the final test, which is honest on "
      "the folder it was trained on, or all, for a folder it has never seen.");
  options.number("testing_percentage", flags.scan.split.testing_percentage,
                 "As in the training. Decides the split, as do the next three.", 0, 100);
  options.number("validation_percentage", flags.scan.split.validation_percentage,
                 "As in the training.", 0, 100);
  options.choice<SplitKey>("split_key", flags.scan.split.key,
                           {{"path", SplitKey::kPath}, {"relative", SplitKey::kRelative}},
                           "As in the training. With path, spell --image_dir as it was there.");
  options.integer("split_seed", flags.scan.split.seed, "As in the training.");

  options.group("Classifier");
  ClassifierOptions& c = flags.classifier;
  options.text("graph", c.graph_path, "FILE", "The trained graph.");
  options.text("labels", c.labels_path, "FILE",
               "Labels, one a line. Without it, those saved with the graph.");
  options.integer("input_height", c.input_height, "For graphs without a side file.", 1, 8192);
  options.integer("input_width", c.input_width, "For graphs without a side file.", 1, 8192);
  options.number("input_mean", c.input_mean, "For graphs without a side file.", -1e6, 1e6);
  options.number("input_std", c.input_std, "For graphs without a side file.", 1e-6, 1e6);
  options.text("input_layer", c.input_layer, "NAME", "For graphs without a side file.");
  options.text("output_layer", c.output_layer, "NAME", "For graphs without a side file.");
  options.text("backend", c.backend, "NAME", "Force one kernel library; `reference` is slow.");
  options.integer("threads", flags.threads, "Threads; 0: one a core.", 0, 4096);

  options.group("Output");
  options.flag("csv", flags.csv, "The confusion matrix as CSV.");
  options.flag("json", flags.json, "Everything as one JSON object.");
  options.text("predictions", flags.predictions, "FILE",
               "Also write every photo's true and predicted label and score to this CSV file.");
  options.example("graft evaluate --image_dir=tf_files/flower_photos",
                  "On the photos that the training kept aside");
  options.example("graft evaluate --image_dir=new_photos --split=all --json > quality.json",
                  "On photos that the training never saw");
}

bool in_split(const Example& example, SplitChoice choice) {
  switch (choice) {
    case SplitChoice::kTesting:
      return example.split == Split::kTesting;
    case SplitChoice::kValidation:
      return example.split == Split::kValidation;
    case SplitChoice::kTraining:
      return example.split == Split::kTraining;
    case SplitChoice::kAll:
      break;
  }
  return true;
}

std::string describe(SplitChoice choice) {
  switch (choice) {
    case SplitChoice::kTesting:
      return "the testing split: photos that the training kept aside, if its split options were "
             "these (--split=all for a folder it has never seen)";
    case SplitChoice::kValidation:
      return "the validation split: photos that the training looked at, but did not learn from";
    case SplitChoice::kTraining:
      return "the training split: photos that it learned from, so the figures flatter";
    case SplitChoice::kAll:
      break;
  }
  return "all photos of the folder: honest only if the training never saw them";
}

// The classifier's label of each class folder; -1 where it has none.
std::vector<std::int32_t> match_labels(const Dataset& dataset,
                                       const std::vector<std::string>& labels) {
  std::vector<std::int32_t> matched;
  for (const Class& c : dataset.classes) {
    std::int32_t found = -1;
    for (const LabelRule rule : {LabelRule::kVerbatim, LabelRule::kOriginal}) {
      const std::string label = label_of(c.folder, rule);
      // A graph keeps its labels printable.
      auto at = std::find(labels.begin(), labels.end(), label);
      if (at == labels.end()) at = std::find(labels.begin(), labels.end(), printable(label));
      if (at != labels.end()) found = static_cast<std::int32_t>(at - labels.begin());
    }
    matched.push_back(found);
  }
  return matched;
}

struct Job {
  std::string path;
  std::int32_t truth = 0;
};

struct Outcome {
  ScoredExample example;
  std::string error;  // not empty: not scored
};

Outcome score(const Job& job, const Classifier& classifier,
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
std::vector<Outcome> score_all(const std::vector<Job>& jobs, const Classifier& classifier,
                               int threads, Console& console, std::stop_token stop) {
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

// The photos to score; kInvalidArgument says why there are none.
Result<std::vector<Job>> choose_jobs(const Dataset& dataset, const EvaluateFlags& flags,
                                     const Classifier& classifier, Console& console) {
  const std::vector<std::int32_t> matched = match_labels(dataset, classifier.labels());
  bool any = false;
  for (std::size_t i = 0; i < matched.size(); ++i) {
    any = any || matched[i] >= 0;
    if (matched[i] < 0) {
      console.warning("class folder " + printable(dataset.classes[i].folder) +
                      ": the classifier has no such label: its photos are left out");
    }
  }
  if (!any) {
    return invalid_argument(printable(flags.scan.image_dir) +
                            ": no class folder is called as one of the classifier's labels (" +
                            printable(classifier.labels().front()) +
                            ", ...): give the folder "
                            "whose subfolders are the classes");
  }
  std::vector<Job> jobs;
  for (const Example& example : dataset.examples) {
    const std::int32_t truth = matched[static_cast<std::size_t>(example.label)];
    if (truth >= 0 && in_split(example, flags.split)) jobs.push_back({example.path, truth});
  }
  if (jobs.empty()) {
    return invalid_argument(printable(flags.scan.image_dir) +
                            ": no photo is in this split: give --split=all, or more photos");
  }
  return jobs;
}

}  // namespace

int run_evaluate(Arguments arguments, Console& console) {
  EvaluateFlags flags;
  Options options("evaluate", "measure how good a classifier is, class by class");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  if (flags.csv && flags.json) {
    return console.fail(invalid_argument("--csv, --json: both given: choose one"));
  }
  if (flags.scan.image_dir.empty()) {
    return console.fail(invalid_argument(
        "--image_dir: not given: name the folder that has one subfolder of photos a class"));
  }
  if (!flags.predictions.empty()) {
    if (const auto writable = check_writable(flags.predictions); !writable.ok()) {
      return console.fail(writable.error());
    }
  }

  const Interrupt interrupt;
  const Result<Classifier> classifier = Classifier::load(flags.classifier);
  if (!classifier.ok()) return console.fail(classifier.error());
  for (const std::string& warning : classifier->warnings()) console.warning(warning);
  Result<Dataset> dataset = scan_image_folder(flags.scan);
  if (!dataset.ok()) return console.fail(dataset.error());
  const Result<std::vector<Job>> jobs = choose_jobs(*dataset, flags, *classifier, console);
  if (!jobs.ok()) return console.fail(jobs.error());
  console.message("Evaluating on " + format_count(jobs->size()) + " of " +
                  format_count(dataset->examples.size()) + " photos: " + describe(flags.split));

  const int threads = flags.threads > 0 ? flags.threads : available_cores();
  const std::vector<Outcome> outcomes =
      score_all(*jobs, *classifier, threads, console, interrupt.token());
  console.clear_progress();
  if (outcomes.size() < jobs->size()) {
    return console.fail(cancelled("interrupted: " + format_count(outcomes.size()) + " of " +
                                  format_count(jobs->size()) +
                                  " photos were scored: nothing is reported from a part"));
  }
  std::vector<ScoredExample> scored;
  std::vector<Skipped> skipped = dataset->skipped;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].error.empty()) {
      scored.push_back(outcomes[i].example);
    } else {
      skipped.push_back({(*jobs)[i].path, outcomes[i].error});
    }
  }
  report_skipped(console, skipped, flags.json ? "all are in the JSON" : "--json lists all");
  const Evaluation evaluation = evaluate(classifier->labels(), scored);
  if (!flags.predictions.empty()) {
    if (const auto written = write_predictions(flags.predictions, scored, classifier->labels());
        !written.ok()) {
      return console.fail(written.error());
    }
    console.message("Written: " + printable(flags.predictions));
  }
  if (flags.json) {
    Json json = to_json(evaluation);
    json["graph"] = printable(flags.classifier.graph_path);
    json["preprocessing"] = printable(classifier->preprocessing());
    json["options"] = options.values();
    json["skipped"] = to_json(skipped);
    console.print(dump_json(json) + "\n");
  } else {
    console.print(flags.csv ? to_csv(evaluation) : to_text(evaluation));
  }
  return scored.empty() ? 1 : 0;
}

}  // namespace graft
