// The classifiers at hand: the graphs that the trainings wrote, as long as the file is still the
// one, and one that was named. Loaded when first used; the last two stay. Thread rule: every
// function may be called from any thread.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "board/trainings.h"
#include "model/classifier.h"

namespace graft {

struct ClassifierEntry {
  std::string id, name, file, architecture, training;  // training: id or ""
  std::vector<std::string> labels;
  bool class_maps = false;
};

class Classifiers {
 public:
  Classifiers(const Trainings& trainings, std::string named_graph)
      : trainings_(trainings), named_graph_(std::move(named_graph)) {}

  std::vector<ClassifierEntry> all();  // newest training first
  std::optional<ClassifierEntry> find(const std::string& id);
  std::string of_training(const std::string& training);  // its id, or ""
  // kNotFound: no such classifier; and Classifier::load's.
  Result<std::shared_ptr<const Classifier>> load(const std::string& id);

 private:
  struct Known {  // about a file, as long as it does not change
    std::int64_t time = 0;
    std::uint64_t size = 0, inode = 0;
    std::string sha256;
    bool operator==(const Known&) const = default;
  };
  std::optional<Known> know(const std::string& path);
  void forget_others(const std::set<std::string>& files);  // that no training names any more

  const Trainings& trainings_;
  const std::string named_graph_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;
  std::list<std::pair<std::string, std::shared_ptr<const Classifier>>> loaded_;  // key: file, hash
};

}  // namespace graft
