// TensorBoard event files: scalars, histograms, the graph. The first record is
// file_version "brain.Event:2"; every record is framed with checksums. Bytes:
// docs/formats/events.md. Source: tensorflow/core/util/event.proto, events_writer.cc. Thread rule:
// one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "summary/histogram.h"

namespace graft {

// One Summary: tag → value, encoded in the order added.
class SummaryBuilder {
 public:
  void scalar(std::string_view tag, float value);
  void histogram(std::string_view tag, std::span<const float> values);
  void histogram(std::string_view tag, const Histogram& value);
  const std::string& bytes() const { return bytes_; }  // serialised Summary message
  void clear() { bytes_.clear(); }                     // keeps its memory for the next step

 private:
  std::string bytes_;
  Histogram scratch_;
};

class EventWriter {
 public:
  // Creates <dir>/events.out.tfevents.<unix seconds, 10 digits>.<host>, with a suffix when that
  // name is taken; missing directories are made, no other file is touched. kIo names the file.
  static Result<EventWriter> create(const std::string& dir);
  EventWriter(EventWriter&&) noexcept;
  EventWriter& operator=(EventWriter&&) noexcept;
  ~EventWriter();  // flushes as far as it can

  // Appends; the step's records reach the file with flush(). An event's wall_time is the wall clock
  // at create() plus the time that has passed since then: a clock that is set back does not fold
  // the curves.
  void add_summary(const SummaryBuilder& summary, std::int64_t step);
  void add_graph(std::string_view graph_def_bytes);
  // One write() of all pending records, so that a reader sees whole steps. kIo names the file; what
  // was written of the records in hand is then cut off again and they stay pending.
  Result<void> flush();
  // flush(), and the file is closed: some file systems say only then that a write failed. kIo names
  // the file. Nothing is added afterwards.
  Result<void> close();
  const std::string& path() const;

 private:
  struct State;
  explicit EventWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
