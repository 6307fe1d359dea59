// A command's options, each declared once: name, where its value goes, limits, help. Parsing, the
// defaults that help shows and the values that run.json keeps all come from that one declaration.
// Forms: --name=value, --name value; flags --name, --name=true|false, --name true|false, --noname;
// "--" ends options; "-" is an ordinary argument. As with argparse, a name may be cut short where
// only one option begins so. The last of several wins. An empty value (--name=) is a value: it is
// how a shell variable that was never set arrives, and must not swallow the next option.
// Non-goals: subcommands (main.cc), short names, configuration files.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace graft {

class Options {
 public:
  // title: one line on what the command does; arguments: what follows the options in the usage
  // line.
  Options(std::string command, std::string title, std::string arguments = "");

  void group(std::string title);  // heads the options declared after it
  void example(std::string command_line, std::string what);
  void note(std::string paragraph);  // after the options

  // Each target holds the default and must outlive the Options.
  void text(const std::string& name, std::string& target, const std::string& value_name,
            const std::string& help);
  void integer(const std::string& name, int& target, const std::string& help,
               int low = std::numeric_limits<int>::min(),
               int high = std::numeric_limits<int>::max());
  void integer(const std::string& name, std::uint64_t& target, const std::string& help);
  void number(const std::string& name, float& target, const std::string& help, double low,
              double high);
  void number(const std::string& name, double& target, const std::string& help, double low,
              double high);
  void text(const std::string& name, std::optional<std::string>& target,
            const std::string& value_name, const std::string& help);
  void integer(const std::string& name, std::optional<int>& target, const std::string& help,
               int low, int high);
  void number(const std::string& name, std::optional<float>& target, const std::string& help,
              double low, double high);
  void flag(const std::string& name, bool& target, const std::string& help);
  template <typename Enum>
  void choice(const std::string& name, Enum& target,
              std::vector<std::pair<std::string, Enum>> values, const std::string& help);
  // Arguments that are no options, as they stand. Without this, any is an error.
  void arguments(std::vector<std::string>& target);
  // "--name" with nothing behind it is "--name=", which the command itself has an answer to.
  void missing_is_empty(std::string_view name);

  enum class Parsed { kRun, kHelp };
  // kInvalidArgument: unknown option (with the nearest one), one cut too short, missing or
  // unreadable value, a value out of range, an argument where none is taken.
  Result<Parsed> parse(std::span<const std::string> arguments);

  bool given(std::string_view name) const;  // on the command line
  std::string help(int columns) const;      // ends with a newline
  Json values() const;                      // every option as it stands now, printable

 private:
  struct Option {
    std::string name, value_name, help, default_text, group;
    std::function<Result<void>(std::string_view)> assign;
    std::function<Json()> value;
    bool is_flag = false, given = false, missing_is_empty = false;
  };
  void add(Option option);
  template <typename T>
  void add_number(const std::string& name, T& target, const std::string& help, double low,
                  double high);
  void add_choice(const std::string& name, std::vector<std::string> names, std::size_t chosen,
                  std::function<void(std::size_t)> assign, std::function<std::size_t()> current,
                  const std::string& help);
  Option* find_exact(std::string_view name);
  std::vector<Option*> find_begun(std::string_view beginning, bool flags_only);
  // The option that a word such as "--name", "--na" or "--noname" means.
  struct Meant {
    Option* option = nullptr;
    bool negated = false;
  };
  Result<Meant> find(std::string_view dashed);
  bool is_option(std::string_view word);
  Result<void> parse_option(std::span<const std::string> arguments, std::size_t& at);
  Result<void> assign_flag(const Meant& meant, std::string_view dashed,
                           std::optional<std::string_view> value);
  Error unknown(std::string_view written) const;

  std::string command_, title_, arguments_text_, group_ = "Options";
  std::vector<Option> options_;
  std::vector<std::pair<std::string, std::string>> examples_;
  std::vector<std::string> notes_;
  std::vector<std::string>* arguments_ = nullptr;
};

template <typename Enum>
void Options::choice(const std::string& name, Enum& target,
                     std::vector<std::pair<std::string, Enum>> values, const std::string& help) {
  std::vector<std::string> names;
  std::vector<Enum> enumerators;
  for (auto& [text, value] : values) {
    names.push_back(std::move(text));
    enumerators.push_back(value);
  }
  const auto current = [enumerators, &target] {
    std::size_t i = 0;
    while (i + 1 < enumerators.size() && enumerators[i] != target) ++i;
    return i;
  };
  add_choice(
      name, std::move(names), current(),
      [enumerators, &target](std::size_t i) { target = enumerators[i]; }, current, help);
}

}  // namespace graft
