#include "board/classifiers.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/export.h"
#include "model/spec.h"

namespace graft {
namespace {

constexpr std::size_t kKeptLoaded = 2;

// Every network of the codelab ends in a global average pool; whether an unknown one does is seen
// when it is loaded.
bool ends_in_a_pool(const std::string& architecture) {
  return find_model(architecture).ok();
}

}  // namespace

std::optional<Classifiers::Known> Classifiers::know(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  Known now;
  now.time = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  now.size = static_cast<std::uint64_t>(status.st_size);
  now.inode = status.st_ino;
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(path);
    if (known != known_.end()) {
      now.sha256 = known->second.sha256;
      if (now == known->second) return now;
    }
  }
  const auto file = MappedFile::open(path);
  if (!file.ok()) return std::nullopt;
  now.sha256 = hex(sha256(file->bytes()));
  const std::lock_guard lock(mutex_);
  known_[path] = now;
  return now;
}

void Classifiers::forget_others(const std::set<std::string>& files) {
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [&](const auto& entry) { return !files.contains(entry.first); });
}

std::vector<ClassifierEntry> Classifiers::all() {
  std::vector<ClassifierEntry> out;
  std::set<std::string> files = {named_graph_};
  for (const auto& training : trainings_.all()) {
    const std::string file = locate(*training, training->output_graph);
    if (file.empty() || !training->has_backbone || training->graph_sha256.empty()) continue;
    files.insert(file);
    const auto known = know(file);
    // A later training wrote over it: then it is that one's.
    if (!known || known->sha256 != training->graph_sha256) continue;
    const bool listed = std::any_of(out.begin(), out.end(),
                                    [&](const ClassifierEntry& e) { return e.file == file; });
    if (listed) continue;
    out.push_back({run_id(file + "#" + known->sha256), file_name(file), file,
                   training->architecture, training->id, training->labels,
                   ends_in_a_pool(training->architecture)});
  }
  forget_others(files);
  if (named_graph_.empty()) return out;
  const auto known = know(named_graph_);
  const auto same = [&](const ClassifierEntry& e) {
    return absolute_path(e.file) == absolute_path(named_graph_);
  };
  if (known && std::none_of(out.begin(), out.end(), same)) {
    ClassifierEntry entry;
    entry.id = run_id(named_graph_ + "#" + known->sha256);
    entry.name = file_name(named_graph_);
    entry.file = named_graph_;
    if (const auto side = read_side_file(named_graph_); side.ok()) {
      entry.architecture = side->architecture;
      entry.labels = side->labels;
      entry.class_maps = ends_in_a_pool(side->architecture);
    }
    out.push_back(std::move(entry));
  }
  return out;
}

std::optional<ClassifierEntry> Classifiers::find(const std::string& id) {
  for (ClassifierEntry& entry : all()) {
    if (entry.id == id) return std::move(entry);
  }
  return std::nullopt;
}

std::string Classifiers::of_training(const std::string& training) {
  for (const ClassifierEntry& entry : all()) {
    if (entry.training == training) return entry.id;
  }
  return "";
}

Result<std::shared_ptr<const Classifier>> Classifiers::load(const std::string& id) {
  const auto entry = find(id);
  if (!entry) {
    return not_found("classifier " + printable_start(id) +
                     ": there is no such one (any more): /api/status lists them");
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto item = loaded_.begin(); item != loaded_.end(); ++item) {
      if (item->first != id) continue;
      loaded_.splice(loaded_.begin(), loaded_, item);
      return loaded_.front().second;
    }
  }
  ClassifierOptions options;
  options.graph_path = entry->file;
  options.class_maps = true;
  GRAFT_ASSIGN(Classifier classifier, Classifier::load(options));
  auto shared = std::make_shared<const Classifier>(std::move(classifier));
  const std::lock_guard lock(mutex_);
  loaded_.emplace_front(id, shared);
  if (loaded_.size() > kKeptLoaded) loaded_.pop_back();
  return shared;
}

}  // namespace graft
