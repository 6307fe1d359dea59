#include "cli/command.h"

#include <cstdlib>

#include "base/text.h"

namespace graft {

std::optional<int> parse_options(Options& options, Arguments arguments, Console& console) {
  const Result<Options::Parsed> parsed = options.parse(arguments);
  if (!parsed.ok()) return console.fail(parsed.error());
  if (*parsed == Options::Parsed::kRun) return std::nullopt;
  console.print(options.help(console.columns()));
  return console.finish();
}

void default_from_environment(const Options& options, std::string_view option, const char* variable,
                              std::string& value) {
  const char* set = std::getenv(variable);
  if (!options.given(option) && set != nullptr && *set != '\0') value = set;
}

void declare_form(Options& options, FormFlags& flags, const std::string& csv,
                  const std::string& json) {
  options.choice<Form>("format", flags.format,
                       {{"text", Form::kText}, {"csv", Form::kCsv}, {"json", Form::kJson}},
                       "How results are printed.");
  options.flag("csv", flags.csv, "The same as --format=csv: " + csv);
  options.flag("json", flags.json, "The same as --format=json: " + json);
}

Result<Form> chosen_form(const Options& options, const FormFlags& flags) {
  if (flags.csv && flags.json) {
    return invalid_argument("--csv, --json: both given: choose one");
  }
  if (!flags.csv && !flags.json) return flags.format;
  const Form form = flags.csv ? Form::kCsv : Form::kJson;
  if (options.given("format") && flags.format != form) {
    return invalid_argument(std::string("--format, ") + (flags.csv ? "--csv" : "--json") +
                            ": they ask for different things: choose one");
  }
  return form;
}

Result<void> take_image_dir(const Options& options, const std::string& command,
                            const std::vector<std::string>& arguments, std::string& image_dir) {
  std::vector<std::string> given = arguments;
  if (options.given("image_dir")) given.insert(given.begin(), image_dir);
  if (given.size() > 1) {
    return invalid_argument("'" + printable(given[1]) + "': graft " + command +
                            " takes one folder, and " + printable(given[0]) +
                            " is given already: write every other option as --name=value");
  }
  if (given.empty()) {
    return invalid_argument(
        "--image_dir: not given: name the folder that has one subfolder of "
        "photos a class, as in graft " +
        command + " --image_dir=my_photos (no photos at hand: graft demo)");
  }
  if (given.front().empty()) {
    return invalid_argument(
        "--image_dir: its value is empty (a shell variable that was never "
        "set?): name the folder that has one subfolder of photos a class");
  }
  image_dir = std::move(given.front());
  return {};
}

}  // namespace graft
