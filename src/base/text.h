// Small text helpers that several rooms need. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graft {

bool is_utf8(std::string_view bytes);

// A path or label for people and JSON: valid UTF-8 without control characters stays as it is; every
// other byte becomes \xNN (newline "\n", tab "\t", backslash "\\" when anything had to be escaped).
std::string printable(std::string_view bytes);

// The same of the first `most` bytes at most, whole characters, then "…" if there are more: for
// what strangers send, whose message must not be as long as they like.
std::string printable_start(std::string_view bytes, std::size_t most = 200);

// "a b" → 'a b': a word as a POSIX shell reads it back.
std::string shell_quote(std::string_view word);

std::string to_lower_ascii(std::string_view s);
std::string trim(std::string_view s);
std::vector<std::string> split_lines(
    std::string_view s);  // accepts \n and \r\n, no empty last line

// The candidate with the smallest edit distance, or "" when none is near (distance > a third of the
// length, at least 2). For "did you mean".
std::string nearest(std::string_view wanted, std::span<const std::string> candidates);

std::string format_count(std::uint64_t n);      // 12,345
std::string format_bytes(std::uint64_t bytes);  // 4.3 MB (powers of 1000)
std::string format_duration(double seconds);    // 0.42 s, 12 s, 3 min 20 s, 2 h 5 min

// Shortest decimal text that reads back as the same float, in Python's repr style ("0.1", "1e-07",
// "-3.3064318"), as TensorFlow's text caches have it.
void append_float(std::string& out, float value);
std::string float_text(float value);

}  // namespace graft
