// Reads event files, TensorFlow's and ours, while they grow. Damaged records are counted and passed
// over, never fatal. Thread rule: one thread at a time an object.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "summary/histogram.h"
#include "summary/record_reader.h"

namespace graft {

struct ScalarEvent {
  std::string_view tag;
  std::int64_t step = 0;
  double wall_time = 0;
  float value = 0;
};
struct HistogramEvent {
  std::string_view tag;
  std::int64_t step = 0;
  double wall_time = 0;
  Histogram value;
};

struct EventHandler {  // views live during the call; empty functions are skipped
  std::function<void(const ScalarEvent&)> on_scalar;
  std::function<void(const HistogramEvent&)> on_histogram;
  std::function<void(std::string_view graph_def)> on_graph;
  std::function<void(std::string_view version)> on_file_version;
};

// Scalars come as simple_value (TensorFlow 1) or as a rank-0 float tensor (TensorBoard 2).
class EventReader {
 public:
  explicit EventReader(std::string path);
  // RecordReader::poll for everything that is complete now: growing, damaged and replaced files are
  // read on as it says.
  Result<void> poll(const EventHandler& handler);
  std::uint64_t damaged_records() const { return records_.damaged(); }
  std::uint64_t offset() const { return records_.offset(); }  // bytes read and done with

 private:
  RecordReader records_;
};

}  // namespace graft
