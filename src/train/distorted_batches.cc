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
                                   const Distortion& distortion, std::uint64_t seed, int threads)
    : dataset_(dataset),
      table_(table),
      decode_(decode),
      distortion_(distortion),
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

bool DistortedBatches::fill(std::uint64_t step, std::span<const std::size_t> examples,
                            RunObserver& observer, std::stop_token stop, Batch& batch) {
  const std::size_t width = table_.width();
  rows_.resize(examples.size() * width);
  batch.rows.clear();
  batch.labels.clear();
  std::atomic<std::size_t> lost{examples.size()};  // index of a photo that can no longer be read
  const std::size_t handed_out = parallel_for(
      examples.size(), static_cast<int>(extractors_.size()), stop, [&](std::size_t i, int worker) {
        const std::span<float> row(rows_.data() + i * width, width);
        const std::shared_ptr<const Image> image = photo(examples[i]);
        if (!image) {
          const auto undistorted = table_.row(examples[i]);
          std::copy(undistorted.begin(), undistorted.end(), row.begin());
          lost = i;
          return;
        }
        Rng rng(seed_, kDistortionStream, (step << kStepShift) + (i << kPhotoShift));
        extractors_[static_cast<std::size_t>(worker)]->run_distorted(*image, distortion_, rng, row);
      });
  if (handed_out < examples.size()) return false;
  if (lost < examples.size() && lost_.insert(examples[lost]).second) {
    observer.on_warning(printable(dataset_.examples[examples[lost]].path) +
                        ": can no longer be read: used undistorted");
  }
  for (std::size_t i = 0; i < examples.size(); ++i) {
    batch.rows.push_back(rows_.data() + i * width);
    batch.labels.push_back(dataset_.examples[examples[i]].label);
  }
  return true;
}

}  // namespace graft
