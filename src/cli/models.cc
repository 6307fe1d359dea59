// graft models: the pretrained networks that --architecture can name.
#include "cli/models.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"
#include "model/source.h"
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

int run_models(Arguments arguments, Console& console) {
  std::string model_dir = RetrainOptions().model_dir;
  bool json = false;
  Options options("models", "list the pretrained networks that --architecture can name");
  options.text("model_dir", model_dir, "DIR",
               "Where to look. GRAFT_MODEL_DIR sets another default.");
  options.flag("json", json, "A JSON array.");
  if (const auto code = parse_options(options, arguments, console)) return *code;
  default_from_environment(options, "model_dir", "GRAFT_MODEL_DIR", model_dir);

  Json list = Json::array();
  std::string out = format("%-32s %7s %9s %9s %6s  %s\n", "architecture", "pixels", "M mul-add",
                           "M params", "top-1", "where");
  const auto figure = [](double value, const char* pattern) {
    return value > 0 ? format(pattern, value) : std::string("-");
  };
  for (const ModelSpec& spec : all_models()) {
    const std::string place = installed_at(spec, model_dir);
    std::string where = place.empty() ? "downloaded on first use" : printable(place);
    if (spec.untrained && place.empty()) where = "made from the photos at hand on first use";
    out += format("%-32s %7d %9s %9s %6s  ", spec.architecture.c_str(), spec.input_size,
                  figure(spec.multiply_adds_m, "%.0f").c_str(),
                  figure(spec.parameters_m, "%.2f").c_str(), figure(spec.top1, "%.1f").c_str()) +
           where + "\n";
    Json entry = {{"architecture", spec.architecture}, {"input_size", spec.input_size}};
    const auto add = [&entry](const char* name, double value) {
      entry[name] = value > 0 ? Json(value) : Json(nullptr);
    };
    add("multiply_adds_m", spec.multiply_adds_m);
    add("parameters_m", spec.parameters_m);
    add("top1", spec.top1);
    entry["installed"] = place.empty() ? Json(nullptr) : Json(printable(place));
    list.push_back(std::move(entry));
  }
  console.print(json ? dump_json(list) + "\n" : out);
  return 0;
}

}  // namespace graft
