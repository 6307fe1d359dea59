// TFRecord framing: u64 length | u32 masked_crc(length) | data | u32 masked_crc(data), crc32c,
// mask = rotr15(crc) + 0xa282ead8, little endian. Source: tensorflow/core/lib/io/record_writer.cc.
// Knows no content. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "base/result.h"

namespace graft::wire {

std::uint32_t masked_crc32c(std::span<const std::byte> data);

// Appends one frame around `data`.
void append_record(std::string& out, std::span<const std::byte> data);

// What stands at the front of `bytes`:
struct Record {                     // a whole frame
  std::span<const std::byte> data;  // points into `bytes`
  std::size_t frame_bytes = 0;      // how far to advance
};
struct Truncated {};               // fewer bytes than the frame says: retry when the file has grown
struct BadRecord {                 // a wrong checksum
  bool length_is_trusted = false;  // true: only the data's crc is wrong, frame_bytes skips it
  std::size_t frame_bytes = 0;
};
using NextRecord = std::variant<Record, Truncated, BadRecord>;
NextRecord next_record(std::span<const std::byte> bytes);

}  // namespace graft::wire
