#include "cli/command.h"

#include <cstdlib>

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

}  // namespace graft
