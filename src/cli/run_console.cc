#include "cli/run_console.h"

#include <sys/time.h>

#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "cli/format.h"
#include "cli/models.h"
#include "train/run_record.h"

namespace graft {
namespace {

constexpr std::size_t kSkippedShown = 20;
constexpr std::chrono::milliseconds kEvaluationPeriod{500};

// As Python's datetime.now() prints itself: 2017-06-16 12:00:00.123456, local time.
std::string timestamp() {
  timeval now{};
  gettimeofday(&now, nullptr);
  std::tm local{};
  localtime_r(&now.tv_sec, &local);
  char seconds[32], text[48];
  if (std::strftime(seconds, sizeof seconds, "%Y-%m-%d %H:%M:%S", &local) == 0) return "";
  std::snprintf(text, sizeof text, "%s.%06ld", seconds, static_cast<long>(now.tv_usec));
  return text;
}

Progress shown(const ProgressUpdate& update) {
  const std::string_view stage = update.stage;
  Progress progress{std::string(stage), update.done, update.total, update.seconds, Unit::kPhotos};
  if (stage == "features") progress.title = "Features";
  if (stage == "test") progress.title = "Test";
  if (stage == "training") {
    progress.title = "Training";
    progress.unit = Unit::kSteps;
  }
  if (stage == "download") {
    progress.title = "Download";
    progress.unit = Unit::kBytes;
  }
  return progress;
}

void append_file(std::string& out, const std::string& path, std::string_view what) {
  if (path.empty()) return;
  std::string name = printable(path);
  if (name.size() < 44) name.append(44 - name.size(), ' ');
  out += "  " + name + "  " + std::string(what) + "\n";
}

std::string misclassified(const RetrainResult& result) {
  std::string out = "=== MISCLASSIFIED TEST IMAGES ===\n";
  for (const ScoredExample& mistake : result.test.mistakes) {
    std::string path = printable(mistake.path);
    if (path.size() < 70) path.insert(0, 70 - path.size(), ' ');
    out +=
        path + "  " + printable(result.labels[static_cast<std::size_t>(mistake.predicted)]) + "\n";
  }
  return out;
}

}  // namespace

void RunConsole::on_progress(const ProgressUpdate& update) {
  console_.progress(shown(update));
}

void RunConsole::on_evaluation(const EvaluationReport& report) {
  // On a terminal thousands of lines in a second would only push what matters out of sight; the
  // logs have every step. In a pipe or file every line is kept.
  const auto now = std::chrono::steady_clock::now();
  const bool edge = report.step == 0 || report.step + 1 >= steps_;
  if (console_.interactive() && !edge && now - last_evaluation_ < kEvaluationPeriod) return;
  last_evaluation_ = now;
  const std::string head = timestamp() + ": Step " + std::to_string(report.step) + ": ";
  std::string lines =
      head + format("Train accuracy = %.1f%%\n", static_cast<double>(report.train_accuracy) * 100) +
      head + format("Cross entropy = %f", static_cast<double>(report.cross_entropy));
  if (report.has_validation) {
    lines += "\n" + head +
             format("Validation accuracy = %.1f%% (N=%zu)",
                    static_cast<double>(report.validation_accuracy) * 100, report.validation_count);
  }
  console_.message(lines);
}

ScanOptions scan_options(const RetrainOptions& options) {
  ScanOptions scan;
  scan.image_dir = options.image_dir;
  scan.split = {options.testing_percentage, options.validation_percentage, options.split_key,
                options.split_seed};
  scan.labels = options.labels;
  return scan;
}

DecodeOptions decode_options(const RetrainOptions& options) {
  DecodeOptions decode;
  decode.apply_exif_orientation = options.apply_exif_orientation;
  decode.rule = options.decode_rule;
  return decode;
}

Result<void> prepare_network(Console& console, const RetrainOptions& options) {
  if (options.custom.is_given()) return {};
  GRAFT_ASSIGN(const std::string made,
               make_network_if_untrained(options.architecture, options.model_dir,
                                         scan_options(options), decode_options(options)));
  if (!made.empty()) {
    console.warning(options.architecture + ": made here, its filters are random: " +
                    "for demonstrations; expect far less than a pretrained network gives");
    console.message("Written: " + printable(made));
  }
  return {};
}

void report_skipped(Console& console, const std::vector<Skipped>& skipped,
                    const std::string& rest_where) {
  for (std::size_t i = 0; i < skipped.size() && i < kSkippedShown; ++i) {
    console.warning("skipped " + printable(skipped[i].path) + ": " + skipped[i].reason);
  }
  if (skipped.size() > kSkippedShown) {
    console.warning("skipped " + format_count(skipped.size() - kSkippedShown) +
                    " more: " + rest_where);
  }
}

void report_result(Console& console, const RetrainOptions& options, const RetrainResult& result) {
  std::string out;
  if (result.test.photos > 0) {
    out += console.bold(format("Final test accuracy = %.1f%% (N=%zu)", result.test.accuracy * 100,
                               result.test.photos)) +
           "\n" +
           format("95%% confidence interval: %.1f%% to %.1f%%", result.test.interval.low * 100,
                  result.test.interval.high * 100) +
           "\n";
  } else {
    out +=
        "Final test accuracy: not measured: no photo fell into the test split; give more photos "
        "or a larger --testing_percentage\n";
  }
  if (options.print_misclassified_test_images) out += misclassified(result);

  const FeatureStats& f = result.features;
  out += "\nFeatures: " + format_count(f.photos) + " photos in " +
         format_duration(result.seconds_features) + ": " + format_count(f.computed) +
         " computed, " + format_count(f.from_store) + " from the cache";
  if (f.from_text > 0) out += ", " + format_count(f.from_text) + " from TensorFlow's text files";
  if (!result.skipped.empty()) out += "; " + format_count(result.skipped.size()) + " skipped";
  out += "\nTraining: " + format_count(static_cast<std::uint64_t>(result.steps)) + " steps in " +
         format_duration(result.seconds_training) + (result.resumed ? " (resumed)" : "") +
         "\nTotal: " + format_duration(result.seconds_total) + "\n";
  console.print(out);
}

void report_files(Console& console, const RetrainOptions& options, const RetrainResult& result,
                  const std::string& photo) {
  std::string out = "\nRead:\n";
  append_file(out, options.image_dir, "photos");
  if (options.custom.is_given()) {
    append_file(out, options.custom.graph, "the network");
  } else {
    append_file(out, options.model_dir, "pretrained networks, " + printable(options.architecture));
  }
  out += "Written:\n";
  append_file(out, result.output_graph,
              result.has_backbone ? "the classifier" : "the last layer alone (no network at hand)");
  append_file(out, result.side_file, "its preprocessing, labels and split");
  append_file(out, result.output_labels, "the labels, one a line");
  append_file(out, result.run_dir, "logs of this run, for TensorBoard");
  append_file(out, result.run_json, "every option, seed, skipped file and result");
  append_file(out, result.bottleneck_dir, "features, kept for the next run");
  if (options.intermediate_store_frequency > 0) {
    append_file(out, options.intermediate_output_graphs_dir, "graphs saved on the way");
  }

  out += "\nNext:\n";
  if (result.has_backbone) {
    const std::string graph = " --graph=" + shell_quote(result.output_graph);
    out += "  graft label" + graph + " " + shell_quote(photo) + "\n";
    // Which photos were kept aside stands in the side file. None: nothing honest to measure on.
    if (result.test.photos > 0) {
      out += "  graft evaluate" + graph + " --image_dir=" + shell_quote(options.image_dir) + "\n";
    }
  }
  out += "  graft board --logdir=" + shell_quote(options.summaries_dir) + "\n";
  console.print(out);
}

Json to_json(const std::vector<Skipped>& skipped) {
  Json list = Json::array();
  for (const Skipped& s : skipped) {
    list.push_back({{"path", printable(s.path)}, {"reason", printable(s.reason)}});
  }
  return list;
}

Json to_json(const RetrainResult& result) {
  Json json = Json::object();
  json["test"] = to_json(result.test);
  json["steps"] = result.steps;
  json["resumed"] = result.resumed;
  Json& labels = json["labels"] = Json::array();
  for (const std::string& label : result.labels) labels.push_back(printable(label));
  Json& files = json["files"] = Json::object();
  files["output_graph"] = printable(result.output_graph);
  files["output_labels"] = printable(result.output_labels);
  files["side_file"] = printable(result.side_file);
  files["run_dir"] = printable(result.run_dir);
  files["run_json"] = printable(result.run_json);
  files["bottleneck_dir"] = printable(result.bottleneck_dir);
  json["graph_sha256"] = result.graph_sha256;
  json["has_backbone"] = result.has_backbone;
  json["features"] = to_json(result.features);
  json["skipped"] = to_json(result.skipped);
  json["seconds"] = {{"features", result.seconds_features},
                     {"training", result.seconds_training},
                     {"total", result.seconds_total}};
  return json;
}

}  // namespace graft
