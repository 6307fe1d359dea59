// Any bytes taken for a feature cache are read to an end: every record that is found lies within
// the file, every vector that is given is finite, and reading in two parts finds what reading at
// once does.
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "data/feature_log.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

void check_places(std::span<const std::byte> file, const FeatureIndex& index) {
  require(index.end <= std::max(file.size(), kFeatureBlock), "an end beyond the file's");
  for (const auto& [key, place] : index.places) {
    require(place.offset <= file.size() &&
                std::uint64_t{place.width} * sizeof(float) <= file.size() - place.offset,
            "a vector outside of the file");
    for (const float value : checked_vector(file, place)) {
      require(std::isfinite(value), "a value that is not finite");
    }
  }
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  if (const auto header = check_feature_file_header(bytes); !header.ok()) {
    require_refusal(header.error());
  }
  (void)is_unfinished_header(bytes);
  const Bytes file(bytes.begin(), bytes.end());
  FeatureIndex whole, parts;
  read_feature_records(file, whole);
  check_places(file, whole);
  read_feature_records(std::span(file).first(file.size() / 2), parts);
  read_feature_records(file, parts);
  require(whole.end == parts.end && whole.places.size() == parts.places.size(),
          "read in two parts, another file");
}

std::vector<std::string> seeds() {
  const FeatureBlock header = feature_file_header();
  Bytes file(header.begin(), header.end());
  std::vector<std::string> all = {std::string(as_text(file))};
  for (int i = 0; i < 5; ++i) {
    const FeatureKey key = {xxh3_128(as_bytes(std::to_string(i % 4))), space_of("a space")};
    append_feature_record(file, key, std::vector<float>(std::size_t{1} << i * 2, 0.5F));
    all.emplace_back(as_text(file));
  }
  return all;
}

}  // namespace graft::fuzz

// A changed header is refused for its checksum alone, so that is put right again.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 0) return size;
  constexpr std::size_t kBlock = graft::kFeatureBlock, kSumAt = 56;
  for (std::size_t at = 0; at + kBlock <= size; at += kBlock) {
    if (at > 0 && std::memcmp(&data[at], "GFR1", 4) != 0) continue;
    const std::uint64_t sum =
        graft::xxh3_64({reinterpret_cast<const std::byte*>(&data[at]), kSumAt});
    std::memcpy(&data[at + kSumAt], &sum, sizeof sum);
  }
  return size;
}
