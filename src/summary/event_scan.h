// The fields of an Event message found where they lie, without building messages: what a million
// scalars are read with. The meaning of a payload is event_values.h's. Source of the fields:
// wire/event.proto, whose generated parser the tests compare with. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace graft {

struct EventValue {
  enum class Kind : std::uint8_t { kNone, kScalar, kHistogram, kImage, kTensor };
  std::string_view tag;
  std::string_view plugin;  // of its metadata: "scalars", "histograms", "images", "text" or ""
  Kind kind = Kind::kNone;
  float scalar = 0;
  std::string_view payload;  // bytes of HistogramProto, Summary.Image, TensorProto
};

struct ScannedEvent {
  enum class What : std::uint8_t { kNone, kFileVersion, kGraph, kSummary };
  double wall_time = 0;
  std::int64_t step = 0;
  What what = What::kNone;
  std::string_view bytes;          // of the version or the graph
  std::vector<EventValue> values;  // of the summary
};

// Views point into `message`. False: no such message (its text fields are not checked to be UTF-8).
// `into` is overwritten, its memory is reused.
bool scan_event(std::span<const std::byte> message, ScannedEvent& into);

}  // namespace graft
