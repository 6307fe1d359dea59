// How a run tells the outside what it does. The library prints nothing; cli (later the board)
// shows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace graft {

// How often a long stage reports: what an eye can follow.
inline constexpr std::chrono::duration<double> kProgressPeriod{0.1};

struct ProgressUpdate {
  const char* stage = "";             // "features", "training", "test", "download"
  std::uint64_t done = 0, total = 0;  // photos, steps, bytes
  double seconds = 0;                 // since the stage began
};

struct EvaluationReport {
  int step = 0;
  float train_accuracy = 0, cross_entropy = 0;
  bool has_validation = false;
  float validation_accuracy = 0;
  std::size_t validation_count = 0;
};

// Thread rule: calls come from one thread at a time; keep them short. All have empty defaults.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void on_message(const std::string& line) { (void)line; }
  virtual void on_warning(const std::string& line) { (void)line; }
  virtual void on_progress(const ProgressUpdate& update) { (void)update; }
  virtual void on_evaluation(const EvaluationReport& report) { (void)report; }
};

}  // namespace graft
