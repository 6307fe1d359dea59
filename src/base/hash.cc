#include "base/hash.h"

#include <isa-l/crc.h>
#include <openssl/sha.h>
#include <xxhash.h>

#include <algorithm>

namespace graft {
namespace {

const unsigned char* raw(std::span<const std::byte> data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

}  // namespace

Hash128 xxh3_128(std::span<const std::byte> data) {
  // The canonical form is big-endian, so that the bytes do not depend on the machine.
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data.data(), data.size()));
  Hash128 hash;
  static_assert(sizeof(canonical.digest) == sizeof(hash.bytes));
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), hash.bytes.begin());
  return hash;
}

std::uint64_t xxh3_64(std::span<const std::byte> data) {
  return XXH3_64bits(data.data(), data.size());
}

std::array<std::uint8_t, 20> sha1(std::span<const std::byte> data) {
  std::array<std::uint8_t, 20> digest{};
  SHA1(raw(data), data.size(), digest.data());
  return digest;
}

std::array<std::uint8_t, 32> sha256(std::span<const std::byte> data) {
  std::array<std::uint8_t, 32> digest{};
  SHA256(raw(data), data.size(), digest.data());
  return digest;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed) {
  // ISA-L works on the bare register: the inversions before and after (RFC 3720, B.4) are ours.
  // Its length is an int, so long data goes in pieces.
  constexpr std::size_t kPiece = std::size_t{1} << 30;
  std::uint32_t state = ~seed;
  while (!data.empty()) {
    const auto piece = data.first(std::min(data.size(), kPiece));
    state =
        crc32_iscsi(const_cast<unsigned char*>(raw(piece)), static_cast<int>(piece.size()), state);
    data = data.subspan(piece.size());
  }
  return ~state;
}

}  // namespace graft
