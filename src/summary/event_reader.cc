#include "summary/event_reader.h"

#include <utility>

#include "summary/event_scan.h"
#include "summary/event_values.h"

namespace graft {
namespace {

// False: a value that is not what it claims to be.
bool deliver(const ScannedEvent& event, const EventHandler& handler) {
  if (event.what == ScannedEvent::What::kFileVersion && handler.on_file_version) {
    handler.on_file_version(event.bytes);
  }
  if (event.what == ScannedEvent::What::kGraph && handler.on_graph) handler.on_graph(event.bytes);
  bool sound = true;
  for (const EventValue& value : event.values) {
    float scalar = 0;
    switch (kind_of(value, scalar)) {
      case SummaryKind::kScalar:
        if (handler.on_scalar) handler.on_scalar({value.tag, event.step, event.wall_time, scalar});
        break;
      case SummaryKind::kHistogram: {
        if (!handler.on_histogram) break;
        auto histogram = histogram_of(value);
        sound = sound && histogram.ok();
        if (histogram.ok()) {
          handler.on_histogram(
              {value.tag, event.step, event.wall_time, std::move(histogram).value()});
        }
        break;
      }
      case SummaryKind::kImage:
      case SummaryKind::kText:
      case SummaryKind::kNone:
        break;
    }
  }
  return sound;
}

}  // namespace

EventReader::EventReader(std::string path) : records_(std::move(path)) {}

Result<void> EventReader::poll(const EventHandler& handler) {
  ScannedEvent event;
  RecordSink sink;
  sink.on_record = [&](std::uint64_t, std::span<const std::byte> data) {
    if (!scan_event(data, event) || !deliver(event, handler)) records_.count_damaged();
  };
  GRAFT_TRY(records_.poll(sink));
  return {};
}

}  // namespace graft
