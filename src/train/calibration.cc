#include "train/calibration.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "model/calibration.h"

namespace graft {
namespace {

constexpr std::uint64_t kMostCalibrationBytes = std::uint64_t{8} << 20;

// `count` of them at most, spread evenly over the sorted training examples, or over all where none
// is to train on.
std::vector<std::size_t> spread(const Dataset& dataset, std::size_t count) {
  const bool trains = dataset.count(Split::kTraining) > 0;
  std::vector<std::size_t> usable;
  for (std::size_t i = 0; i < dataset.examples.size(); ++i) {
    if (!trains || dataset.examples[i].split == Split::kTraining) usable.push_back(i);
  }
  std::sort(usable.begin(), usable.end(), [&](std::size_t a, std::size_t b) {
    return dataset.examples[a].path < dataset.examples[b].path;
  });
  const std::size_t n = std::min(count, usable.size());
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < n; ++i) chosen.push_back(usable[i * usable.size() / n]);
  return chosen;
}

struct Measured {
  ActivationRanges ranges;
  std::size_t photos = 0;
};

Result<Measured> measure(Backbone& backbone, const Dataset& dataset, int threads,
                         const std::stop_token& stop) {
  GRAFT_ASSIGN(const RangeMeter meter, RangeMeter::prepare(backbone));
  const std::vector<std::size_t> chosen = spread(dataset, kCalibrationPhotos);
  const int workers = std::max(1, std::min(threads, static_cast<int>(chosen.size())));
  std::vector<RangeMeter::Worker> meters;
  for (int i = 0; i < workers; ++i) meters.push_back(meter.make_worker());
  std::vector<Bytes> buffers(meters.size());
  std::vector<std::size_t> counts(meters.size());
  const std::size_t handed_out =
      parallel_for(chosen.size(), workers, stop, [&](std::size_t i, int worker) {
        const auto w = static_cast<std::size_t>(worker);
        // What is wrong with a photo is said when its feature is computed.
        if (!read_file(dataset.examples[chosen[i]].path, buffers[w]).ok()) return;
        counts[w] += meters[w].add(buffers[w]).ok() ? 1 : 0;
      });
  if (handed_out < chosen.size()) {
    return cancelled("stopped while calibrating: nothing is lost: the same command starts again");
  }
  Measured measured;
  for (const std::size_t count : counts) measured.photos += count;
  if (measured.photos == 0) {
    return invalid_argument(
        "--precision=int8: none of the photos it would be measured on can be read: give other "
        "photos, "
        "or leave it out");
  }
  measured.ranges = meter.ranges(meters);
  return measured;
}

}  // namespace

std::string calibration_path(const std::string& bottleneck_dir, const Backbone& backbone) {
  const Hash128 space = xxh3_128(as_bytes(backbone.photo_space()));
  return join_path(bottleneck_dir, "int8-" + hex(space.bytes).substr(0, 16) + ".json");
}

Result<void> calibrate(Backbone& backbone, const Dataset& dataset,
                       const std::string& bottleneck_dir, int threads, RunObserver& observer,
                       const std::stop_token& stop) {
  if (backbone.precision() != Precision::kInt8) return {};
  const std::string path = calibration_path(bottleneck_dir, backbone);
  const std::string space = backbone.photo_space();
  if (exists(path)) {
    auto text = read_text_file(path, kMostCalibrationBytes);
    auto ranges = text.ok() ? parse_calibration(*text, space, printable(path))
                            : Result<ActivationRanges>(std::move(text).error());
    if (ranges.ok()) {
      backbone.use_ranges(std::move(ranges).value());
      return {};
    }
    observer.on_warning(ranges.error().message + ": it is measured anew and replaced");
  }
  GRAFT_ASSIGN(Measured measured, measure(backbone, dataset, threads, stop));
  observer.on_message("Calibrated int8 on " + format_count(measured.photos) + " photos, for " +
                      printable(path));
  GRAFT_TRY(write_atomically(
      path, std::string_view(calibration_text(measured.ranges, space, measured.photos))));
  backbone.use_ranges(std::move(measured.ranges));
  return {};
}

}  // namespace graft
