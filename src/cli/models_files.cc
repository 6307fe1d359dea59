// graft models get, import, verify and remove: the networks' files.
#include "base/json.h"
#include "base/text.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "model/library.h"

namespace graft {
namespace {

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}
constexpr std::size_t kNameColumn = 32;

std::string checksum_text(const Verified& verified) {
  switch (verified.checksum) {
    case Checksum::kOfficial:
      return "the published file";
    case Checksum::kAsRecorded:
      return "as on " + verified.first_seen + ", when it was first seen";
    case Checksum::kRecorded:
      return "first seen now, recorded";
    case Checksum::kUnrecorded:
      break;
  }
  return "first seen now, not recorded: the folder cannot be written";
}

const char* checksum_name(Checksum checksum) {
  switch (checksum) {
    case Checksum::kOfficial:
      return "official";
    case Checksum::kAsRecorded:
      return "as_recorded";
    case Checksum::kRecorded:
      return "recorded_now";
    case Checksum::kUnrecorded:
      break;
  }
  return "not_recorded";
}

// The names of the command line as networks; at least one.
Result<std::vector<ModelSpec>> named(const std::vector<std::string>& names,
                                     const std::string& command) {
  if (names.empty()) {
    return invalid_argument("graft models " + command +
                            ": no network is named: give one, as in graft models " + command +
                            " mobilenet_0.50_224; graft models lists them");
  }
  std::vector<ModelSpec> specs;
  for (const std::string& name : names) {
    GRAFT_ASSIGN(ModelSpec spec, find_model(name));
    specs.push_back(std::move(spec));
  }
  return specs;
}

// One network, downloaded unless it is there, and checked. Returns the line to print.
Result<std::string> get_one(const ModelSpec& spec, const SourceOptions& source, Console& console,
                            const std::stop_token& stop) {
  if (spec.untrained) {
    return invalid_argument(spec.architecture +
                            ": is nowhere to be had: it is made from your photos by graft retrain "
                            "--architecture=" +
                            spec.architecture);
  }
  const bool was_there = !installed_at(spec, source.model_dir).empty();
  auto opened = open_model(spec, source, stop);
  console.clear_progress();
  GRAFT_TRY(opened);
  GRAFT_ASSIGN(const Verified verified, verify_network(spec, source.model_dir));
  return padded(spec.architecture, kNameColumn) + (was_there ? "was there already: " : "") +
         printable(verified.path) + " (" + checksum_text(verified) + ")\n";
}

Json to_json(const ModelSpec& spec, const Result<Verified>& verified) {
  Json json = {{"architecture", spec.architecture}, {"ok", verified.ok()}};
  if (!verified.ok()) {
    json["error"] = printable(verified.error().message);
    return json;
  }
  json["path"] = printable(verified->path);
  json["sha256"] = verified->sha256;
  json["checksum"] = checksum_name(verified->checksum);
  json["first_seen"] = verified->first_seen.empty() ? Json(nullptr) : Json(verified->first_seen);
  json["multiply_adds"] = verified->multiply_adds;
  return json;
}

std::string to_csv(const ModelSpec& spec, const Result<Verified>& verified) {
  if (!verified.ok()) {
    return spec.architecture + ",false,,,," + csv_field(printable(verified.error().message)) + "\n";
  }
  return spec.architecture + ",true," + csv_field(verified->path) + "," + verified->sha256 + "," +
         checksum_name(verified->checksum) + ",\n";
}

std::string to_text(const ModelSpec& spec, const Verified& verified) {
  return padded(spec.architecture, kNameColumn) + "ok: " + checksum_text(verified) + "; " +
         format_count((verified.multiply_adds + 500000) / 1000000) + " M multiply-adds  " +
         printable(verified.path) + "\n";
}

}  // namespace

int run_models_get(Arguments arguments, Console& console) {
  std::vector<std::string> names;
  std::string mirrors;
  SourceOptions source;
  Options options("models get", "download pretrained networks", "NAME ...");
  options.arguments(names);
  declare_model_dir(options, source.model_dir);
  declare_model_mirror(options, mirrors);
  options.note(
      "By https where the server has it, resumed where it broke off, checked against the published "
      "checksum or the one of the first download. Nothing is downloaded twice.");
  options.example("graft models get mobilenet_0.50_224 mobilenet_0.25_128", "Two at once");
  options.example("graft models get --model_mirror=http://10.0.0.5:8000 mobilenet_0.50_224",
                  "From the teacher's machine (python3 -m http.server in the folder of archives)");
  if (const auto code = parse_options(options, arguments, console)) return *code;
  take_model_dir(options, source.model_dir);
  const auto specs = named(names, "get");
  if (!specs.ok()) return console.fail(specs.error());
  auto parsed = chosen_mirrors(options, mirrors);
  if (!parsed.ok()) return console.fail(parsed.error());
  source.mirrors = std::move(*parsed);

  const Interrupt interrupt;
  int code = 0;
  for (const ModelSpec& spec : *specs) {
    source.on_progress = [&](const DownloadProgress& p) {
      console.progress({spec.architecture, p.bytes_done, p.bytes_total, p.seconds, Unit::kBytes});
    };
    const Result<std::string> line = get_one(spec, source, console, interrupt.token());
    if (line.ok()) {
      console.print(*line);
      continue;
    }
    code = console.fail(line.error());
    if (line.error().kind == ErrorKind::kCancelled) break;
  }
  return code;
}

int run_models_import(Arguments arguments, Console& console) {
  std::vector<std::string> files;
  std::string model_dir;
  Options options("models import", "put networks that you were handed in their place", "FILE ...");
  options.arguments(files);
  declare_model_dir(options, model_dir);
  options.note(
      "FILE: an archive, a .pb file, or a folder with such files. Which network it is is told by "
      "its "
      "content, not by its name. The file itself stays as it is.");
  options.example("graft models import ~/Downloads/mobilenet.tgz", "An archive from a stick");
  if (const auto code = parse_options(options, arguments, console)) return *code;
  take_model_dir(options, model_dir);
  if (files.empty()) {
    return console.fail(invalid_argument(
        "graft models import: no file is named: give an archive, a .pb file or a folder"));
  }
  int code = 0;
  for (const std::string& file : files) {
    const Result<Import> done = import_networks(file, model_dir);
    if (!done.ok()) {
      code = console.fail(done.error());
      continue;
    }
    for (const std::string& reason : done->left_out) console.warning("left out: " + reason);
    for (const Imported& network : done->networks) {
      console.print(padded(network.architecture, kNameColumn) +
                    (network.was_there ? "was there already: " : "") + printable(network.path) +
                    "\n");
    }
  }
  return code;
}

int run_models_verify(Arguments arguments, Console& console) {
  std::vector<std::string> names;
  std::string model_dir;
  FormFlags form_flags;
  Options options("models verify", "check the networks that are there", "[NAME ...]");
  options.arguments(names);
  declare_model_dir(options, model_dir);
  declare_form(options, form_flags, "a line a network", "a JSON array");
  options.note(
      "Each file's SHA-256 is compared with the published one where that is known, else with the "
      "one "
      "of the first time that graft saw it (kept in graft_models.json beside the networks). Then "
      "the "
      "network is read and prepared as for a training. Exit code 1 when anything is wrong.");
  if (const auto code = parse_options(options, arguments, console)) return *code;
  take_model_dir(options, model_dir);
  const Result<Form> form = chosen_form(options, form_flags);
  if (!form.ok()) return console.fail(form.error());
  std::vector<ModelSpec> specs;
  if (names.empty()) {
    for (const ModelSpec& spec : all_models()) {
      if (!installed_at(spec, model_dir).empty()) specs.push_back(spec);
    }
    if (specs.empty()) {
      return console.fail(not_found(printable(model_dir) +
                                    ": no network is there: graft models get NAME gets one"));
    }
  } else {
    auto given = named(names, "verify");
    if (!given.ok()) return console.fail(given.error());
    specs = std::move(*given);
  }

  int code = 0;
  Json list = Json::array();
  if (*form == Form::kCsv) console.print("architecture,ok,path,sha256,checksum,error\n");
  for (const ModelSpec& spec : specs) {
    const Result<Verified> verified = verify_network(spec, model_dir);
    if (!verified.ok()) code = console.fail(verified.error());
    if (*form == Form::kJson) list.push_back(to_json(spec, verified));
    if (*form == Form::kCsv) console.print(to_csv(spec, verified));
    if (*form == Form::kText && verified.ok()) console.print(to_text(spec, *verified));
  }
  if (*form == Form::kJson) console.print(dump_json(list) + "\n");
  return code;
}

int run_models_remove(Arguments arguments, Console& console) {
  std::vector<std::string> names;
  std::string model_dir;
  Options options("models remove", "delete networks that graft placed", "NAME ...");
  options.arguments(names);
  declare_model_dir(options, model_dir);
  options.note(
      "Only what graft downloaded or imported itself is deleted, and only while it is as graft "
      "placed "
      "it. An archive holds the float and the quantized network: both go with it.");
  if (const auto code = parse_options(options, arguments, console)) return *code;
  take_model_dir(options, model_dir);
  const auto specs = named(names, "remove");
  if (!specs.ok()) return console.fail(specs.error());
  int code = 0;
  for (const ModelSpec& spec : *specs) {
    const auto removed = remove_network(spec, model_dir);
    if (!removed.ok()) {
      code = console.fail(removed.error());
      continue;
    }
    for (const std::string& path : *removed) console.print("deleted " + printable(path) + "\n");
  }
  return code;
}

}  // namespace graft
