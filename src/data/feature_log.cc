#include "data/feature_log.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace graft {
namespace {

static_assert(std::endian::native == std::endian::little,
              "feature caches are little-endian and mapped as they are");

// Not text in its first byte, and line ends that a transfer in text mode would spoil, as in PNG.
constexpr std::array<unsigned char, 8> kFileMagic = {0x8F, 'G', 'R', 'F', 'T', '\r', '\n', 0x1A};
constexpr std::uint32_t kVersion = 1;
constexpr std::array<unsigned char, 4> kRecordMagic = {'G', 'F', 'R', '1'};
constexpr std::size_t kChecksumAt = 56;  // of either header, over the bytes before it

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* to, const T& value) {
  std::memcpy(to, &value, sizeof value);
}

void seal(std::byte* block) {
  store(block + kChecksumAt, xxh3_64({block, kChecksumAt}));
}

bool sealed(const std::byte* block) {
  return load<std::uint64_t>(block + kChecksumAt) == xxh3_64({block, kChecksumAt});
}

bool parse_record_header(const std::byte* block, FeatureRecordHeader& header) {
  if (std::memcmp(block, kRecordMagic.data(), kRecordMagic.size()) != 0 || !sealed(block)) {
    return false;
  }
  header.width = load<std::uint32_t>(block + 4);
  std::memcpy(header.key.content.bytes.data(), block + 8, 16);
  std::memcpy(header.key.space.bytes.data(), block + 24, 16);
  header.checksum = load<std::uint64_t>(block + 40);
  return header.width >= 1 && header.width <= kMaxFeatureWidth;
}

}  // namespace

FeatureBlock feature_file_header() {
  FeatureBlock block{};
  store(block.data(), kFileMagic);
  store(block.data() + 8, kVersion);
  seal(block.data());
  return block;
}

Result<void> check_feature_file_header(std::span<const std::byte> head) {
  if (head.size() < kFeatureBlock ||
      std::memcmp(head.data(), kFileMagic.data(), kFileMagic.size()) != 0) {
    return corrupt(
        "is not a feature cache of this program: move it away or choose another --bottleneck_dir");
  }
  if (!sealed(head.data())) {
    return corrupt("is damaged at its start: move it away, and the features are computed again");
  }
  const auto version = load<std::uint32_t>(head.data() + 8);
  if (version != kVersion) {
    return unsupported("was written by a later version of this program (format " +
                       std::to_string(version) +
                       "): use that version or choose another --bottleneck_dir");
  }
  return {};
}

bool is_unfinished_header(std::span<const std::byte> head) {
  const FeatureBlock whole = feature_file_header();
  return head.size() < whole.size() && std::equal(head.begin(), head.end(), whole.begin());
}

std::uint64_t feature_record_bytes(std::uint32_t width) {
  const std::uint64_t vector = std::uint64_t{width} * sizeof(float);
  return kFeatureBlock + (vector + kFeatureBlock - 1) / kFeatureBlock * kFeatureBlock;
}

void append_feature_record(Bytes& out, const FeatureKey& key, std::span<const float> values) {
  const auto width = static_cast<std::uint32_t>(values.size());
  const std::size_t start = out.size();
  out.resize(start + feature_record_bytes(width));  // the padding is zeros
  std::byte* const block = out.data() + start;
  store(block, kRecordMagic);
  store(block + 4, width);
  std::memcpy(block + 8, key.content.bytes.data(), 16);
  std::memcpy(block + 24, key.space.bytes.data(), 16);
  store(block + 40, xxh3_64(std::as_bytes(values)));
  seal(block);
  std::memcpy(block + kFeatureBlock, values.data(), values.size_bytes());
}

std::size_t FeatureKeyHash::operator()(const FeatureKey& key) const {
  std::array<std::size_t, 2> parts{};
  std::memcpy(parts.data(), key.content.bytes.data(), sizeof(std::size_t));
  std::memcpy(parts.data() + 1, key.space.bytes.data(), sizeof(std::size_t));
  return parts[0] ^ parts[1];
}

void read_feature_records(std::span<const std::byte> file, FeatureIndex& index) {
  index.cut_off_at.reset();
  std::uint64_t at = index.end;
  while (at + kFeatureBlock <= file.size()) {
    FeatureRecordHeader header;
    if (!parse_record_header(file.data() + at, header)) {
      at += kFeatureBlock;
      continue;
    }
    const std::uint64_t length = feature_record_bytes(header.width);
    if (length > file.size() - at) {
      index.cut_off_at = at;
      return;
    }
    index.places.insert_or_assign(header.key,
                                  FeaturePlace{at + kFeatureBlock, header.width, header.checksum});
    index.damaged_bytes += at - index.end;
    at += length;
    index.end = at;
  }
}

bool all_finite(std::span<const float> values) {
  // All exponent bits set; gathered without a branch a number, so that the compiler vectorises it.
  std::uint32_t wrong = 0;
  for (const float value : values) {
    wrong |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(value) & 0x7F800000U) ==
                                        0x7F800000U);
  }
  return wrong == 0;
}

std::span<const float> checked_vector(std::span<const std::byte> file, const FeaturePlace& place) {
  const std::uint64_t length = std::uint64_t{place.width} * sizeof(float);
  if (place.offset > file.size() || length > file.size() - place.offset) return {};
  const auto bytes = file.subspan(place.offset, length);
  if (xxh3_64(bytes) != place.checksum) return {};
  const std::span<const float> values(reinterpret_cast<const float*>(bytes.data()), place.width);
  return all_finite(values) ? values : std::span<const float>();
}

}  // namespace graft
