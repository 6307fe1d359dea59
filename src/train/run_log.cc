#include "train/run_log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/parallel.h"
#include "summary/event_writer.h"
#include "train/run_summaries.h"

namespace graft {

void RunLog::Record::set_head(const Head& head) {
  const auto copy = [](std::span<const float> from, std::vector<float>& to) {
    to.assign(from.begin(), from.end());
  };
  copy(head.weights.as<float>(), weights);
  copy(head.biases.as<float>(), biases);
}

void RunLog::Record::set_batch(const HeadTrainer& trainer, const BatchResult& of_batch) {
  logits.assign(trainer.logits().begin(), trainer.logits().end());
  scores.assign(trainer.scores().begin(), trainer.scores().end());
  result = of_batch;
}

struct RunLog::State {
  // Enough that neither side waits for the other's slower steps, and little memory for a head of
  // many classes.
  static constexpr std::size_t kRecords = 32;
  static constexpr std::size_t kBytes = std::size_t{4} << 20;
  static constexpr std::size_t kDozen = 12;
  static constexpr std::chrono::milliseconds kMoment{100};

  State(EventWriter train, EventWriter validate)
      : training(std::move(train)), validation(std::move(validate)) {}

  // The first `count` of those that were added.
  Result<void> write(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Record& record = records[(first + i) % records.size()];
      summary.add_head(record.weights, record.biases);
      summary.add_batch(record.logits, record.scores, record.result);
      summary.write(record.file == File::kTraining ? training : validation, record.step);
    }
    GRAFT_TRY(training.flush());
    return validation.flush();
  }

  std::size_t most_records() const {
    const Record& r = records.front();
    const std::size_t floats =
        r.weights.size() + r.biases.size() + r.logits.size() + r.scores.size();
    return std::clamp(kBytes / (floats * sizeof(float) + 1), std::size_t{2}, records.size());
  }

  // The thread's. Takes records by the dozen, since waking it costs more than writing one, and
  // what there is after a moment. Nothing is written after an error.
  void write_all() {
    std::unique_lock lock(mutex);
    while (!ending || added > 0) {
      idle = true;
      changed.wait_for(lock, kMoment, [this] { return wanted(); });
      idle = false;
      const std::size_t count = added;
      if (count == 0) continue;
      if (!failed()) {
        lock.unlock();
        std::optional<Error> failure;
        std::exception_ptr exception;
        try {
          if (auto written = write(count); !written.ok()) failure = written.error();
        } catch (...) {  // memory can end anywhere
          exception = std::current_exception();
        }
        lock.lock();
        error = failure;
        thrown = exception;
      }
      first = (first + count) % records.size();
      added -= count;
      if (waiting) changed.notify_all();
    }
  }
  bool failed() const { return error || thrown; }
  bool wanted() const { return ending || added >= kDozen || (waiting && added > 0); }

  // The caller's, until the thread has come so far.
  template <typename Reached>
  std::unique_lock<std::mutex> wait_until(const Reached& reached) {
    std::unique_lock lock(mutex);
    if (!reached()) {
      waiting = true;
      changed.notify_all();
      changed.wait(lock, reached);
      waiting = false;
    }
    return lock;
  }
  Result<void> outcome() const {
    if (thrown) std::rethrow_exception(thrown);
    if (error) return *error;
    return {};
  }

  EventWriter training, validation;
  RunSummary summary;

  std::mutex mutex;
  std::condition_variable changed;
  // A ring: `added` records from `first` on are the thread's, the one behind them is the caller's.
  std::vector<Record> records{kRecords};
  std::size_t first = 0, added = 0;
  bool idle = false;     // the thread sleeps
  bool waiting = false;  // the caller does
  bool ending = false;
  std::optional<Error> error;  // the first one, or what was thrown
  std::exception_ptr thrown;
  std::optional<std::jthread> thread;  // none: the caller writes
};

RunLog::RunLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<RunLog>> RunLog::create(const RunDirectory& run, std::string_view graph,
                                               int threads) {
  GRAFT_ASSIGN(EventWriter training, EventWriter::create(run.train_dir()));
  GRAFT_ASSIGN(EventWriter validation, EventWriter::create(run.validation_dir()));
  training.add_graph(graph);
  GRAFT_TRY(training.flush());
  GRAFT_TRY(validation.flush());
  auto state = std::make_unique<State>(std::move(training), std::move(validation));
  if (threads > 1) state->thread = begin_thread([&s = *state] { s.write_all(); });
  return std::unique_ptr<RunLog>(new RunLog(std::move(state)));
}

RunLog::~RunLog() {
  if (!state_->thread) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  state_->thread->join();
}

RunLog::Record& RunLog::next() {
  State& s = *state_;
  const auto lock = s.wait_until([&s] { return s.added + 1 < s.most_records(); });
  return s.records[(s.first + s.added) % s.records.size()];
}

Result<void> RunLog::add() {
  State& s = *state_;
  if (!s.thread) {
    if (auto written = s.failed() ? Result<void>() : s.write(1); !written.ok()) {
      s.error = written.error();
    }
    return s.outcome();
  }
  const std::lock_guard lock(s.mutex);
  ++s.added;
  if (s.idle && s.wanted()) s.changed.notify_all();
  return s.outcome();
}

Result<void> RunLog::flush() {
  State& s = *state_;
  const auto lock = s.wait_until([&s] { return s.added == 0; });
  return s.outcome();
}

Result<void> RunLog::close() {
  GRAFT_TRY(flush());
  GRAFT_TRY(state_->training.close());
  return state_->validation.close();
}

}  // namespace graft
