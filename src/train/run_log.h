// The event files of a run: 14 values for each step (tags and order: docs/formats/events.md), made
// and written beside the training by a thread of their own, in the order of the steps.
// Thread rule: one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/head.h"
#include "train/head_trainer.h"
#include "train/run_directory.h"

namespace graft {

class RunLog {
 public:
  enum class File : std::uint8_t { kTraining, kValidation };

  // What a step is logged as. Copies, so that the training goes on while it is written.
  struct Record {
    File file = File::kTraining;
    std::int64_t step = 0;
    std::vector<float> weights, biases;  // as the step found them
    std::vector<float> logits, scores;   // of its batch
    BatchResult result;

    void set_head(const Head& head);
    void set_batch(const HeadTrainer& trainer, const BatchResult& of_batch);
  };

  // Creates both files, the training's with the graph (serialised) in it. threads == 1: nothing is
  // done beside; add() writes. kIo names the file.
  static Result<std::unique_ptr<RunLog>> create(const RunDirectory& run, std::string_view graph,
                                                int threads);
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  ~RunLog();  // writes what was added, as far as it can

  // The record to fill in and add() next. Waits while the writing is far behind.
  Record& next();
  // kIo of this record or of an earlier one; nothing is written after it. What the thread throws
  // (memory can end anywhere) leaves this call or the next.
  Result<void> add();
  // Waits until all that was added is in the files.
  Result<void> flush();
  // flush(), and the files are closed. Nothing is added afterwards.
  Result<void> close();

 private:
  struct State;
  explicit RunLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
