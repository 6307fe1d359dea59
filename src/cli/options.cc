#include "cli/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "base/text.h"
#include "cli/format.h"

namespace graft {
namespace {

// Shortest text that reads back as the same number.
template <typename T>
std::string number_text(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

template <typename T>
std::optional<T> read_number(std::string_view text) {
  T value{};
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T>
std::string range_text(double low, double high) {
  std::string kind = std::is_floating_point_v<T> ? "a number" : "a whole number";
  const bool has_low = low > static_cast<double>(std::numeric_limits<T>::lowest());
  const bool has_high = high < static_cast<double>(std::numeric_limits<T>::max());
  if (has_low && has_high) return kind + " from " + number_text(low) + " to " + number_text(high);
  if (has_low) return kind + " of " + number_text(low) + " or more";
  if (has_high) return kind + " of " + number_text(high) + " or less";
  return kind;
}

// The value as printed in an error message, with an unset shell variable called by its name.
Error bad_value(std::string_view name, std::string_view value, std::string_view wanted) {
  const std::string subject = "--" + std::string(name);
  if (value.empty()) {
    return invalid_argument(subject +
                            ": its value is empty (a shell variable that was never set?): give " +
                            std::string(wanted));
  }
  return invalid_argument(subject + ": '" + printable_start(value) + "' is not " +
                          std::string(wanted) + ": correct the value");
}

std::optional<bool> read_bool(std::string_view text) {
  const std::string t = to_lower_ascii(text);
  if (t == "true" || t == "1" || t == "yes" || t == "on") return true;
  if (t == "false" || t == "0" || t == "no" || t == "off") return false;
  return std::nullopt;
}

// What may stand apart from its flag: no photo is likely to be called so.
bool is_true_or_false(std::string_view word) {
  const std::string t = to_lower_ascii(word);
  return t == "true" || t == "false";
}

template <typename T>
struct Unwrapped {
  using type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};

// Words of `text` in lines of at most `columns`, each line after the first indented.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent,
                    std::size_t columns) {
  std::size_t used = indent;
  bool first = true;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (!first && used + 1 + word.size() > columns) {
      out += '\n';
      out.append(indent, ' ');
      used = indent;
      first = true;
    }
    if (!first) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
    first = false;
  }
  out += '\n';
}

}  // namespace

Options::Options(std::string command, std::string title, std::string arguments)
    : command_(std::move(command)),
      title_(std::move(title)),
      arguments_text_(std::move(arguments)) {}

void Options::group(std::string title) {
  group_ = std::move(title);
}

void Options::example(std::string command_line, std::string what) {
  examples_.emplace_back(std::move(command_line), std::move(what));
}

void Options::note(std::string paragraph) {
  notes_.push_back(std::move(paragraph));
}

void Options::add(Option option) {
  option.group = group_;
  options_.push_back(std::move(option));
}

void Options::text(const std::string& name, std::string& target, const std::string& value_name,
                   const std::string& help) {
  Option option{name, value_name, help, target, {}, {}, {}};
  option.assign = [&target](std::string_view value) -> Result<void> {
    target = value;
    return {};
  };
  option.value = [&target] { return Json(printable(target)); };
  add(std::move(option));
}

void Options::text(const std::string& name, std::optional<std::string>& target,
                   const std::string& value_name, const std::string& help) {
  Option option{name, value_name, help, target.value_or(""), {}, {}, {}};
  option.assign = [&target](std::string_view value) -> Result<void> {
    target = value;
    return {};
  };
  option.value = [&target] { return target ? Json(printable(*target)) : Json(nullptr); };
  add(std::move(option));
}

template <typename T>
void Options::add_number(const std::string& name, T& target, const std::string& help, double low,
                         double high) {
  using Number = typename Unwrapped<T>::type;
  constexpr bool kOptional = !std::is_same_v<T, Number>;
  Option option{name, "N", help, {}, {}, {}, {}};
  if constexpr (kOptional) {
    if (target) option.default_text = number_text(*target);
  } else {
    option.default_text = number_text(target);
  }
  option.assign = [name, low, high, &target](std::string_view value) -> Result<void> {
    const std::optional<Number> number = read_number<Number>(value);
    bool fits = number.has_value();
    if constexpr (std::is_floating_point_v<Number>) fits = fits && std::isfinite(*number);
    fits = fits && static_cast<double>(*number) >= low && static_cast<double>(*number) <= high;
    if (!fits) return bad_value(name, value, range_text<Number>(low, high));
    target = *number;
    return {};
  };
  option.value = [&target]() -> Json {
    if constexpr (kOptional) {
      return target ? Json(*target) : Json(nullptr);
    } else if constexpr (std::is_same_v<T, float>) {
      // 0.01F as the user wrote it, not as 0.009999999776.
      return Json(as_written(target));
    } else {
      return Json(target);
    }
  };
  add(std::move(option));
}

void Options::integer(const std::string& name, int& target, const std::string& help, int low,
                      int high) {
  add_number(name, target, help, low, high);
}

void Options::integer(const std::string& name, std::uint64_t& target, const std::string& help) {
  add_number(name, target, help, 0, static_cast<double>(std::numeric_limits<std::uint64_t>::max()));
}

void Options::integer(const std::string& name, std::optional<int>& target, const std::string& help,
                      int low, int high) {
  add_number(name, target, help, low, high);
}

void Options::number(const std::string& name, float& target, const std::string& help, double low,
                     double high) {
  add_number(name, target, help, low, high);
}

void Options::number(const std::string& name, double& target, const std::string& help, double low,
                     double high) {
  add_number(name, target, help, low, high);
}

void Options::number(const std::string& name, std::optional<float>& target, const std::string& help,
                     double low, double high) {
  add_number(name, target, help, low, high);
}

void Options::flag(const std::string& name, bool& target, const std::string& help) {
  Option option{name, {}, help, target ? "true" : "", {}, {}, {}, true};
  option.assign = [name, &target](std::string_view value) -> Result<void> {
    const std::optional<bool> answer = read_bool(value);
    if (!answer) return bad_value(name, value, "true or false");
    target = *answer;
    return {};
  };
  option.value = [&target] { return Json(target); };
  add(std::move(option));
}

void Options::add_choice(const std::string& name, std::vector<std::string> names,
                         std::size_t chosen, std::function<void(std::size_t)> assign,
                         std::function<std::size_t()> current, const std::string& help) {
  std::string alternatives;
  for (const std::string& n : names) alternatives += (alternatives.empty() ? "" : "|") + n;
  Option option{name, alternatives, help, names[chosen], {}, {}, {}};
  option.assign = [name, names, alternatives,
                   assign = std::move(assign)](std::string_view value) -> Result<void> {
    const auto at = std::find(names.begin(), names.end(), value);
    if (at == names.end()) return bad_value(name, value, "one of " + alternatives);
    assign(static_cast<std::size_t>(at - names.begin()));
    return {};
  };
  option.value = [names, current = std::move(current)] { return Json(names[current()]); };
  add(std::move(option));
}

void Options::arguments(std::vector<std::string>& target) {
  arguments_ = &target;
}

void Options::missing_is_empty(std::string_view name) {
  if (Option* option = find_exact(name); option != nullptr) option->missing_is_empty = true;
}

Options::Option* Options::find_exact(std::string_view name) {
  const auto at = std::find_if(options_.begin(), options_.end(),
                               [name](const Option& option) { return option.name == name; });
  return at == options_.end() ? nullptr : &*at;
}

std::vector<Options::Option*> Options::find_begun(std::string_view beginning, bool flags_only) {
  std::vector<Option*> found;
  for (Option& option : options_) {
    if (!beginning.empty() && option.name.starts_with(beginning) &&
        (option.is_flag || !flags_only)) {
      found.push_back(&option);
    }
  }
  return found;
}

Result<Options::Meant> Options::find(std::string_view dashed) {
  if (!dashed.starts_with("--")) return unknown(dashed);
  const std::string_view name = dashed.substr(2);
  const bool no = name.starts_with("no");
  if (Option* option = find_exact(name)) return Meant{option, false};
  if (Option* option = no ? find_exact(name.substr(2)) : nullptr; option && option->is_flag) {
    return Meant{option, true};
  }
  std::vector<Option*> begun = find_begun(name, false);
  const bool negated = begun.empty() && no;
  if (negated) begun = find_begun(name.substr(2), true);
  if (begun.empty()) return unknown(dashed);
  if (begun.size() == 1) return Meant{begun.front(), negated};
  std::string names;
  for (const Option* option : begun) {
    names += (names.empty() ? "--" : ", --") + (negated ? "no" + option->name : option->name);
  }
  return invalid_argument(printable_start(dashed) +
                          ": is the beginning of several options: write one of " + names);
}

bool Options::is_option(std::string_view word) {
  const std::string_view dashed = word.substr(0, word.find('='));
  return dashed == "--help" || (dashed.starts_with("--") && find(dashed).ok());
}

Error Options::unknown(std::string_view written) const {
  const std::string_view name = written.substr(written.starts_with("--") ? 2 : 1);
  std::vector<std::string> names{"help"};
  for (const Option& option : options_) names.push_back(option.name);
  const std::string close = nearest(name, names);
  std::string message = printable_start(written) + ": no such option of graft " + command_ + ": ";
  if (!close.empty()) {
    message += "did you mean --" + close + "?";
  } else {
    message += "see graft " + command_ + " --help";
    if (arguments_ != nullptr) message += ", or put -- before a name that begins with a dash";
  }
  return invalid_argument(std::move(message));
}

Result<void> Options::assign_flag(const Meant& meant, std::string_view dashed,
                                  std::optional<std::string_view> value) {
  const std::string& name = meant.option->name;
  if (meant.negated && value) {
    return invalid_argument(std::string(dashed) + ": takes no value: write --" + name +
                            "=true or --" + name + "=false");
  }
  return meant.option->assign(meant.negated ? "false" : value.value_or("true"));
}

Result<void> Options::parse_option(std::span<const std::string> arguments, std::size_t& at) {
  const std::string_view written = arguments[at];
  const std::size_t equals = written.find('=');
  const std::string_view dashed = written.substr(0, equals);
  std::optional<std::string_view> value;
  if (equals != std::string_view::npos) value = written.substr(equals + 1);

  GRAFT_ASSIGN(const Meant meant, find(dashed));
  Option& option = *meant.option;
  option.given = true;
  const bool more = at + 1 < arguments.size();
  if (option.is_flag) {
    if (!value && !meant.negated && more && is_true_or_false(arguments[at + 1])) {
      value = arguments[++at];
    }
    return assign_flag(meant, dashed, value);
  }
  if (value) return option.assign(*value);
  if (more && !is_option(arguments[at + 1])) return option.assign(arguments[++at]);
  if (option.missing_is_empty) return option.assign("");
  return invalid_argument(
      "--" + option.name +
      ": its value is missing (a shell variable that was never set?): write --" + option.name +
      "=" + option.value_name);
}

Result<Options::Parsed> Options::parse(std::span<const std::string> arguments) {
  bool only_arguments = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!only_arguments && word == "--") {
      only_arguments = true;
    } else if (!only_arguments && (word == "--help" || word == "-h")) {
      return Parsed::kHelp;
    } else if (!only_arguments && word.size() > 1 && word.front() == '-') {
      GRAFT_TRY(parse_option(arguments, i));
    } else if (arguments_ != nullptr) {
      arguments_->push_back(word);
    } else {
      return invalid_argument("'" + printable_start(word) + "': graft " + command_ +
                              " takes options only: write --name=value, see graft " + command_ +
                              " --help");
    }
  }
  return Parsed::kRun;
}

bool Options::given(std::string_view name) const {
  return std::any_of(options_.begin(), options_.end(),
                     [name](const Option& option) { return option.name == name && option.given; });
}

std::string Options::help(int columns) const {
  constexpr std::size_t kHelpColumn = 30;
  const auto width = static_cast<std::size_t>(std::clamp(columns, 60, 100));
  std::string out = "graft " + command_ + ": " + title_ + "\n\nUsage: graft " + command_ +
                    " [options]" + (arguments_text_.empty() ? "" : " " + arguments_text_) + "\n";
  std::string_view group;
  for (const Option& option : options_) {
    if (option.group != group) {
      group = option.group;
      out += "\n" + option.group + ":\n";
    }
    std::string left = "  --" + option.name;
    if (!option.is_flag) left += "=" + option.value_name;
    out += left;
    if (left.size() + 2 > kHelpColumn) {
      out += '\n';
      out.append(kHelpColumn, ' ');
    } else {
      out.append(kHelpColumn - left.size(), ' ');
    }
    std::string help = option.help;
    if (!option.default_text.empty()) help += " (default " + option.default_text + ")";
    append_wrapped(out, help, kHelpColumn, width);
  }
  for (const std::string& paragraph : notes_) {
    out += '\n';
    append_wrapped(out, paragraph, 0, width);
  }
  if (!examples_.empty()) out += "\nExamples:\n";
  for (const auto& [command_line, what] : examples_) {
    out.append("  ").append(what).append("\n    ").append(command_line).append("\n");
  }
  return out;
}

Json Options::values() const {
  Json values = Json::object();
  for (const Option& option : options_) values[option.name] = option.value();
  return values;
}

}  // namespace graft
