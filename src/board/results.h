// What a training's classifier gets right and wrong, photo by photo: its mistakes from run.json,
// the rest computed here when somebody asks. Thread rule: every function may be called from any
// thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "board/classifiers.h"
#include "board/photos.h"
#include "board/trainings.h"
#include "board/worker_pool.h"

namespace graft {

struct Sample {
  std::string id, file;                   // id: "" when the photo is not there any more
  std::int32_t truth = 0, predicted = 0;  // indices into the training's labels
  double score = 0, truth_score = 0;
  Split split = Split::kTesting;
};

// As /api/eval has it.
Json evaluation_json(const Training& training);

// The training's mistakes in the final test, most confident first, as its run.json tells. set:
// where ids are taken from; may be null.
std::vector<Sample> mistakes_of(const Training& training, const PhotoSet* set);

class Results {
 public:
  Results(const Trainings& trainings, Photos& photos, Classifiers& classifiers, WorkerPool& pool)
      : trainings_(trainings), photos_(photos), classifiers_(classifiers), pool_(pool) {}

  enum class State { kWorking, kReady, kFailed };
  struct Scores {
    State state = State::kWorking;
    std::string message;                                 // of kFailed
    std::shared_ptr<const std::vector<Sample>> samples;  // every photo of the training's folder
  };
  // Begins the work on the first call; kWorking until it is done. kFailed: the classifier or the
  // photos are gone; a later call tries again. Kept as long as the training is there and its graph
  // the same.
  Scores scores(const std::shared_ptr<const Training>& training);
  void stop() { stopping_ = true; }

 private:
  Result<std::vector<Sample>> compute(const Training& training);
  // Whatever is of no training that is there, but `key`'s.
  void forget_others(const std::string& key);

  const Trainings& trainings_;
  Photos& photos_;
  Classifiers& classifiers_;
  WorkerPool& pool_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<std::string, Scores> scores_;  // by training and its graph's hash
};

}  // namespace graft
