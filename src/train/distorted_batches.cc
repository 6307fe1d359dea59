#include "train/distorted_batches.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/text.h"
#include "train/streams.h"

namespace graft {
namespace {

constexpr std::size_t kPhotoMemory = std::size_t{512} << 20;
// Counter blocks (of four draws) for one photo, and room for 2^24 photos a step.
constexpr int kPhotoShift = 8, kStepShift = 32;

}  // namespace

std::shared_ptr<const Image> PhotoCache::find(std::size_t example) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_example_.find(example);
  if (found == by_example_.end()) return nullptr;
  used_.splice(used_.begin(), used_, found->second);
  return used_.front().photo;
}

void PhotoCache::add(std::size_t example, std::shared_ptr<const Image> photo) {
  const std::scoped_lock lock(mutex_);
  if (by_example_.contains(example) || photo->pixels.size() > max_bytes_) return;
  bytes_ += photo->pixels.size();
  used_.push_front({example, std::move(photo)});
  by_example_[example] = used_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= used_.back().photo->pixels.size();
    by_example_.erase(used_.back().example);
    used_.pop_back();
  }
}

DistortedBatches::DistortedBatches(const Dataset& dataset, const FeatureTable& table,
                                   const Backbone& backbone, const DecodeOptions& decode,
                                   const Distortion& distortion, int variants, std::uint64_t seed,
                                   int threads)
    : dataset_(dataset),
      table_(table),
      decode_(decode),
      distortion_(distortion),
      variants_(static_cast<std::uint32_t>(variants)),
      seed_(seed),
      photos_(kPhotoMemory) {
  for (int i = 0; i < threads; ++i) extractors_.push_back(backbone.make_extractor());
}

std::shared_ptr<const Image> DistortedBatches::photo(std::size_t example) {
  if (auto cached = photos_.find(example)) return cached;
  Bytes bytes;
  if (!read_file(dataset_.examples[example].path, bytes).ok()) return nullptr;
  auto image = std::make_shared<Image>();
  if (!decode_image(bytes, decode_, *image).ok()) return nullptr;
  photos_.add(example, image);
  return image;
}

// Points the batch at its rows and returns those that have to be computed first.
std::vector<DistortedBatches::Work> DistortedBatches::plan(std::uint64_t step,
                                                           std::span<const std::size_t> examples,
                                                           Batch& batch) {
  const std::size_t width = table_.width();
  batch.rows.clear();
  batch.labels.clear();
  if (variants_ == 0) rows_.resize(examples.size() * width);
  std::vector<Work> work;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const std::uint64_t place = (step << kStepShift) + (i << kPhotoShift);
    float* row = nullptr;
    if (variants_ == 0) {
      row = rows_.data() + i * width;
      work.push_back({examples[i], Rng(seed_, kDistortionStream, place), row});
    } else {
      const std::uint64_t variant = examples[i] * std::uint64_t{variants_} +
                                    Rng(seed_, kVariantChoiceStream, place).below(variants_);
      const auto [kept, is_new] = kept_.try_emplace(variant);
      if (is_new) kept->second.resize(width);
      row = kept->second.data();
      if (is_new) {
        work.push_back({examples[i], Rng(seed_, kVariantStream, variant << kPhotoShift), row});
      }
    }
    batch.rows.push_back(row);
    batch.labels.push_back(dataset_.examples[examples[i]].label);
  }
  return work;
}

bool DistortedBatches::fill(std::uint64_t step, std::span<const std::size_t> examples,
                            RunObserver& observer, std::stop_token stop, Batch& batch) {
  std::vector<Work> work = plan(step, examples, batch);
  std::atomic<std::size_t> lost{work.size()};  // index of a photo that can no longer be read
  const std::size_t handed_out = parallel_for(
      work.size(), static_cast<int>(extractors_.size()), stop, [&](std::size_t i, int worker) {
        const std::span<float> row(work[i].row, table_.width());
        const std::shared_ptr<const Image> image = photo(work[i].example);
        if (!image) {
          const auto undistorted = table_.row(work[i].example);
          std::copy(undistorted.begin(), undistorted.end(), row.begin());
          lost = i;
          return;
        }
        extractors_[static_cast<std::size_t>(worker)]->run_distorted(*image, distortion_,
                                                                     work[i].rng, row);
      });
  if (handed_out < work.size()) {
    kept_.clear();  // some of them were never computed
    return false;
  }
  if (lost < work.size() && lost_.insert(work[lost].example).second) {
    observer.on_warning(printable(dataset_.examples[work[lost].example].path) +
                        ": can no longer be read: used undistorted");
  }
  return true;
}

}  // namespace graft
