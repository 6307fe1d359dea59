#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace graft {
namespace {

// retrain.py's MAX_NUM_IMAGES_PER_CLASS.
constexpr std::uint32_t kHashModulus = std::uint32_t{1} << 27;
constexpr std::size_t kFewPhotos = 20;

// re.sub(r'_nohash_.*$', '', path). Python's "." stops at a newline and its "$" also matches before
// a newline at the very end, which matters to names with newlines in them alone.
std::string without_nohash(std::string_view path) {
  const bool final_newline = path.ends_with('\n');
  const std::string_view body = path.substr(0, path.size() - (final_newline ? 1 : 0));
  const std::size_t last_newline = body.rfind('\n');
  const std::size_t from = last_newline == std::string_view::npos ? 0 : last_newline + 1;
  const std::size_t mark = body.find("_nohash_", from);
  if (mark == std::string_view::npos) return std::string(path);
  return std::string(path.substr(0, mark)) + (final_newline ? "\n" : "");
}

std::string quoted(std::string_view name) {
  std::string text(1, '\'');
  text += printable(name);
  text += '\'';
  return text;
}

std::vector<std::string> size_warnings(const Dataset& dataset) {
  std::vector<std::string> warnings;
  std::vector<std::size_t> photos(dataset.classes.size());
  std::vector<std::size_t> training(dataset.classes.size());
  for (const Example& example : dataset.examples) {
    const auto label = static_cast<std::size_t>(example.label);
    ++photos[label];
    training[label] += example.split == Split::kTraining ? 1 : 0;
  }
  for (std::size_t i = 0; i < dataset.classes.size(); ++i) {
    const std::string folder = printable(dataset.classes[i].folder);
    if (photos[i] < kFewPhotos) {
      warnings.push_back(folder +
                         ": Folder has less than 20 images, which may cause issues: it has " +
                         format_count(photos[i]) + ": add more if you can");
    }
    if (training[i] == 0) {
      warnings.push_back(folder +
                         ": no photo of it falls into the training set, so it cannot be learned: "
                         "add photos");
    }
  }
  for (const Split split : {Split::kTesting, Split::kValidation}) {
    if (dataset.count(split) > 0) continue;
    warnings.push_back("no photo falls into the " + std::string(name_of(split)) +
                       " set, so there is no " + std::string(name_of(split)) +
                       " accuracy: add photos or raise --" + std::string(name_of(split)) +
                       "_percentage");
  }
  return warnings;
}

}  // namespace

std::string_view name_of(Split split) {
  switch (split) {
    case Split::kTraining:
      return "training";
    case Split::kTesting:
      return "testing";
    case Split::kValidation:
      return "validation";
  }
  return "training";
}

Split split_of(std::string_view path, const SplitOptions& options) {
  std::string hashed = without_nohash(path);
  if (options.seed != 0) {
    hashed += '#';
    hashed += std::to_string(options.seed);
  }
  const auto digest = sha1(as_bytes(hashed));
  // The digest as one big number modulo 2^27: its last 27 bits.
  std::uint32_t tail = 0;
  for (std::size_t i = digest.size() - 4; i < digest.size(); ++i) tail = tail << 8 | digest[i];
  const double percentage = (tail % kHashModulus) * (100.0 / (kHashModulus - 1));
  if (percentage < options.validation_percentage) return Split::kValidation;
  if (percentage < options.testing_percentage + options.validation_percentage) {
    return Split::kTesting;
  }
  return Split::kTraining;
}

std::string label_of(std::string_view folder, LabelRule rule) {
  std::string own(folder);
  std::replace(own.begin(), own.end(), '\n', ' ');
  std::replace(own.begin(), own.end(), '\r', ' ');
  if (rule == LabelRule::kVerbatim) return own;
  std::string label;
  for (const char c : to_lower_ascii(folder)) {
    if (static_cast<unsigned char>(c) >= 0x80) return own;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      label += c;
    } else if (!label.ends_with(' ')) {
      label += ' ';
    }
  }
  return label.empty() || label == " " ? own : label;
}

std::vector<std::size_t> Dataset::of(std::int32_t label, Split split) const {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (examples[i].label == label && examples[i].split == split) indices.push_back(i);
  }
  return indices;
}

std::size_t Dataset::count(Split split) const {
  return static_cast<std::size_t>(std::count_if(
      examples.begin(), examples.end(), [&](const Example& e) { return e.split == split; }));
}

void split_as_spelled(const std::string& image_dir, const SplitOptions& split, Dataset& dataset) {
  for (Example& e : dataset.examples) {
    e.split = split_of(join_path(join_path(image_dir, e.folder), e.file), split);
  }
}

Result<void> check_percentages(const SplitOptions& options) {
  const auto check = [](double value, std::string_view flag) -> Result<void> {
    if (value >= 0 && value <= 100) return {};  // false for NaN
    return invalid_argument(std::string(flag) + ": not between 0 and 100: give a percentage");
  };
  GRAFT_TRY(check(options.testing_percentage, "--testing_percentage"));
  GRAFT_TRY(check(options.validation_percentage, "--validation_percentage"));
  if (options.testing_percentage + options.validation_percentage > 100) {
    return invalid_argument(
        "--testing_percentage and --validation_percentage: together more than 100: nothing would "
        "be "
        "left to train on, give smaller ones");
  }
  return {};
}

Result<void> check_classes(const Dataset& dataset) {
  const std::string where = printable(dataset.image_dir);
  if (dataset.classes.size() == 1) {
    return invalid_argument(where + ": Only one valid folder of images found (" +
                            quoted(dataset.classes[0].folder) +
                            "), multiple classes are needed for classification: add a folder of "
                            "photos of something else");
  }
  std::map<std::string_view, std::string_view> folder_of;
  for (const Class& c : dataset.classes) {
    const auto [found, added] = folder_of.emplace(c.label, c.folder);
    if (added) continue;
    return invalid_argument(where + ": the folders " + quoted(found->second) + " and " +
                            quoted(c.folder) + " would both get the label " + quoted(c.label) +
                            ": rename one, or keep the folder names as labels with "
                            "--labels verbatim");
  }
  return {};
}

void add_size_warnings(Dataset& dataset) {
  for (std::string& warning : size_warnings(dataset)) {
    dataset.warnings.push_back(std::move(warning));
  }
}

Result<void> drop_examples(Dataset& dataset, const std::vector<Skipped>& bad_by_path) {
  for (const std::string& outdated : size_warnings(dataset)) {
    std::erase(dataset.warnings, outdated);
  }
  std::unordered_map<std::string_view, const Skipped*> bad;
  for (const Skipped& skipped : bad_by_path) bad.emplace(skipped.path, &skipped);

  std::vector<Example> kept;
  std::vector<std::size_t> photos(dataset.classes.size());
  for (Example& example : dataset.examples) {
    const auto found = bad.find(example.path);
    if (found != bad.end()) {
      dataset.skipped.push_back(*found->second);
      continue;
    }
    ++photos[static_cast<std::size_t>(example.label)];
    kept.push_back(std::move(example));
  }
  std::vector<Class> classes;
  std::vector<std::int32_t> new_label(dataset.classes.size());
  for (std::size_t i = 0; i < dataset.classes.size(); ++i) {
    new_label[i] = static_cast<std::int32_t>(classes.size());
    if (photos[i] == 0) {
      dataset.warnings.push_back(printable(dataset.classes[i].folder) +
                                 ": none of its photos can be used: the class is left out");
    } else {
      classes.push_back(std::move(dataset.classes[i]));
    }
  }
  for (Example& example : kept) example.label = new_label[static_cast<std::size_t>(example.label)];
  dataset.examples = std::move(kept);
  dataset.classes = std::move(classes);
  add_size_warnings(dataset);

  std::vector<bool> trained(dataset.classes.size());
  for (const Example& example : dataset.examples) {
    if (example.split == Split::kTraining) trained[static_cast<std::size_t>(example.label)] = true;
  }
  const auto usable = std::count(trained.begin(), trained.end(), true);
  if (usable < 2) {
    std::string message = printable(dataset.image_dir) + ": " +
                          (usable == 0 ? "no class has" : "only one class has") +
                          " training photos and at least two must: ";
    if (bad_by_path.empty()) {
      message += "add photos, or lower --testing_percentage and --validation_percentage";
    } else {
      const Skipped& first = bad_by_path.front();
      message += std::to_string(bad_by_path.size()) + " could not be used, the first is " +
                 printable(first.path) + " (" + first.reason + "): replace them, or add others";
    }
    return invalid_argument(message);
  }
  return {};
}

}  // namespace graft
