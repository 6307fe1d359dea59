// The commands. One file each: declare the options, call the library, print. Nothing else in this
// room prints, and nothing outside it. Thread rule: one command a process.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"

namespace graft {

using Arguments = std::span<const std::string>;

int run_retrain(Arguments arguments, Console& console);
int run_label(Arguments arguments, Console& console);
int run_evaluate(Arguments arguments, Console& console);
int run_inspect(Arguments arguments, Console& console);
int run_features(Arguments arguments, Console& console);
int run_cache(Arguments arguments, Console& console);
int run_board(Arguments arguments, Console& console);
int run_sample(Arguments arguments, Console& console);
int run_demo(Arguments arguments, Console& console);
int run_models(Arguments arguments, Console& console);

// Parses; on --help prints it, on an error prints that. nullopt: go on; else the exit code.
std::optional<int> parse_options(Options& options, Arguments arguments, Console& console);

// The value, or the environment variable's when the option was not given and it is set.
void default_from_environment(const Options& options, std::string_view option, const char* variable,
                              std::string& value);

// How results are printed: --format=text|csv|json, or --csv and --json for short.
enum class Form : std::uint8_t { kText, kCsv, kJson };
struct FormFlags {
  Form format = Form::kText;
  bool csv = false, json = false;
};
// csv, json: what each prints, for the help.
void declare_form(Options& options, FormFlags& flags, const std::string& csv,
                  const std::string& json);
// kInvalidArgument: two different ones were asked for.
Result<Form> chosen_form(const Options& options, const FormFlags& flags);

// For commands about one folder: it may stand alone instead of behind --image_dir. Takes it over
// into image_dir. kInvalidArgument: none given, an empty name, or more than one.
Result<void> take_image_dir(const Options& options, const std::string& command,
                            const std::vector<std::string>& arguments, std::string& image_dir);

}  // namespace graft
