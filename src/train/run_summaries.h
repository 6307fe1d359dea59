// The 14 values that the original logs for each step. Tags and order: docs/formats/events.md.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>

#include "summary/event_writer.h"
#include "train/head_trainer.h"

namespace graft {

class RunSummary {
 public:
  // First the head as the step found it, then what came of the batch.
  void add_head(std::span<const float> weights, std::span<const float> biases);
  void add_batch(std::span<const float> logits, std::span<const float> scores,
                 const BatchResult& result);
  // Appends the summary to the writer's pending records and starts a new one.
  void write(EventWriter& writer, std::int64_t step);

 private:
  void add_variable(const char* name, std::span<const float> values);
  SummaryBuilder builder_;
  Histogram scratch_;
};

}  // namespace graft
