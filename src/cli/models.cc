// graft models: the pretrained networks that --architecture can name.
#include "cli/models.h"

#include <array>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "cli/format.h"
#include "cli/models_chart.h"
#include "fetch/mirrors.h"
#include "model/untrained.h"
#include "train/retrain.h"

namespace graft {

void declare_architecture(Options& options, std::string& architecture, const std::string& help) {
  options.text("architecture", architecture, "NAME", help);
  options.missing_is_empty("architecture");
}

std::optional<int> check_architecture(const std::string& architecture, Console& console) {
  const Result<ModelSpec> spec = find_model(architecture);
  if (spec.ok()) return std::nullopt;
  const int code = console.fail(spec.error());
  for (const std::string& line : lines_to_type(architecture)) console.message("  " + line);
  return code;
}

void declare_model_mirror(Options& options, std::string& list) {
  options.text("model_mirror", list, "URL",
               "Where else downloads may come from: folders on the web that have the archives, "
               "separated by commas, tried in order before the publisher. GRAFT_MODEL_MIRROR sets "
               "a default.");
}

Result<std::vector<std::string>> chosen_mirrors(const Options& options, std::string list) {
  default_from_environment(options, "model_mirror", "GRAFT_MODEL_MIRROR", list);
  return parse_mirrors(list);
}

void declare_model_dir(Options& options, std::string& model_dir) {
  model_dir = RetrainOptions().model_dir;
  options.text("model_dir", model_dir, "DIR",
               "Where networks lie. GRAFT_MODEL_DIR sets another default.");
}

void take_model_dir(const Options& options, std::string& model_dir) {
  default_from_environment(options, "model_dir", "GRAFT_MODEL_DIR", model_dir);
}

std::string megabytes_text(const FileSize& size) {
  if (size.bytes == 0) return "-";
  return (size.exact ? "" : "~") + format("%.1f", static_cast<double>(size.bytes) / 1e6);
}

Result<std::string> make_network_if_untrained(const std::string& architecture,
                                              const std::string& model_dir, const ScanOptions& scan,
                                              const DecodeOptions& decode) {
  GRAFT_ASSIGN(const ModelSpec spec, find_model(architecture));
  if (!spec.untrained || !installed_at(spec, model_dir).empty()) return std::string();
  GRAFT_ASSIGN(const Dataset dataset, scan_image_folder(scan));
  std::vector<std::string> photos;
  for (const Example& e : dataset.examples) {
    if (e.split == Split::kTraining) photos.push_back(e.path);
  }
  // Photos come class by class and only the first ones are used: some of every class go first.
  constexpr std::size_t kSpread = 64;
  if (photos.size() > kSpread) {
    std::vector<std::string> spread;
    for (std::size_t i = 0; i < kSpread; ++i) spread.push_back(photos[i * photos.size() / kSpread]);
    photos.insert(photos.begin(), spread.begin(), spread.end());
  }
  GRAFT_ASSIGN(const ModelBytes made, make_untrained_backbone(model_dir, photos, decode));
  return made.origin;
}

namespace {

struct Subcommand {
  std::string_view name;
  int (*run)(Arguments arguments, Console& console);
};
constexpr std::array<Subcommand, 5> kSubcommands = {{{"get", run_models_get},
                                                     {"import", run_models_import},
                                                     {"verify", run_models_verify},
                                                     {"remove", run_models_remove},
                                                     {"recommend", run_models_recommend}}};

struct ModelsFlags {
  std::vector<std::string> words;
  std::string model_dir, chart;
  FormFlags form;
};

void declare(Options& options, ModelsFlags& flags) {
  options.arguments(flags.words);
  declare_model_dir(options, flags.model_dir);
  options.text("chart", flags.chart, "FILE.svg",
               "Draw accuracy against cost: into this file, or without a name in the terminal.");
  options.missing_is_empty("chart");
  declare_form(options, flags.form, "a line a network", "a JSON array");
  options.note(
      "Commands within it, each with a --help of its own:  get NAME downloads a network;  import "
      "FILE takes one that you were handed, whatever its name;  verify checks those that are "
      "there; "
      " remove NAME deletes one that graft placed;  recommend says which to take.");
  options.example("graft models", "What there is, and which of it lies here");
  options.example("graft models --chart", "How good they are for what they cost");
  options.example("graft models recommend --photos_per_second=100 --max_mb=6",
                  "Which to take, measured on this machine");
  options.example("graft models get mobilenet_0.50_224", "Download one");
  options.example("graft models import a_file_from_a_stick.tgz", "Put one in place by hand");
}

std::string figure(double value, const char* pattern) {
  return value > 0 ? format(pattern, value) : std::string("-");
}

std::string to_table(const std::string& model_dir) {
  std::string out = format("%-32s %6s %9s %8s %7s %6s  %s\n", "architecture", "pixels", "M mul-add",
                           "M params", "top-1 %", "MB", "where");
  std::size_t installed = 0;
  for (const ModelSpec& spec : all_models()) {
    const std::string place = installed_at(spec, model_dir);
    installed += place.empty() ? 0 : 1;
    const std::string where = !place.empty()   ? printable(place)
                              : spec.untrained ? "made from your photos on first use"
                                               : "-";
    out += format("%-32s %6d %9s %8s %7s %6s  ", spec.architecture.c_str(), spec.input_size,
                  figure(spec.multiply_adds_m, "%.0f").c_str(),
                  figure(spec.parameters_m, "%.2f").c_str(), figure(spec.top1, "%.1f").c_str(),
                  megabytes_text(spec.graph_size).c_str()) +
           where + "\n";
  }
  const ModelSpec example = find_model(RetrainOptions().architecture).value();
  return out +
         "\nM: millions. top-1: ImageNet, as published (never for the quantized). MB: the "
         "network's "
         "file,\n~ derived from its parameters. In " +
         printable(model_dir) + ": " + std::to_string(installed) + " of " +
         std::to_string(all_models().size()) +
         ".\n\nTo get one (retrain does it by itself):\n  graft models get " +
         example.architecture + "\nWith another program, or on another machine:\n  " +
         command_to_get(example, model_dir) +
         "\nFrom a file that you were handed, whatever its name:\n  graft models import FILE\nTo "
         "choose:\n  graft models --chart\n  graft models recommend --photos_per_second=100 "
         "--max_mb=6\n";
}

Json to_json(const std::string& model_dir) {
  Json list = Json::array();
  for (const ModelSpec& spec : all_models()) {
    const std::string place = installed_at(spec, model_dir);
    const auto known = [](double value) { return value > 0 ? Json(value) : Json(nullptr); };
    const auto text = [](const std::string& value) {
      return value.empty() ? Json(nullptr) : Json(printable(value));
    };
    const auto size = [](const FileSize& file) {
      return file.bytes > 0 ? Json(file.bytes) : Json(nullptr);
    };
    list.push_back({{"architecture", spec.architecture},
                    {"input_size", spec.input_size},
                    {"mean", spec.norm.mean},
                    {"std", spec.norm.std},
                    {"input_tensor", spec.input_tensor},
                    {"feature_tensor", spec.feature_tensor},
                    {"feature_width", spec.feature_width},
                    {"quantized", spec.quantized},
                    {"multiply_adds_m", known(spec.multiply_adds_m)},
                    {"parameters_m", known(spec.parameters_m)},
                    {"top1", known(spec.top1)},
                    {"file_bytes", size(spec.graph_size)},
                    {"file_bytes_exact", spec.graph_size.exact},
                    {"archive_bytes", size(spec.archive_size)},
                    {"archive_bytes_exact", spec.archive_size.exact},
                    {"archive_sha256", text(spec.sha256)},
                    {"file_sha256", text(spec.graph_sha256)},
                    {"url", text(spec.url)},
                    {"get", text(command_to_get(spec, model_dir))},
                    {"installed", text(place)}});
  }
  return list;
}

std::string to_csv(const std::string& model_dir) {
  std::string out =
      "architecture,input_size,multiply_adds_m,parameters_m,top1,file_bytes,file_bytes_exact,"
      "installed,url\n";
  const auto known = [](double value) { return value > 0 ? format("%g", value) : std::string(); };
  for (const ModelSpec& spec : all_models()) {
    out += spec.architecture + "," + std::to_string(spec.input_size) + "," +
           known(spec.multiply_adds_m) + "," + known(spec.parameters_m) + "," + known(spec.top1) +
           "," + std::to_string(spec.graph_size.bytes) + "," +
           (spec.graph_size.exact ? "true" : "false") + "," +
           csv_field(installed_at(spec, model_dir)) + "," + csv_field(spec.url) + "\n";
  }
  return out;
}

int draw_chart(const ModelsFlags& flags, Console& console) {
  const std::vector<ChartNetwork> networks = chart_networks(flags.model_dir);
  if (flags.chart.empty()) {
    const char* const plain = std::getenv("NO_COLOR");
    const bool colours = console.output_is_terminal() && (plain == nullptr || *plain == '\0');
    console.print(chart_text(networks, console.columns(), colours));
    return 0;
  }
  const Result<void> written = write_atomically(flags.chart, chart_svg(networks));
  if (!written.ok()) return console.fail(with_context("--chart", written.error()));
  console.message("Written: " + printable(flags.chart));
  return 0;
}

}  // namespace

int run_models(Arguments arguments, Console& console) {
  for (const Subcommand& sub : kSubcommands) {
    if (!arguments.empty() && arguments.front() == sub.name) {
      return sub.run(arguments.subspan(1), console);
    }
  }
  ModelsFlags flags;
  Options options("models", "the pretrained networks that --architecture can name",
                  "[get|import|verify|remove|recommend …]");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  take_model_dir(options, flags.model_dir);
  if (!flags.words.empty()) {
    std::vector<std::string> names;
    for (const Subcommand& sub : kSubcommands) names.emplace_back(sub.name);
    const std::string near = nearest(flags.words.front(), names);
    return console.fail(invalid_argument(
        "graft models " + printable(flags.words.front()) + ": no such command: " +
        (near.empty() ? "one of get, import, verify, remove, recommend, or none, which lists"
                      : "did you mean graft models " + near + "?")));
  }
  const Result<Form> form = chosen_form(options, flags.form);
  if (!form.ok()) return console.fail(form.error());
  if (options.given("chart")) return draw_chart(flags, console);
  switch (*form) {
    case Form::kText:
      console.print(to_table(flags.model_dir));
      break;
    case Form::kCsv:
      console.print(to_csv(flags.model_dir));
      break;
    case Form::kJson:
      console.print(dump_json(to_json(flags.model_dir)) + "\n");
      break;
  }
  return 0;
}

}  // namespace graft
