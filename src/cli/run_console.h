// A run as people see it: the lines that users of the codelab know, the progress bar, the account
// at the end. Shared by retrain, features and demo. Thread rule: as RunObserver's.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/console.h"
#include "data/dataset.h"
#include "image/decode.h"
#include "train/observer.h"
#include "train/retrain.h"

namespace graft {

class RunConsole : public RunObserver {
 public:
  // steps: how many the training has, so that its last evaluation is always shown.
  RunConsole(Console& console, int steps) : console_(console), steps_(steps) {}
  void on_message(const std::string& line) override { console_.message(line); }
  void on_warning(const std::string& line) override { console_.warning(line); }
  void on_progress(const ProgressUpdate& update) override;
  void on_evaluation(const EvaluationReport& report) override;

 private:
  Console& console_;
  int steps_;
  std::chrono::steady_clock::time_point last_evaluation_;
};

ScanOptions scan_options(const RetrainOptions& options);
DecodeOptions decode_options(const RetrainOptions& options);
// make_network_if_untrained for a run; says what it made.
Result<void> prepare_network(Console& console, const RetrainOptions& options);

// "Skipped daisy/x.jpg: truncated", the first of them, then how many more and `rest_where`.
void report_skipped(Console& console, const std::vector<Skipped>& skipped,
                    const std::string& rest_where);

// Standard output's part of a run: accuracy with its interval, misclassified photos if wanted.
void report_result(Console& console, const RetrainOptions& options, const RetrainResult& result);
// What was read and written, what to type next. photo: one to put into those commands.
void report_files(Console& console, const RetrainOptions& options, const RetrainResult& result,
                  const std::string& photo);
Json to_json(const RetrainResult& result);
Json to_json(const std::vector<Skipped>& skipped);

}  // namespace graft
