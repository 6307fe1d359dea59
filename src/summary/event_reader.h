// Reads event files, TensorFlow's and ours, while they grow. Damaged records are counted and
// skipped where the frame allows, never fatal. Thread rule: one thread at a time an object.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "summary/histogram.h"

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
  // Memory a reader may take for one record; a longer one is passed over and counted as damaged.
  static constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{256} << 20;

  explicit EventReader(std::string path);
  // Reads what is complete since the last call, a chunk at a time. A truncated last record waits
  // for the next call. A record whose content is damaged is counted and passed over. Where a
  // record's length is damaged there is no telling where the next one starts: reading stops there
  // for good (lost() is true, counted once). A file that was replaced or cut shorter is read from
  // its start. kIo/kNotFound/kUnsupported for the file itself.
  Result<void> poll(const EventHandler& handler);
  std::uint64_t damaged_records() const { return damaged_; }
  bool lost() const { return lost_; }
  std::uint64_t offset() const { return offset_; }  // bytes read and done with

 private:
  std::string path_;
  std::uint64_t offset_ = 0, damaged_ = 0;
  std::uint64_t device_ = 0, inode_ = 0;
  bool lost_ = false;
};

}  // namespace graft
