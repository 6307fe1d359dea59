#include "board/trainings.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "model/export.h"

namespace graft {
namespace {

// Walks into objects; null where a step is missing.
const Json& at(const Json& json, std::initializer_list<const char*> path) {
  static const Json none;
  const Json* here = &json;
  for (const char* key : path) {
    if (!here->is_object()) return none;
    const auto found = here->find(key);
    if (found == here->end()) return none;
    here = &*found;
  }
  return *here;
}

std::string text_at(const Json& json, std::initializer_list<const char*> path) {
  const Json& value = at(json, path);
  return value.is_string() ? value.get<std::string>() : "";
}

double number_at(const Json& json, std::initializer_list<const char*> path, double otherwise) {
  const Json& value = at(json, path);
  return value.is_number() ? value.get<double>() : otherwise;
}

std::string group_of(const std::string& directory, const std::vector<Logdir>& logdirs) {
  for (const Logdir& logdir : logdirs) {
    std::string root = logdir.path;
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    if (directory == root || directory == logdir.path) {
      return logdir.name.empty() ? "." : logdir.name;
    }
    const std::string prefix = root == "/" ? root : root + "/";
    if (directory.starts_with(prefix)) {
      const std::string below = directory.substr(prefix.size());
      return printable(logdir.name.empty() ? below : logdir.name + "/" + below);
    }
  }
  return printable(directory);
}

std::shared_ptr<const Training> read_training(const std::string& file, Json json,
                                              const std::vector<Logdir>& logdirs) {
  auto training = std::make_shared<Training>();
  Training& t = *training;
  t.directory = parent_directory(file);
  t.id = run_id(file);
  t.group = group_of(t.directory, logdirs);
  t.state = text_at(json, {"state"});
  t.message = text_at(json, {"message"});
  t.architecture = text_at(json, {"network", "architecture"});
  t.started = text_at(json, {"started"});
  t.ended = text_at(json, {"ended"});
  t.feature_space = text_at(json, {"feature_space"});
  t.feature_width = static_cast<int>(
      std::clamp(number_at(json, {"network", "feature_width"}, 0), 0.0, 1048576.0));
  if (const Json& labels = at(json, {"labels"}); labels.is_array()) {
    for (const Json& label : labels) {
      if (label.is_string()) t.labels.push_back(label.get<std::string>());
    }
  }
  t.output_graph = text_at(json, {"result", "files", "output_graph"});
  t.graph_sha256 = text_at(json, {"result", "graph_sha256"});
  if (const Json& has = at(json, {"result", "has_backbone"}); has.is_boolean()) {
    t.has_backbone = has.get<bool>();
  }
  t.image_dir = text_at(json, {"options", "image_dir"});
  t.bottleneck_dir = text_at(json, {"options", "bottleneck_dir"});
  t.scan.split.testing_percentage = number_at(json, {"options", "testing_percentage"}, 10);
  t.scan.split.validation_percentage = number_at(json, {"options", "validation_percentage"}, 10);
  if (text_at(json, {"options", "split_key"}) == "relative") t.scan.split.key = SplitKey::kRelative;
  if (text_at(json, {"options", "labels"}) == "verbatim") t.scan.labels = LabelRule::kVerbatim;
  if (const Json& seed = at(json, {"split_seed"}); seed.is_number_unsigned()) {
    t.scan.split.seed = seed.get<std::uint64_t>();
  }
  t.record = std::move(json);
  return training;
}

}  // namespace

Training::Training() = default;

std::string Training::option(const char* name) const {
  const Json& value = at(record, {"options", name});
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "" : dump_json(value, -1);
}

std::vector<std::string> Trainings::refresh(const std::vector<std::string>& record_files) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;
  std::vector<std::string> changed;
  std::map<std::string, std::string> fresh;
  for (const std::string& file : record_files) {
    auto text = read_text_file(file, kMaxBytes);
    fresh[file] = text.ok() ? std::move(text).value() : "";
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(by_file_, [&](const auto& entry) { return !fresh.contains(entry.first); });
  std::erase_if(broken_, [&](const auto& entry) { return !fresh.contains(entry.first); });
  for (auto& [file, text] : fresh) {
    const auto known = text_.find(file);
    if (known != text_.end() && known->second == text) continue;
    auto json = parse_json(text);
    const bool ours = json.ok() && text_at(*json, {"format"}).starts_with("graft-run-");
    if (!ours) {
      by_file_.erase(file);
      // Another program's run.json is none of ours.
      if (json.ok()) continue;
      broken_[file] = printable(file) + ": " + json.error().message;
      continue;
    }
    broken_.erase(file);
    auto training = read_training(file, std::move(json).value(), logdirs_);
    changed.push_back(training->id);
    by_file_[file] = std::move(training);
  }
  text_ = std::move(fresh);
  return changed;
}

std::vector<std::shared_ptr<const Training>> Trainings::all() const {
  std::vector<std::shared_ptr<const Training>> out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [file, training] : by_file_) out.push_back(training);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a->started != b->started ? a->started > b->started : a->id < b->id;
  });
  return out;
}

std::shared_ptr<const Training> Trainings::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [file, training] : by_file_) {
    if (training->id == id) return training;
  }
  return nullptr;
}

std::shared_ptr<const Training> Trainings::newest() const {
  const auto trainings = all();
  return trainings.empty() ? nullptr : trainings.front();
}

std::vector<LogProblem> Trainings::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<LogProblem> out;
  for (const auto& [file, message] : broken_) out.push_back({false, message, ""});
  return out;
}

std::string locate(const Training& training, const std::string& path) {
  if (path.empty()) return "";
  if (exists(path)) return path;
  if (path.starts_with('/')) return "";
  // The training was started somewhere above its logs.
  std::string folder = absolute_path(training.directory);
  for (int up = 0; up < 8 && folder != "/"; ++up) {
    folder = parent_directory(folder);
    std::string candidate = join_path(folder, path);
    if (exists(candidate)) return candidate;
  }
  return "";
}

Json to_json(const Training& t, const std::string& classifier) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  const Json& test = at(t.record, {"result", "test"});
  const Json& steps = at(t.record, {"result", "steps"});
  const Json& accuracy = at(test, {"accuracy"});
  const Json& interval = at(test, {"interval_95"});
  const Json& photos = at(test, {"photos"});
  Json splits = Json::object();
  for (const char* split : {"training", "validation", "testing"}) {
    const Json& count = at(t.record, {"splits", split});
    splits[split] = count.is_number() ? count : Json(0);
  }
  Json planned = at(t.record, {"options", "how_many_training_steps"});
  if (!planned.is_number()) planned = 0;
  return {{"id", t.id},
          {"name", t.group},
          {"group", t.group},
          {"state", t.state},
          {"message", text_or_null(t.message)},
          {"architecture", t.architecture},
          {"started", t.started},
          {"ended", text_or_null(t.ended)},
          {"labels", t.labels},
          {"splits", splits},
          {"steps", steps.is_number() ? steps : planned},
          {"accuracy", accuracy.is_number() ? accuracy : Json(nullptr)},
          {"interval_95", interval.is_array() && interval.size() == 2 ? interval : Json(nullptr)},
          {"photos_tested", photos.is_number() ? photos : Json(0)},
          {"image_dir", t.image_dir},
          {"classifier", text_or_null(classifier)}};
}

}  // namespace graft
