// Training photos, distorted and sent through the network: the original's --flip_left_right and
// --random_*, anew for every step; or with --augment_cache drawn from a few distortions of each
// photo that are computed once. Thread rule: one call at a time; works on several threads inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "image/augment.h"
#include "model/backbone.h"
#include "train/features.h"
#include "train/head_trainer.h"
#include "train/observer.h"

namespace graft {

// Decoded photos, the least recently used given up first when they pass `max_bytes`.
class PhotoCache {
 public:
  explicit PhotoCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  std::shared_ptr<const Image> find(std::size_t example);
  void add(std::size_t example, std::shared_ptr<const Image> photo);

 private:
  struct Entry {
    std::size_t example = 0;
    std::shared_ptr<const Image> photo;
  };
  std::mutex mutex_;
  std::list<Entry> used_;  // most recent first
  std::unordered_map<std::size_t, std::list<Entry>::iterator> by_example_;
  std::size_t bytes_ = 0;
  const std::size_t max_bytes_;
};

class DistortedBatches {
 public:
  // backbone: compiled. table: the undistorted features, used for a photo that can no longer be
  // read. variants: distortions a photo, kept once they are computed (their features take variants
  // × photos × feature_width floats in the end); 0: a new one each time, nothing is kept.
  DistortedBatches(const Dataset& dataset, const FeatureTable& table, const Backbone& backbone,
                   const DecodeOptions& decode, const Distortion& distortion, int variants,
                   std::uint64_t seed, int threads);
  // Rows for these examples: a pure function of (seed, step, examples). They live until the next
  // call. False: a stop was requested, the rows are not complete.
  bool fill(std::uint64_t step, std::span<const std::size_t> examples, RunObserver& observer,
            std::stop_token stop, Batch& batch);

 private:
  // One photo to distort and send through the network.
  struct Work {
    std::size_t example = 0;
    Rng rng;
    float* row = nullptr;
  };
  std::vector<Work> plan(std::uint64_t step, std::span<const std::size_t> examples, Batch& batch);
  std::shared_ptr<const Image> photo(std::size_t example);

  const Dataset& dataset_;
  const FeatureTable& table_;
  const DecodeOptions decode_;
  const Distortion distortion_;
  const std::uint32_t variants_;
  const std::uint64_t seed_;
  std::vector<std::unique_ptr<Extractor>> extractors_;  // one a thread
  PhotoCache photos_;
  std::vector<float> rows_;                                     // of one step
  std::unordered_map<std::uint64_t, std::vector<float>> kept_;  // by example × variants_ + variant
  std::unordered_set<std::size_t> lost_;                        // examples already warned about
};

}  // namespace graft
