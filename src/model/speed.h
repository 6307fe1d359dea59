// How many photos a second a network will manage on this machine, estimated in about a second
// without having its file: networks of the same structure with random weights are timed, since the
// weights do not change the time. Non-goals: exact figures (bench/). Thread rule: measure() runs
// its own threads; the result is a plain value.
#pragma once

#include <array>
#include <span>
#include <stop_token>

#include "base/file.h"
#include "base/result.h"
#include "image/decode.h"
#include "model/spec.h"

namespace graft {

struct SpeedOptions {
  int threads = 0;       // 0: one a core
  double seconds = 0.2;  // of each of the five measurements
  DecodeOptions decode;
  // A photo like those that will come: decoding and resizing it is part of the time.
  std::span<const std::byte> photo;
};

// Processor time per photo and thread while all threads work.
struct Speed {
  int threads = 1;
  // Of the processor time that the threads asked for, what they got while they were timed; the rest
  // went to other programs (or there are fewer cores than threads).
  double share_of_processor = 1;
  double decode_seconds = 0;  // decoding and resizing the photo
  // Of the four widths of MobileNet V1 at 128 pixels, widest first; larger inputs and Inception V3
  // (as the widest) are taken to need time in proportion to their multiply-adds.
  std::array<double, 4> network_seconds{};

  // Photos a second of all threads together, when no other program takes the processor.
  double photos_per_second(const ModelSpec& spec) const;
};

// Errors: decode_image's for the photo; kCancelled.
Result<Speed> measure_speed(const SpeedOptions& options, const std::stop_token& stop);

}  // namespace graft
