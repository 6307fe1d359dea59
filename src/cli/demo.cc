// graft demo: the whole job with the best that can be reached: given or downloaded photos and
// network, else photos drawn here and an untrained network.
#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/run_console.h"
#include "data/dataset.h"
#include "fetch/archive.h"
#include "fetch/mirrors.h"
#include "model/classifier.h"
#include "model/source.h"
#include "sample/sample.h"

namespace graft {
namespace {

constexpr const char* kPhotosUrl =
    "http://download.tensorflow.org/example_images/flower_photos.tgz";
constexpr const char* kUntrained = "untrained_mobilenet_0.25_128";
constexpr int kDemoSteps = 500;

struct DemoFlags {
  std::string image_dir, model_dir, architecture, output_dir = "tf_files", mirror_list;
  std::vector<std::string> mirrors;
  std::uint64_t seed = 0;
  int threads = 0;
  bool offline = false;
};

void declare(Options& options, DemoFlags& flags) {
  options.text("image_dir", flags.image_dir, "DIR",
               "Folder of photos, one subfolder a class. Without it: flower_photos, downloaded; "
               "without a network connection: photos drawn by graft.");
  options.text("model_dir", flags.model_dir, "DIR",
               "Where networks lie or are downloaded to (default GRAFT_MODEL_DIR, else "
               "<output_dir>/models).");
  options.text("architecture", flags.architecture, "NAME",
               "Network. Without it: mobilenet_0.50_224, else the best one in model_dir; without "
               "any and no network connection: an untrained one, made on the spot.");
  options.text("output_dir", flags.output_dir, "DIR", "Everything is written below it.");
  options.integer("seed", flags.seed, "Random seed.");
  options.integer("threads", flags.threads, "Threads; 0: one a core.", 0, 4096);
  declare_model_mirror(options, flags.mirror_list);
  options.flag("offline", flags.offline, "Never use the network connection.");
  options.example("graft demo", "With whatever is at hand");
  options.example("graft demo --image_dir=my_photos --model_dir=models", "With what you have");
}

class Demo {
 public:
  Demo(const DemoFlags& flags, Console& console, std::stop_token stop)
      : flags_(flags), console_(console), stop_(std::move(stop)), online_(!flags.offline) {}

  // What retrain is to be given. kCancelled after a signal.
  Result<RetrainOptions> prepare() {
    RetrainOptions run;
    GRAFT_ASSIGN(run.image_dir, choose_photos());
    run.model_dir = flags_.model_dir.empty() ? below("models") : flags_.model_dir;
    GRAFT_ASSIGN(run.architecture, choose_network(run.model_dir));
    run.how_many_training_steps = kDemoSteps;
    run.output_graph = below("retrained_graph.pb");
    run.output_labels = below("retrained_labels.txt");
    run.summaries_dir = below("training_summaries");
    run.bottleneck_dir = below("bottlenecks");
    run.intermediate_output_graphs_dir = below("intermediate_graphs");
    run.seed = flags_.seed;
    run.threads = flags_.threads;
    run.allow_download = online_;
    run.model_mirrors = flags_.mirrors;
    return run;
  }

 private:
  std::string below(const std::string& name) const { return join_path(flags_.output_dir, name); }

  Result<std::string> choose_photos() {
    if (!flags_.image_dir.empty()) {
      console_.message("Photos: " + printable(flags_.image_dir));
      return flags_.image_dir;
    }
    const std::string flowers = below("flower_photos");
    if (is_directory(flowers)) {
      console_.message("Photos: " + printable(flowers) + ", there already");
      return flowers;
    }
    if (online_) {
      const Result<void> downloaded = download_photos();
      if (downloaded.ok()) return flowers;
      if (downloaded.error().kind == ErrorKind::kCancelled) return downloaded.error();
      console_.warning(downloaded.error().message);
      online_ = downloaded.error().kind != ErrorKind::kIo;  // no connection: not asked twice
    }
    const std::string drawn = below("sample_photos");
    console_.message("Photos: " + printable(drawn) + ", drawn by graft: flowers of five kinds");
    SampleOptions sample;
    sample.directory = drawn;
    sample.threads = flags_.threads;
    const auto start = std::chrono::steady_clock::now();
    GRAFT_TRY(write_sample_set(sample, [&](std::uint64_t done, std::uint64_t total) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      console_.progress({"Drawing", done, total, passed.count(), Unit::kPhotos});
    }));
    console_.clear_progress();
    return drawn;
  }

  Result<void> download_photos() {
    const std::string archive = below("flower_photos.tgz");
    console_.message(std::string("Photos: downloading ") + kPhotosUrl);
    DownloadOptions options;
    options.on_progress = [this](const DownloadProgress& p) {
      console_.progress({"Download", p.bytes_done, p.bytes_total, p.seconds, Unit::kBytes});
    };
    const Result<std::string> downloaded =
        download_any(with_mirrors(kPhotosUrl, flags_.mirrors), archive, options, stop_);
    console_.clear_progress();
    GRAFT_TRY(downloaded);
    return unpack_archive(archive, flags_.output_dir);
  }

  // The codelab's network where it lies; else the best installed; else downloaded; else untrained.
  Result<std::string> choose_network(const std::string& model_dir) {
    const std::string preferred = RetrainOptions().architecture;
    if (!flags_.architecture.empty()) return flags_.architecture;
    std::string best;
    double best_top1 = 0;
    for (const ModelSpec& spec : all_models()) {
      const std::string place = spec.untrained ? "" : installed_at(spec, model_dir);
      if (place.empty()) continue;
      // A float network before its quantised twin; the codelab's choice before any.
      const double merit =
          spec.architecture == preferred ? 1000 : spec.top1 - (spec.quantized ? 0.5 : 0);
      if (best.empty() || merit > best_top1) {
        best = spec.architecture;
        best_top1 = merit;
      }
    }
    if (!best.empty()) {
      console_.message("Network: " + best + ", from " + printable(model_dir));
      return best;
    }
    if (online_) {
      GRAFT_ASSIGN(const ModelSpec spec, find_model(preferred));
      console_.message("Network: downloading " + spec.url);
      SourceOptions source;
      source.model_dir = model_dir;
      source.mirrors = flags_.mirrors;
      source.on_progress = [this](const DownloadProgress& p) {
        console_.progress({"Download", p.bytes_done, p.bytes_total, p.seconds, Unit::kBytes});
      };
      const Result<ModelBytes> model = open_model(spec, source, stop_);
      console_.clear_progress();
      if (model.ok()) return preferred;
      if (model.error().kind == ErrorKind::kCancelled) return model.error();
      console_.warning(model.error().message);
      online_ = false;
    }
    console_.warning(std::string("network: none at hand: using ") + kUntrained +
                     ", whose filters are random: expect far less than a pretrained network gives");
    return std::string(kUntrained);
  }

  const DemoFlags& flags_;
  Console& console_;
  std::stop_token stop_;
  bool online_;
};

// A photo of the test split: the middle one, so that nobody can say it was picked. nullopt: none.
Result<std::optional<Example>> unseen_photo(const RetrainOptions& run,
                                            const std::vector<Skipped>& skipped) {
  GRAFT_ASSIGN(Dataset dataset, scan_image_folder(scan_options(run)));
  std::vector<const Example*> tests;
  for (const Example& e : dataset.examples) {
    const bool bad = std::any_of(skipped.begin(), skipped.end(),
                                 [&e](const Skipped& s) { return s.path == e.path; });
    if (e.split == Split::kTesting && !bad) tests.push_back(&e);
  }
  if (tests.empty()) return std::optional<Example>();
  return std::optional<Example>(*tests[tests.size() / 2]);
}

Result<std::string> classify(const std::string& graph, const Example& photo) {
  ClassifierOptions options;
  options.graph_path = graph;
  GRAFT_ASSIGN(const Classifier classifier, Classifier::load(options));
  Bytes bytes;
  GRAFT_TRY(read_file(photo.path, bytes));
  GRAFT_ASSIGN(const std::vector<float> scores, classifier.make_session()->scores(bytes));
  std::string out = "\nA photo that it was not trained on: " + printable(photo.path) +
                    "\nIts folder says: " + printable(photo.folder) + "\n";
  for (const Prediction& p : top_k(scores, 5)) {
    out += printable(classifier.labels()[static_cast<std::size_t>(p.label)]) +
           format(" (score=%.5f)\n", static_cast<double>(p.score));
  }
  return out;
}

}  // namespace

int run_demo(Arguments arguments, Console& console) {
  DemoFlags flags;
  Options options("demo", "show the whole job with whatever is at hand");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  default_from_environment(options, "model_dir", "GRAFT_MODEL_DIR", flags.model_dir);
  if (options.given("architecture")) {
    if (const auto code = check_architecture(flags.architecture, console)) return *code;
  }
  auto mirrors = chosen_mirrors(options, flags.mirror_list);
  if (!mirrors.ok()) return console.fail(mirrors.error());
  flags.mirrors = std::move(*mirrors);
  if (flags.output_dir.empty()) {
    return console.fail(invalid_argument("--output_dir: its value is empty: name a folder"));
  }

  const Interrupt interrupt;
  const Result<RetrainOptions> run = Demo(flags, console, interrupt.token()).prepare();
  if (!run.ok()) return console.fail(run.error());
  console.message("The same as: graft retrain --image_dir=" + shell_quote(run->image_dir) +
                  " --model_dir=" + shell_quote(run->model_dir) + " --architecture=" +
                  run->architecture + " --how_many_training_steps=" + std::to_string(kDemoSteps));
  if (const auto prepared = prepare_network(console, *run); !prepared.ok()) {
    return console.fail(prepared.error());
  }
  RunConsole observer(console, run->how_many_training_steps);
  Json values = options.values();
  values["architecture"] = run->architecture;
  values["image_dir"] = printable(run->image_dir);
  values["model_dir"] = printable(run->model_dir);
  const Result<RetrainResult> result = retrain(*run, values, observer, interrupt.token());
  if (!result.ok()) return console.fail(result.error());
  console.clear_progress();
  report_skipped(console, result->skipped, "listed in " + printable(result->run_json));
  report_result(console, *run, *result);

  const Result<std::optional<Example>> photo = unseen_photo(*run, result->skipped);
  if (!photo.ok()) return console.fail(photo.error());
  if (photo->has_value()) {
    const Result<std::string> text = classify(result->output_graph, **photo);
    if (!text.ok()) return console.fail(text.error());
    console.print(*text);
  }
  report_files(console, *run, *result, photo->has_value() ? (*photo)->path : "a_photo.jpg");
  return 0;
}

}  // namespace graft
