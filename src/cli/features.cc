// graft features: the features of a folder of photos as a .npy file, through the same cache.
#include "train/features.h"

#include <algorithm>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/network_options.h"
#include "cli/run_console.h"
#include "kernels/backend.h"
#include "train/calibration.h"
#include "train/network_choice.h"
#include "train/network_opening.h"
#include "train/run_record.h"

namespace graft {
namespace {

struct FeaturesFlags {
  RetrainOptions run;  // of which the scan, the network and the cache are used
  std::vector<std::string> folders;
  std::string output = "features.npy";
  std::string mirrors;
  bool offline = false, json = false;
};

void declare(Options& options, FeaturesFlags& flags) {
  RetrainOptions& run = flags.run;
  options.arguments(flags.folders);
  options.text("image_dir", run.image_dir, "DIR",
               "Folder of photos, one subfolder a class; may stand alone, without --image_dir.");
  declare_network(options, run, "Pretrained network; `graft models` lists them.");
  options.text("output", flags.output, "FILE",
               "NumPy array, float32 [photos, features]; beside it a .csv with path, label and "
               "split of each row.");
  options.text("model_dir", run.model_dir, "DIR",
               "Where networks lie or are downloaded to. GRAFT_MODEL_DIR sets another default.");
  options.text("bottleneck_dir", run.bottleneck_dir, "DIR", "Cached features.");
  options.choice<CacheFormat>("bottleneck_format", run.bottleneck_format,
                              {{"store", CacheFormat::kStore}, {"text", CacheFormat::kText}},
                              "text: also write TensorFlow's text files.");
  options.number("testing_percentage", run.testing_percentage, "As in `graft retrain`.", 0, 100);
  options.number("validation_percentage", run.validation_percentage, "As in `graft retrain`.", 0,
                 100);
  options.choice<SplitKey>("split_key", run.split_key,
                           {{"path", SplitKey::kPath}, {"relative", SplitKey::kRelative}},
                           "As in `graft retrain`.");
  options.integer("split_seed", run.split_seed, "As in `graft retrain`.");
  options.choice<LabelRule>(
      "labels", run.labels,
      {{"original", LabelRule::kOriginal}, {"verbatim", LabelRule::kVerbatim}},
      "As in `graft retrain`.");
  declare_decoding(options, run);
  declare_model_mirror(options, flags.mirrors);
  options.flag("offline", flags.offline, "Never use the network connection.");
  options.text("backend", run.backend, "NAME", "Force one kernel library; `reference` is slow.");
  options.integer("threads", run.threads, "Threads; 0: one a core. The result does not change.", 0,
                  4096);
  options.flag("json", flags.json, "Print one JSON object instead of text.");
  declare_custom_network(options, run);
  options.example("graft features my_photos --output=my_photos.npy",
                  "Then in Python: numpy.load('my_photos.npy')");
}

// Version 1.0 of the format: magic, u16 header length, a Python dict padded with blanks so that the
// data begins at a multiple of 64. Source: NEP 1, numpy/lib/format.py.
std::string npy_header(std::size_t rows, std::size_t width) {
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(width) + "), }";
  constexpr std::size_t kPreamble = 10, kAlignment = 64;
  const std::size_t unpadded = kPreamble + dict.size() + 1;
  dict.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xFF);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

std::string csv_path(const std::string& output) {
  return (output.ends_with(".npy") ? output.substr(0, output.size() - 4) : output) + ".csv";
}

Result<void> write_array(const std::string& path, const FeatureTable& table) {
  return write_atomically(path, [&table](const ByteSink& sink) -> Result<void> {
    GRAFT_TRY(sink(as_bytes(npy_header(table.rows(), table.width()))));
    for (std::size_t i = 0; i < table.rows(); ++i) GRAFT_TRY(sink(std::as_bytes(table.row(i))));
    return {};
  });
}

Result<void> write_rows(const std::string& path, const Dataset& dataset) {
  return write_atomically(path, [&dataset](const ByteSink& sink) -> Result<void> {
    GRAFT_TRY(sink(as_bytes("path,label,split\n")));
    for (const Example& e : dataset.examples) {
      GRAFT_TRY(sink(as_bytes(csv_field(e.path) + "," +
                              csv_field(dataset.classes[static_cast<std::size_t>(e.label)].label) +
                              "," + std::string(name_of(e.split)) + "\n")));
    }
    return {};
  });
}

struct Written {
  Features features;
  Dataset dataset;
  std::string csv;
};

Result<Written> write_features(const FeaturesFlags& flags, Console& console,
                               const std::stop_token& stop) {
  const RetrainOptions& run = flags.run;
  if (!run.backend.empty()) GRAFT_TRY(backend_named(run.backend));
  RunConsole observer(console, 0);
  GRAFT_ASSIGN(ChosenNetwork network, choose_network(run, observer));
  Written written;
  written.csv = csv_path(flags.output);
  GRAFT_TRY(check_writable(flags.output));
  GRAFT_TRY(check_writable(written.csv));
  const auto scan = [&]() -> Result<void> {
    GRAFT_ASSIGN(written.dataset, scan_image_folder(scan_options(run)));
    return {};
  };
  if (network.backbone) {
    GRAFT_TRY(scan());
  } else {
    GRAFT_ASSIGN(network.backbone, network_at_hand(network.spec, run, scan));
  }
  GRAFT_TRY(prepare_network(console, run));
  if (!network.backbone) {
    GRAFT_ASSIGN(network.backbone, open_network(network.spec, run, observer, stop));
  }
  FeatureOptions options;
  options.bottleneck_dir = run.bottleneck_dir;
  options.format = run.bottleneck_format;
  options.threads = run.threads;
  GRAFT_TRY(calibrate(*network.backbone, written.dataset, run.bottleneck_dir,
                      thread_count(run.threads), observer, stop));
  GRAFT_ASSIGN(written.features,
               extract_features(written.dataset, &*network.backbone, network.spec.architecture,
                                options, observer, stop));
  // The rows' names first: an array never stands beside the names of other rows for long.
  GRAFT_TRY(write_rows(written.csv, written.dataset));
  GRAFT_TRY(write_array(flags.output, written.features.table));
  return written;
}

}  // namespace

int run_features(Arguments arguments, Console& console) {
  FeaturesFlags flags;
  Options options("features", "write the features of photos to a .npy file, for your own use",
                  "[FOLDER]");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  default_from_environment(options, "model_dir", "GRAFT_MODEL_DIR", flags.run.model_dir);
  if (const auto code = check_network(options, flags.run, console)) return *code;
  if (const auto taken = take_image_dir(options, "features", flags.folders, flags.run.image_dir);
      !taken.ok()) {
    return console.fail(taken.error());
  }
  auto mirrors = chosen_mirrors(options, flags.mirrors);
  if (!mirrors.ok()) return console.fail(mirrors.error());
  flags.run.model_mirrors = std::move(*mirrors);
  flags.run.allow_download = !flags.offline;
  if (flags.output.empty() || flags.output.ends_with(".csv")) {
    return console.fail(invalid_argument("--output: '" + printable(flags.output) +
                                         "' is no name for an array: name a .npy file; the table "
                                         "goes beside it"));
  }

  const Interrupt interrupt;
  const Result<Written> written = write_features(flags, console, interrupt.token());
  if (!written.ok()) return console.fail(written.error());
  console.clear_progress();
  const FeatureTable& table = written->features.table;
  const FeatureStats& stats = written->features.stats;
  report_skipped(console, written->dataset.skipped,
                 flags.json ? "all are in the JSON" : "--json lists all");
  if (flags.json) {
    const Json json = {{"output", printable(flags.output)},
                       {"csv", printable(written->csv)},
                       {"rows", table.rows()},
                       {"width", table.width()},
                       {"space", printable(written->features.space)},
                       {"features", to_json(stats)},
                       {"skipped", to_json(written->dataset.skipped)}};
    console.print(dump_json(json) + "\n");
  } else {
    console.print(printable(flags.output) + ": " + format_count(table.rows()) + " photos, " +
                  format_count(table.width()) + " features each (" + format_count(stats.computed) +
                  " computed, " + format_count(stats.from_store) + " from the cache, " +
                  format_count(stats.from_text) + " from text files)\n" + printable(written->csv) +
                  ": path, label and split of each row\n");
  }
  return 0;
}

}  // namespace graft
