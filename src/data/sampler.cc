#include "data/sampler.h"

#include "base/rng.h"

namespace graft {
namespace {

// Keeps the batches apart from other uses of the same seed; one stream a split ("bat0", "bat1" …).
constexpr std::uint64_t kStream = 0x62617430;
// Steps start 2^32 blocks apart, far more than any batch draws.
constexpr int kStepShift = 32;

}  // namespace

BatchSampler::BatchSampler(const Dataset& dataset, Split split, std::uint64_t seed)
    : seed_(seed), stream_(kStream + static_cast<std::uint64_t>(split)) {
  std::vector<std::vector<std::size_t>> by_label(dataset.classes.size());
  for (std::size_t i = 0; i < dataset.examples.size(); ++i) {
    if (dataset.examples[i].split != split) continue;
    all_.push_back(i);
    by_label[static_cast<std::size_t>(dataset.examples[i].label)].push_back(i);
  }
  for (auto& examples : by_label) {
    if (!examples.empty()) by_class_.push_back(std::move(examples));
  }
}

std::vector<std::size_t> BatchSampler::sample(std::uint64_t step, int batch_size) const {
  if (batch_size < 0) return all_;
  std::vector<std::size_t> batch;
  if (all_.empty()) return batch;
  Rng rng(seed_, stream_, step << kStepShift);
  batch.reserve(static_cast<std::size_t>(batch_size));
  for (int i = 0; i < batch_size; ++i) {
    const auto& examples = by_class_[rng.below(static_cast<std::uint32_t>(by_class_.size()))];
    batch.push_back(examples[rng.below(static_cast<std::uint32_t>(examples.size()))]);
  }
  return batch;
}

}  // namespace graft
