#include "cli/format.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace graft {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

double as_written(float value) {
  std::string text;
  append_float(text, value);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number
                                                                  : static_cast<double>(value);
}

std::string percent(double share) {
  return std::isnan(share) ? "n/a" : format("%.1f%%", share * 100);
}

}  // namespace graft
