#include "cli/evaluation_set.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/export.h"

namespace graft {
namespace {

// The split of the training that made this very graph, if that is known.
std::optional<SplitRecord> recorded_split(const std::string& graph_path) {
  auto side = read_side_file(graph_path);
  if (!side.ok() || !side->split) return std::nullopt;
  const auto graph = MappedFile::open(graph_path);
  if (!graph.ok() || side->graph_sha256 != hex(sha256(graph->bytes()))) return std::nullopt;
  return std::move(side->split);
}

// By its spelling, so that a whole project may be moved, or by what it leads to.
bool is_training_folder(const std::string& image_dir, const SplitRecord& record) {
  if (printable(image_dir) == record.image_dir) return true;
  if (printable(absolute_path(image_dir)) == record.absolute_image_dir) return true;
  std::error_code none;
  return std::filesystem::equivalent(image_dir, record.absolute_image_dir, none);
}

void keep_to(const SplitRecord& record, const Options& options, SplitOptions& split) {
  if (!options.given("testing_percentage")) split.testing_percentage = record.testing_percentage;
  if (!options.given("validation_percentage")) {
    split.validation_percentage = record.validation_percentage;
  }
  if (!options.given("split_key")) {
    split.key = record.split_key == "relative" ? SplitKey::kRelative : SplitKey::kPath;
  }
  if (!options.given("split_seed")) split.seed = record.split_seed;
}

std::string describe(SplitChoice choice, const std::optional<SplitRecord>& record, bool same) {
  const std::string unsure =
      record ? " of " + record->image_dir + "; this folder may hold photos that it learned from"
             : ", if the folder and its split options were these";
  switch (choice) {
    case SplitChoice::kTesting:
      return "the testing split, which the training kept aside" + (same ? "" : unsure);
    case SplitChoice::kValidation:
      return "the validation split, which the training looked at, but did not learn from" +
             (same ? "" : unsure);
    case SplitChoice::kTraining:
      return "the training split, which it learned from, so the figures flatter" +
             (same ? "" : unsure);
    case SplitChoice::kAuto:
    case SplitChoice::kAll:
      break;
  }
  if (same) return "all photos of the folder it was trained on, so the figures flatter";
  return "all photos of the folder: honest only if the training never saw them" +
         (record ? " (it saw " + record->image_dir + ")" : "");
}

bool is_in(Split split, SplitChoice choice) {
  switch (choice) {
    case SplitChoice::kTesting:
      return split == Split::kTesting;
    case SplitChoice::kValidation:
      return split == Split::kValidation;
    case SplitChoice::kTraining:
      return split == Split::kTraining;
    case SplitChoice::kAuto:
    case SplitChoice::kAll:
      break;
  }
  return true;
}

// The classifier's label of a class folder: the name itself, or what the original's rule makes of
// it. -1: it has none.
std::int32_t match_label(const std::string& folder, const std::vector<std::string>& labels) {
  for (const LabelRule rule : {LabelRule::kVerbatim, LabelRule::kOriginal}) {
    const std::string label = label_of(folder, rule);
    // A graph keeps its labels printable.
    for (const std::string& spelled : {label, printable(label)}) {
      const auto at = std::find(labels.begin(), labels.end(), spelled);
      if (at != labels.end()) return static_cast<std::int32_t>(at - labels.begin());
    }
  }
  return -1;
}

Result<std::vector<std::int32_t>> match_labels(const Dataset& dataset,
                                               const std::vector<std::string>& labels,
                                               Console& console) {
  std::vector<std::int32_t> matched;
  for (const Class& c : dataset.classes) matched.push_back(match_label(c.folder, labels));
  if (std::all_of(matched.begin(), matched.end(), [](std::int32_t label) { return label < 0; })) {
    return invalid_argument(printable(dataset.image_dir) +
                            ": no class folder is called as one of the classifier's labels (" +
                            printable(labels.front()) +
                            ", ...): give the folder whose subfolders are the classes");
  }
  for (std::size_t i = 0; i < matched.size(); ++i) {
    if (matched[i] >= 0) continue;
    console.warning("class folder " + printable(dataset.classes[i].folder) +
                    ": the classifier has no such label: its photos are left out");
  }
  return matched;
}

}  // namespace

void declare_evaluation_set(Options& options, EvaluationSetFlags& flags) {
  options.group("Photos");
  options.text("image_dir", flags.scan.image_dir, "DIR",
               "Folder of photos, one subfolder a class; may stand alone, without --image_dir.");
  options.choice<SplitChoice>(
      "split", flags.split,
      {{"auto", SplitChoice::kAuto},
       {"testing", SplitChoice::kTesting},
       {"validation", SplitChoice::kValidation},
       {"training", SplitChoice::kTraining},
       {"all", SplitChoice::kAll}},
      "Which photos. auto: of the folder it was trained on, those that `graft retrain` kept for "
      "the final test; of any other, all.");
  SplitOptions& split = flags.scan.split;
  options.number("testing_percentage", split.testing_percentage,
                 "As in the training, whose value counts where it is known. Decides the split, as "
                 "do the next three.",
                 0, 100);
  options.number("validation_percentage", split.validation_percentage, "As in the training.", 0,
                 100);
  options.choice<SplitKey>("split_key", split.key,
                           {{"path", SplitKey::kPath}, {"relative", SplitKey::kRelative}},
                           "As in the training.");
  options.integer("split_seed", split.seed, "As in the training.");
}

Result<EvaluationSet> choose_photos(const Options& options, EvaluationSetFlags flags,
                                    const std::string& graph_path,
                                    const std::vector<std::string>& labels, Console& console) {
  const std::optional<SplitRecord> record = recorded_split(graph_path);
  const bool same = record && is_training_folder(flags.scan.image_dir, *record);
  if (record) keep_to(*record, options, flags.scan.split);
  if (flags.split == SplitChoice::kAuto) {
    flags.split = record && !same ? SplitChoice::kAll : SplitChoice::kTesting;
  }
  flags.scan.for_training = false;
  GRAFT_ASSIGN(Dataset dataset, scan_image_folder(flags.scan));
  // Bytes that printable() had to escape cannot be had back; then the spelling given now counts.
  if (same && flags.scan.split.key == SplitKey::kPath &&
      record->image_dir.find('\\') == std::string::npos) {
    split_as_spelled(record->image_dir, flags.scan.split, dataset);
  }
  GRAFT_ASSIGN(const std::vector<std::int32_t> matched, match_labels(dataset, labels, console));

  EvaluationSet set;
  for (const Example& example : dataset.examples) {
    const std::int32_t truth = matched[static_cast<std::size_t>(example.label)];
    if (truth >= 0 && is_in(example.split, flags.split)) {
      set.photos.push_back({example.path, truth});
    }
  }
  if (set.photos.empty()) {
    return invalid_argument(printable(flags.scan.image_dir) +
                            ": no photo is in this split: give --split=all, or more photos");
  }
  set.in_folder = dataset.examples.size();
  set.skipped = std::move(dataset.skipped);
  set.description = describe(flags.split, record, same);
  return set;
}

}  // namespace graft
