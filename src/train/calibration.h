// What int8 has to know of the user's photos (model/calibration.h), from the file beside the cached
// features, or measured now and kept there. Thread rule: one call at a time.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "data/dataset.h"
#include "model/backbone.h"
#include "train/observer.h"

namespace graft {

// As many photos as ranges are measured on, at most.
inline constexpr std::size_t kCalibrationPhotos = 64;

// "<bottleneck_dir>/int8-0f3a….json": one a network, feature and preparation of photos.
std::string calibration_path(const std::string& bottleneck_dir, const Backbone& backbone);

// Gives the backbone the ranges that it computes by; nothing to do in float32. Ranges that lie in
// bottleneck_dir for this network count, whichever photos they were measured on, so that features
// once computed stay good when photos are added. Else training photos (where there are none, any)
// are measured, spread evenly over the sorted examples, those that cannot be decoded left out, and
// the file is written. A file that cannot be read as one is warned about and replaced. Errors:
// RangeMeter::prepare's; kInvalidArgument: none of them can be decoded; kIo: the file cannot be
// written; kCancelled.
Result<void> calibrate(Backbone& backbone, const Dataset& dataset,
                       const std::string& bottleneck_dir, int threads, RunObserver& observer,
                       const std::stop_token& stop);

}  // namespace graft
