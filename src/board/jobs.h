// Trainings that were started from the page: `graft retrain` as a process of its own, which neither
// a crash of the board nor a slow page can hold up. One at a time. Thread rule: every function may
// be called from any thread; on_change is called by a job's own thread.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "board/job_options.h"
#include "board/worker_pool.h"

namespace graft {

// Progress as the plain lines of `graft retrain` tell it.
struct JobProgress {
  std::string stage;  // "features", "training", "test", "download"; "" at first
  std::uint64_t done = 0, total = 0;
};
// Whether the line says something of it. steps: --how_many_training_steps.
bool read_progress(const std::string& line, std::uint64_t steps, JobProgress& progress);

class Jobs {
 public:
  // program: what is started. on_change: the job (without log) and the lines that were added.
  Jobs(std::string program, std::function<void(const Json& job, const Json& lines)> on_change);
  ~Jobs();  // as Ctrl-C to a running job; waits for its end

  // kInvalidArgument: another one runs. kIo: no process could be started.
  Result<Json> start(const RetrainCommand& command);
  Json all() const;
  Result<Json> get(const std::string& id) const;  // kNotFound
  Result<void> stop(const std::string& id);       // kNotFound; nothing for one that has ended
  std::string running() const;                    // id or ""
  // A training that appeared or changed: the last job's, if its directory says so.
  void note_training(const std::string& id, const std::string& directory);

 private:
  struct Job;
  void follow(Job& job, int output);
  Json describe(const Job& job, bool with_log) const;

  const std::string program_;
  const std::function<void(const Json&, const Json&)> on_change_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Job>> jobs_;
  // A process has the priority of the thread that starts it.
  WorkerPool starter_{1, 1, WorkerPool::Priority::kOrdinary};
};

}  // namespace graft
