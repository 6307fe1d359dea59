// What may be wrong with the photos of a training: found by reading each once.
// Thread rule: every function may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "board/photos.h"
#include "board/worker_pool.h"
#include "image/image.h"

namespace graft {

struct PhotoProblem {
  std::string kind, message;
  std::vector<std::size_t> examples;  // indices into the set's
};

// 64 bits that hardly change when a photo is scaled, recompressed or slightly retouched: whether
// each of 9×8 mean brightnesses is below its right neighbour. Source: the "difference hash" of
// N. Krawetz, 2013.
std::uint64_t difference_hash(const Image& photo);

class PhotoProblems {
 public:
  PhotoProblems(const Trainings& trainings, WorkerPool& pool)
      : trainings_(trainings), pool_(pool) {}
  struct Account {
    bool ready = false;
    std::size_t done = 0, total = 0;
    std::vector<PhotoProblem> problems;
  };
  // Begins the work on the first call. Kept as long as the training is there.
  Account of(const std::shared_ptr<const PhotoSet>& set);
  void stop() { stopping_ = true; }

 private:
  struct Work {
    std::atomic<std::size_t> done{0};
    std::atomic<bool> ready{false};
    std::shared_ptr<const PhotoSet> set;
    std::vector<PhotoProblem> problems;
  };
  void look_through(Work& work);

  const Trainings& trainings_;
  WorkerPool& pool_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Work>> work_;
};

}  // namespace graft
