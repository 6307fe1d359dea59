// Class-balanced random batches, as retrain.py draws them: for each example a class uniformly, then
// a photo uniformly within the class. Thread rule: const functions may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace graft {

class BatchSampler {
 public:
  // Keeps indices, not the dataset: later changes of the dataset are not seen.
  BatchSampler(const Dataset& dataset, Split split, std::uint64_t seed);

  // Indices into dataset.examples; a pure function of (dataset, split, seed, step). batch_size < 0:
  // every example of the split in order. Classes without a photo in this split are never drawn (the
  // original fails on them). Empty only when the split is.
  // Source: retrain.py get_random_cached_bottlenecks, whose second draw is a number modulo the
  // class's size; ours is unbiased.
  std::vector<std::size_t> sample(std::uint64_t step, int batch_size) const;

  std::size_t classes() const { return by_class_.size(); }  // those that can be drawn

 private:
  std::vector<std::vector<std::size_t>> by_class_;
  std::vector<std::size_t> all_;
  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace graft
