// The bytes of a feature cache file (docs/formats/feature_cache.md): headers, and finding records
// among arbitrary bytes. Pure functions on memory; files and locks are feature_cache.cc's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/file.h"
#include "base/result.h"
#include "data/feature_cache.h"

namespace graft {

inline constexpr std::size_t kFeatureBlock = 64;  // headers are one block; everything is aligned

using FeatureBlock = std::array<std::byte, kFeatureBlock>;

FeatureBlock feature_file_header();

// kCorrupt: not this format, or damaged; kUnsupported: a later version. `head` may be short.
Result<void> check_feature_file_header(std::span<const std::byte> head);

// Is `head` the beginning of a header that a killed process did not finish? (True for no bytes.)
bool is_unfinished_header(std::span<const std::byte> head);

struct FeatureRecordHeader {
  FeatureKey key;
  std::uint32_t width = 0;
  std::uint64_t checksum = 0;  // xxh3_64 of the vector's bytes
};

// Bytes of a whole record: header, vector, padding to the next block.
std::uint64_t feature_record_bytes(std::uint32_t width);

void append_feature_record(Bytes& out, const FeatureKey& key, std::span<const float> values);

struct FeatureKeyHash {
  std::size_t operator()(const FeatureKey& key) const;  // both halves are digests already
};

struct FeaturePlace {
  std::uint64_t offset = 0;  // of the vector in the file
  std::uint32_t width = 0;
  std::uint64_t checksum = 0;
};

struct FeatureIndex {
  std::unordered_map<FeatureKey, FeaturePlace, FeatureKeyHash> places;  // the latest of each key
  std::uint64_t end = kFeatureBlock;  // behind the last whole record
  std::uint64_t damaged_bytes = 0;    // before `end` and in no record
  // Where a record begins that the file's end cuts off: the rest of a killed run's last batch.
  std::optional<std::uint64_t> cut_off_at;
};

// Reads the record headers in file[index.end, file.size()) into `index` and moves index.end behind
// the last whole record. Bytes that are no record are passed over block by block until the next
// header with a right checksum; behind index.end they are looked at again the next time.
void read_feature_records(std::span<const std::byte> file, FeatureIndex& index);

bool all_finite(std::span<const float> values);

// The vector at `place`, or an empty span when its checksum or a number in it is wrong.
std::span<const float> checked_vector(std::span<const std::byte> file, const FeaturePlace& place);

}  // namespace graft
