// Any bytes taken for one of TensorFlow's bottleneck files are refused with one line, or are finite
// numbers: those that strtof reads between the commas, and the same again when written and read.
#include "data/text_cache.h"

#include <cmath>
#include <cstdlib>

#include "base/rng.h"
#include "base/text.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

void check_against_strtof(std::string_view text, const std::vector<float>& values) {
  for (const float value : values) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string piece(text.substr(0, comma));
    char* end = nullptr;
    const float expected = std::strtof(piece.c_str(), &end);
    require(trim(end).empty(), "took what strtof does not: " + piece);
    require(value == expected, "took another number than strtof: " + piece);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  require(text.empty(), "passed over what follows the numbers");
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto values = parse_text_cache(text, 0);
  if (!values.ok()) {
    require_refusal(values.error());
    require(!parse_text_cache(text, 1001).ok(), "a known width makes damage acceptable");
    return;
  }
  require(!values->empty(), "no values at all");
  for (const float value : *values) require(std::isfinite(value), "a value that is not finite");
  check_against_strtof(text, *values);
  require(parse_text_cache(text, values->size()).ok(), "its own width is refused");
  require(!parse_text_cache(text, values->size() + 1).ok(), "another width is accepted");

  std::string written;
  for (const float value : *values) {
    if (!written.empty()) written += ',';
    append_float(written, value);
  }
  const MemoryFile file({reinterpret_cast<const std::byte*>(written.data()), written.size()});
  const auto again = read_text_cache(file.path(), values->size());
  require(again.ok() && *again == *values, "what was written reads differently: " + written);
}

std::vector<std::string> seeds() {
  std::vector<std::string> all = {
      "-3.3064318,0.1,1e-07,1e+16,0.0",         " 1 , +2\t,\r\n3\n", "1e-60,4", "1,,2", "nan,-inf",
      "0.10000000149011612,-1.2345678806304932"};
  Rng rng(1);
  std::string features;
  for (int i = 0; i < 64; ++i) {
    if (i > 0) features += ',';
    append_float(features, rng.normal());
  }
  all.push_back(features);
  return all;
}

}  // namespace graft::fuzz
