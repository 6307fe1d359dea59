#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <numeric>

namespace graft {
namespace {

// Length of the UTF-8 sequence at the start of `s` and its code point; length 0: not UTF-8.
// Overlong forms, surrogates and values above U+10FFFF are not UTF-8 (RFC 3629).
struct Sequence {
  std::size_t length = 0;
  std::uint32_t code_point = 0;
};

Sequence first_sequence(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(s[i]); };
  const std::uint32_t lead = at(0);
  if (lead < 0x80) return {1, lead};
  std::size_t length = 0;
  std::uint32_t smallest = 0;
  std::uint32_t value = 0;
  if ((lead & 0xE0) == 0xC0) {
    length = 2, smallest = 0x80, value = lead & 0x1F;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, smallest = 0x800, value = lead & 0x0F;
  } else if ((lead & 0xF8) == 0xF0) {
    length = 4, smallest = 0x10000, value = lead & 0x07;
  } else {
    return {};
  }
  if (s.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (at(i) & 0x3FU);
  }
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {length, value};
}

// Characters that would move the cursor, break the line or turn the text's direction around.
bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0x200E ||
         c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Levenshtein's distance in bytes, two rows at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

template <typename... Args>
std::string formatted(const char* format, Args... args) {
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof buffer, format, args...);
  return {buffer, static_cast<std::size_t>(std::clamp(length, 0, 63))};
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Sequence sequence = first_sequence(bytes);
    if (sequence.length == 0) return false;
    bytes.remove_prefix(sequence.length);
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string plain;
  std::string escaped;
  bool clean = true;
  while (!bytes.empty()) {
    const Sequence sequence = first_sequence(bytes);
    const bool good = sequence.length > 0 && !is_control(sequence.code_point);
    const std::size_t length = std::max<std::size_t>(sequence.length, 1);
    const std::string_view part = bytes.substr(0, length);
    bytes.remove_prefix(length);
    plain += part;
    if (good) {
      escaped += part == "\\" ? "\\\\" : part;
      continue;
    }
    clean = false;
    if (part == "\n") {
      escaped += "\\n";
    } else if (part == "\t") {
      escaped += "\\t";
    } else {
      for (const char c : part) escaped += formatted("\\x%02x", static_cast<unsigned char>(c));
    }
  }
  return clean ? plain : escaped;
}

std::string printable_start(std::string_view bytes, std::size_t most) {
  if (bytes.size() <= most) return printable(bytes);
  std::size_t end = 0;
  while (true) {
    const std::size_t length = std::max<std::size_t>(first_sequence(bytes.substr(end)).length, 1);
    if (end + length > most) return printable(bytes.substr(0, end)) + "…";
    end += length;
  }
}

std::string shell_quote(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string to_lower_ascii(std::string_view s) {
  std::string lower(s);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string trim(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return std::string(s);
}

std::vector<std::string> split_lines(std::string_view s) {
  std::vector<std::string> lines;
  while (!s.empty()) {
    const std::size_t end = s.find('\n');
    std::string_view line = s.substr(0, end);
    s.remove_prefix(end == std::string_view::npos ? s.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
  }
  return lines;
}

std::string nearest(std::string_view wanted, std::span<const std::string> candidates) {
  const std::size_t limit = std::max<std::size_t>(2, wanted.size() / 3);
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(wanted.size(), candidate.size());
    if (longer - std::min(wanted.size(), candidate.size()) > limit) continue;
    const std::size_t distance = edit_distance(wanted, candidate);
    // Nothing in common is not near, however short both are.
    if (distance > limit || distance >= longer) continue;
    if (best == nullptr || distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::string() : *best;
}

std::string format_count(std::uint64_t n) {
  const std::string digits = std::to_string(n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr const char* kUnits[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.95 would print as "1000": it belongs to the next unit.
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return formatted(value < 99.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds < 0.0995) return formatted("%.3f s", seconds);
  if (seconds < 0.995) return formatted("%.2f s", seconds);
  if (seconds < 9.95) return formatted("%.1f s", seconds);
  if (seconds > 1e15) return "?";
  const auto whole = static_cast<unsigned long long>(std::llround(seconds));
  if (whole < 60) return formatted("%llu s", whole);
  if (whole < 3600) return formatted("%llu min %llu s", whole / 60, whole % 60);
  const unsigned long long minutes = (whole + 30) / 60;
  return formatted("%llu h %llu min", minutes / 60, minutes % 60);
}

void append_float(std::string& out, float value) {
  if (std::isnan(value)) {
    out += "nan";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-inf" : "inf";
    return;
  }
  // "d.ddde±xx": the shortest digits, and the exponent that says where the point belongs.
  char buffer[32];
  const auto written =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(written.ptr - buffer));
  if (text.starts_with('-')) {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t mark = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(mark + 1)).c_str());
  std::string digits(text.substr(0, 1));
  if (mark > 1) digits += text.substr(2, mark - 2);

  // NumPy decides by the value, not by its digits: the float nearest to 0.0001 lies just below it
  // and prints as 1e-04.
  const double magnitude = std::abs(static_cast<double>(value));
  if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    out += text;
    return;
  }
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
    return;
  }
  const std::size_t whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out += digits;
    out.append(whole - digits.size(), '0');
    out += ".0";
  } else {
    out.append(digits, 0, whole);
    out += '.';
    out.append(digits, whole);
  }
}

std::string float_text(float value) {
  std::string text;
  append_float(text, value);
  return text;
}

}  // namespace graft
