// A folder of photos as examples with labels and splits. Nothing is decoded here.
// Thread rule: plain values; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace graft {

enum class Split : std::uint8_t { kTraining, kTesting, kValidation };
std::string_view name_of(Split split);  // "training"

enum class SplitKey : std::uint8_t {
  kPath,      // the original's rule: the path string as given, so "./x" and "x" split differently
  kRelative,  // class/file: the same split however the folder was spelled, wherever it lies
};

struct SplitOptions {
  double testing_percentage = 10;
  double validation_percentage = 10;
  SplitKey key = SplitKey::kPath;
  std::uint64_t seed = 0;  // 0: the original rule; else "#<seed>" is added to the hashed text
};

// SHA-1 of `path` after removing "_nohash_.*$" → percentage p in [0,100]; p < validation →
// validation, p < validation + testing → testing, else training. `path` is what options.key says:
// the caller passes image_dir/folder/file or folder/file.
// Source: retrain.py create_image_lists, codelab version.
Split split_of(std::string_view path, const SplitOptions& options);

enum class LabelRule : std::uint8_t {
  kOriginal,  // re.sub('[^a-z0-9]+', ' ', folder.lower()); for a folder name with bytes beyond
              // ASCII or without any letter or digit: the folder name itself (Unicode kept)
  kVerbatim,  // the folder name as it is
};
// A label is one line of a text file: newlines and carriage returns become spaces in either rule.
std::string label_of(std::string_view folder, LabelRule rule);

struct Class {
  std::string folder;  // directory name, literal bytes
  std::string label;
};

struct Example {
  std::string path;        // image_dir/folder/file as given, literal bytes
  std::string folder;      // class folder
  std::string file;        // file name
  std::int32_t label = 0;  // index into classes
  Split split = Split::kTraining;
};

struct Skipped {
  std::string path;
  std::string reason;
};

struct Dataset {
  std::string image_dir;
  std::vector<Class> classes;         // sorted by folder bytes
  std::vector<Example> examples;      // by class, then file name bytes
  std::vector<Skipped> skipped;       // files and folders passed over, each with its reason
  std::vector<std::string> warnings;  // small classes and the like, for people
  // Indices of the examples of one class and split, in example order.
  std::vector<std::size_t> of(std::int32_t label, Split split) const;
  std::size_t count(Split split) const;
};

struct ScanOptions {
  std::string image_dir;
  SplitOptions split;
  LabelRule labels = LabelRule::kOriginal;
  // false: for measuring, not training: one class is enough, and two folders may share a label.
  bool for_training = true;
};

// Every regular file (links followed, loops and dangling links skipped) of every first-level
// folder whose extension is a photo's, or whose first bytes are; hidden files ("._x.jpg") and
// folders are ignored. FIFOs, sockets and devices are never opened. What lies in a class folder and
// is not a photo is named in `skipped`; so are photos beside the class folders. Folders without a
// photo are left out with a warning, and so are other people's files beside the class folders.
// Errors: kNotFound (image_dir, with the nearest existing parent), kInvalidArgument: no class
// folder, no photo, one class only, two folders with one label (both named). Class folders that
// could not be read are named with them.
// A split percentage sum above 100 or below 0: kInvalidArgument.
Result<Dataset> scan_image_folder(const ScanOptions& options);

// The same from the names of TensorFlow text caches alone ("<class>/<photo>_<architecture>.txt"),
// for someone who was handed a bottlenecks archive without photos. Paths are formed with image_dir.
Result<Dataset> scan_text_caches(const std::string& bottleneck_dir, const std::string& architecture,
                                 const ScanOptions& options);

// After skipping (unreadable photos are known only when read): removes `bad` examples, moves them
// to skipped, and checks again what is left. The others keep their order; a class that lost all its
// photos is removed with a warning, and the labels behind it move up. kInvalidArgument when fewer
// than two classes have training photos. The warnings about empty splits and classes under 20
// photos are made anew for what is left.
Result<void> drop_examples(Dataset& dataset, const std::vector<Skipped>& bad_by_path);

// The splits anew, as if the folder were spelled so: for photos of a training, which the original's
// rule split by their paths, found at another place or from another directory.
void split_as_spelled(const std::string& image_dir, const SplitOptions& split, Dataset& dataset);

// For those who build a Dataset: adds a warning for each class under 20 photos, each class without
// a training photo and each empty split.
void add_size_warnings(Dataset& dataset);
// Two folders with one label, or fewer than two classes: kInvalidArgument.
Result<void> check_classes(const Dataset& dataset);
Result<void> check_percentages(const SplitOptions& options);

}  // namespace graft
