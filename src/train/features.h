// Photos → features, through the caches. Thread rule: one call at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/feature_cache.h"
#include "model/backbone.h"
#include "train/observer.h"

namespace graft {

enum class CacheFormat : std::uint8_t {
  kStore,  // features.cache alone (data/feature_cache.h)
  kText,   // the same, and TensorFlow's text files written beside it
};

struct FeatureOptions {
  std::string bottleneck_dir;
  CacheFormat format = CacheFormat::kStore;
  int threads = 0;  // 0: available_cores()
};

struct FeatureStats {
  std::size_t photos = 0, from_store = 0, from_text = 0, computed = 0, failed = 0, damaged = 0;
  std::size_t corrupt_but_decoded = 0;
  std::size_t duplicates_across_splits = 0;  // same bytes in training and in test or validation
  double seconds = 0;
};

// Row i belongs to dataset.examples[i]. Rows point into the cache's mapped file (held open here),
// or into memory for what is in no store; memory stays flat as photos grow.
class FeatureTable {
 public:
  std::size_t rows() const { return rows_.size(); }
  std::size_t width() const { return width_; }
  std::span<const float> row(std::size_t i) const { return {rows_[i], width_}; }
  // Of the bytes of the photo that the row is of: they may have changed since. Not of rows from
  // text files.
  const Hash128& content(std::size_t i) const { return contents_[i]; }

 private:
  friend class FeatureTableBuilder;
  std::vector<const float*> rows_;
  std::vector<Hash128> contents_;
  std::size_t width_ = 0;
  std::shared_ptr<void> storage_;
};

struct Features {
  FeatureTable table;
  FeatureStats stats;
  std::string space;  // the line that keys them
};

// For each example: the store (by content), else TensorFlow's text cache (of the feature that its
// script takes: ModelSpec::has_text_caches), else the photo through the network; computed vectors
// are stored in batches as they come, so that a kill loses seconds at most. Photos that cannot be
// used are moved from dataset.examples to dataset.skipped. backbone == nullptr: caches only (a
// photo without one is skipped and named); `architecture` is what the text files are called after,
// feature width is taken from them. kCancelled after a stop request: everything computed so far is
// stored. kIo when the cache cannot be written, before any photo is computed.
Result<Features> extract_features(Dataset& dataset, Backbone* backbone,
                                  const std::string& architecture, const FeatureOptions& options,
                                  RunObserver& observer, std::stop_token stop);

}  // namespace graft
