// TensorBoard event files: scalars, histograms, the graph. The first record is
// file_version "brain.Event:2"; every record is framed with checksums.
// Source: tensorflow/core/util/event.proto, events_writer.cc. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace graft {

// TensorFlow's histogram: limits ±1e-12·1.1^k (repeated multiplication) below 1e20, 0, ±DBL_MAX.
// Source: tensorflow/core/lib/histogram/histogram.cc.
struct Histogram {
  double min = 0, max = 0, num = 0, sum = 0, sum_squares = 0;
  std::vector<double> bucket_limit, bucket;  // runs of empty buckets collapsed
};
Histogram histogram_of(std::span<const float> values);

// One Summary: tag → value, encoded in the order added.
class SummaryBuilder {
 public:
  void scalar(std::string_view tag, float value);
  void histogram(std::string_view tag, std::span<const float> values);
  const std::string& bytes() const { return bytes_; }  // serialised Summary message
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

class EventWriter {
 public:
  // Creates <dir>/events.out.tfevents.<unix seconds, 10 digits>.<host>, with a suffix when that name is taken; never
  // touches another file.
  static Result<EventWriter> create(const std::string& dir);
  EventWriter(EventWriter&&) noexcept;
  EventWriter& operator=(EventWriter&&) noexcept;
  ~EventWriter();  // flushes as far as it can

  // Appends; the step's records reach the file with flush().
  void add_summary(const SummaryBuilder& summary, std::int64_t step);
  void add_graph(std::string_view graph_def_bytes);
  // One write() of all pending records. kIo names the file.
  Result<void> flush();
  const std::string& path() const;

 private:
  struct State;
  explicit EventWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
