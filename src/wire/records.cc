#include "wire/records.h"

#include <bit>

#include "base/hash.h"

namespace graft::wire {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kHeaderBytes = kLengthBytes + kCrcBytes;

template <typename T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i))));
  }
}

template <typename T>
T read_little_endian(std::span<const std::byte> bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(std::to_integer<std::uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

std::uint32_t masked_crc32c(std::span<const std::byte> data) {
  return std::rotr(crc32c(data), 15) + 0xa282ead8U;
}

void append_record(std::string& out, std::span<const std::byte> data) {
  const std::size_t start = out.size();
  append_little_endian<std::uint64_t>(out, data.size());
  const auto length = std::as_bytes(std::span(out)).subspan(start, kLengthBytes);
  append_little_endian(out, masked_crc32c(length));
  out.append(reinterpret_cast<const char*>(data.data()), data.size());
  append_little_endian(out, masked_crc32c(data));
}

NextRecord next_record(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderBytes) return Truncated{};
  const auto length_bytes = bytes.first(kLengthBytes);
  if (read_little_endian<std::uint32_t>(bytes.subspan(kLengthBytes)) !=
      masked_crc32c(length_bytes)) {
    return BadRecord{};
  }
  const auto length = read_little_endian<std::uint64_t>(length_bytes);
  const std::size_t after_header = bytes.size() - kHeaderBytes;
  // Compared without adding to `length`, which may be near 2^64.
  if (after_header < kCrcBytes || length > after_header - kCrcBytes) return Truncated{};
  const auto data = bytes.subspan(kHeaderBytes, static_cast<std::size_t>(length));
  const std::size_t frame_bytes = kHeaderBytes + data.size() + kCrcBytes;
  const auto crc = read_little_endian<std::uint32_t>(bytes.subspan(kHeaderBytes + data.size()));
  if (crc != masked_crc32c(data)) return BadRecord{true, frame_bytes};
  return Record{data, frame_bytes};
}

}  // namespace graft::wire
