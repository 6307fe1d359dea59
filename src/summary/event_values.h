// What a summary's payload means: TensorFlow 1's messages and TensorBoard 2's tensors alike.
// Source: tensorboard/plugins/{histogram,image,text}/metadata.py say how tensors are laid out.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "summary/event_scan.h"
#include "summary/histogram.h"

namespace graft {

enum class SummaryKind : std::uint8_t { kNone, kScalar, kHistogram, kImage, kText };

// What the value is. A tensor without a plugin's name in its metadata is what its shape says: rank
// 0 of floats is a scalar, anything else kNone. For a scalar, `scalar` is set.
SummaryKind kind_of(const EventValue& value, float& scalar);

// kCorrupt: the payload is no such thing.
// A tensor [k, 3] of (left, right, count) becomes limits and counts; an empty one has neither.
Result<Histogram> histogram_of(const EventValue& value);
// The encoded images of one step, as they lie in the log (PNG, JPEG, GIF).
Result<std::vector<std::string>> images_of(const EventValue& value);
Result<std::string> text_of(const EventValue& value);

}  // namespace graft
