// Trainings as their run.json tells (docs/formats/run_json.md), which others may have written or
// edited: every field is looked at before it is used. Thread rule: every function may be called
// from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "summary/run_store.h"

namespace graft {

struct Training {
  Training();                        // may throw, as Json's own does
  std::string id, group, directory;  // directory: literal bytes
  std::string state, message, architecture, started, ended;
  std::vector<std::string> labels;
  std::string image_dir;     // as it was spelled
  std::string output_graph;  // as it was spelled; "" before the end
  std::string graph_sha256;
  std::string bottleneck_dir, feature_space;
  int feature_width = 0;
  bool has_backbone = true;
  ScanOptions scan;  // of its photos
  Json record;       // the whole of run.json
  // options[name] as text; "" when it is not there.
  std::string option(const char* name) const;
};

class Trainings {
 public:
  explicit Trainings(const std::vector<Logdir>& logdirs) : logdirs_(logdirs) {}

  // Reads what is new or changed; returns those trainings' ids.
  std::vector<std::string> refresh(const std::vector<std::string>& record_files);
  std::vector<std::shared_ptr<const Training>> all() const;  // newest first
  std::shared_ptr<const Training> find(const std::string& id) const;
  std::shared_ptr<const Training> newest() const;
  // Whether what was made for the training of this id has lost its purpose; "", of none, never
  // does.
  bool is_gone(const std::string& id) const { return !id.empty() && find(id) == nullptr; }
  std::vector<LogProblem> problems() const;

 private:
  const std::vector<Logdir> logdirs_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Training>> by_file_;
  std::map<std::string, std::string> text_;  // as last read
  std::map<std::string, std::string> broken_;
};

// A path of a training, relative to where it ran: as it stands if it is there from here, else below
// the nearest parent of its run directory where it is. "": nowhere.
std::string locate(const Training& training, const std::string& path);

// As /api/trainings has it.
Json to_json(const Training& training, const std::string& classifier);

}  // namespace graft
