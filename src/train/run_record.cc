#include "train/run_record.h"

#include <array>
#include <ctime>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace graft {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string cpu_model() {
  const auto text = read_text_file("/proc/cpuinfo");
  if (!text.ok()) return "unknown";
  for (const std::string& line : split_lines(*text)) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos) {
      return trim(line.substr(colon + 1));
    }
  }
  return "unknown";
}

}  // namespace

Json to_json(const FeatureStats& stats) {
  return {{"photos", stats.photos},
          {"from_store", stats.from_store},
          {"from_text", stats.from_text},
          {"computed", stats.computed},
          {"failed", stats.failed},
          {"damaged", stats.damaged},
          {"corrupt_but_decoded", stats.corrupt_but_decoded},
          {"duplicates_across_splits", stats.duplicates_across_splits},
          {"seconds", stats.seconds}};
}

RunRecord::RunRecord(std::string path, const Json& option_values, const RetrainOptions& options,
                     const Hash128& fingerprint, int threads)
    : path_(std::move(path)), json_(Json::object()) {
  json_["format"] = "graft-run-1";
  json_["state"] = "running";
  json_["graft_version"] = GRAFT_VERSION;
  json_["started"] = utc_now();
  json_["ended"] = nullptr;
  json_["options"] = option_values;
  json_["seed"] = options.seed;
  json_["split_seed"] = options.split_seed;
  json_["fingerprint"] = hex(fingerprint.bytes);
  json_["machine"] = {{"cpu", printable(cpu_model())}, {"threads", threads}};
}

void RunRecord::describe_network(const ModelSpec& spec, const Backbone* backbone) {
  Json& network = json_["network"] = Json::object();
  network["architecture"] = spec.architecture;
  network["file"] = backbone != nullptr ? Json(printable(backbone->origin())) : Json(nullptr);
  network["sha256"] = backbone != nullptr ? Json(backbone->fingerprint()) : Json(nullptr);
  network["feature_tensor"] = spec.feature_tensor;
  network["feature_width"] = spec.feature_width;
  network["untrained"] = spec.untrained;
  const bool int8 = backbone != nullptr && backbone->precision() == Precision::kInt8;
  network["precision"] = int8 ? "int8" : "float32";
}

void RunRecord::describe_photos(const Dataset& dataset, const FeatureStats& stats,
                                const std::string& feature_space) {
  Json& labels = json_["labels"] = Json::array();
  for (const Class& c : dataset.classes) labels.push_back(printable(c.label));
  Json& splits = json_["splits"] = Json::object();
  for (const Split split : {Split::kTraining, Split::kValidation, Split::kTesting}) {
    splits[std::string(name_of(split))] = dataset.count(split);
  }
  json_["feature_space"] = printable(feature_space);
  json_["features"] = to_json(stats);
  Json& skipped = json_["skipped"] = Json::array();
  for (const Skipped& s : dataset.skipped) {
    skipped.push_back({{"path", printable(s.path)}, {"reason", printable(s.reason)}});
  }
  Json& warnings = json_["warnings"] = Json::array();
  for (const std::string& warning : dataset.warnings) warnings.push_back(printable(warning));
}

Result<void> RunRecord::write(const char* state) {
  json_["state"] = state;
  return write_atomically(path_, std::string_view(dump_json(json_) + "\n"));
}

Result<void> RunRecord::write_running() {
  return write("running");
}

Result<void> RunRecord::write_stopped(const Error& error) {
  json_["ended"] = utc_now();
  json_["message"] = printable(error.message);
  return write(error.kind == ErrorKind::kCancelled ? "interrupted" : "failed");
}

Result<void> RunRecord::write_finished(const RetrainResult& result) {
  json_["ended"] = utc_now();
  json_.erase("message");
  Json& out = json_["result"] = Json::object();
  out["steps"] = result.steps;
  out["test"] = to_json(result.test);
  out["graph_sha256"] = result.graph_sha256;
  out["has_backbone"] = result.has_backbone;
  out["files"] = {{"output_graph", printable(result.output_graph)},
                  {"side_file", printable(result.side_file)},
                  {"output_labels", printable(result.output_labels)}};
  out["seconds"] = {{"features", result.seconds_features},
                    {"training", result.seconds_training},
                    {"total", result.seconds_total}};
  return write("finished");
}

}  // namespace graft
