// Values as shells, spreadsheets and people read them. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace graft {

// One RFC 4180 field: quoted where it must be, bytes as they are.
std::string csv_field(std::string_view text);

// The double whose shortest decimal text is the float's: 0.01F → 0.01, not 0.009999999776.
double as_written(float value);

std::string percent(double share);  // "88.5%"; "n/a" for NaN

// printf for the short, fixed lines whose wording the codelab fixed; at most 255 characters.
template <typename... Values>
std::string format(const char* pattern, Values... values);

}  // namespace graft

#include <cstdio>

namespace graft {

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace graft
