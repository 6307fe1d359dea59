// Which photos an evaluation is about, and what they truly show. Thread rule: each call stands
// alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"
#include "data/dataset.h"

namespace graft {

enum class SplitChoice : std::uint8_t {
  kAuto,  // the training's own folder: what it kept for the final test; any other: all
  kTesting,
  kValidation,
  kTraining,
  kAll,
};

struct EvaluationSetFlags {
  ScanOptions scan;
  SplitChoice split = SplitChoice::kAuto;
};

// --split and the options that decide a split; --image_dir.
void declare_evaluation_set(Options& options, EvaluationSetFlags& flags);

struct EvaluationSet {
  struct Photo {
    std::string path;
    std::int32_t truth = 0;  // index into the classifier's labels
  };
  std::vector<Photo> photos;
  std::vector<Skipped> skipped;
  std::size_t in_folder = 0;  // photos of the folder, whatever their split
  std::string description;    // of the choice, and how honest figures on it are
};

// Scans the folder and chooses. graph_path: what was kept aside is read from its side file; options
// that were given count before that. Folders whose name is no label are warned about and left out.
// kInvalidArgument: no folder has a label's name, or no photo is in the split; and
// scan_image_folder's errors.
Result<EvaluationSet> choose_photos(const Options& options, EvaluationSetFlags flags,
                                    const std::string& graph_path,
                                    const std::vector<std::string>& labels, Console& console);

}  // namespace graft
