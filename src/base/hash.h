// Digests. SHA-1 decides the original's split rule, SHA-256 names models and archives, XXH3-128
// names photo contents in the feature cache (fast, not adversary-proof: a cache key, no more).
// Owner of libcrypto, xxHash and ISA-L. Thread rule: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace graft {

struct Hash128 {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Hash128&) const = default;
  // No <=>: clang 14 warns of a null pointer in the code that it makes of it itself.
  friend bool operator<(const Hash128& a, const Hash128& b) {
    return std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) < 0;
  }
};

Hash128 xxh3_128(std::span<const std::byte> data);
std::uint64_t xxh3_64(std::span<const std::byte> data);
std::array<std::uint8_t, 20> sha1(std::span<const std::byte> data);
std::array<std::uint8_t, 32> sha256(std::span<const std::byte> data);
std::string hex(std::span<const std::uint8_t> bytes);  // lower case

// CRC-32C (Castagnoli), as TFRecord frames use it; `seed` continues an earlier result.
std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed = 0);

}  // namespace graft
