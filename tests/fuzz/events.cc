// Any bytes taken for an event file are read to an end: what is damaged is counted and passed over,
// no handler sees a view outside of its record, and a second look finds nothing new.
#include <cstring>

#include "base/file.h"
#include "fuzz.h"
#include "summary/event_reader.h"
#include "wire/records.h"

namespace graft::fuzz {

void try_bytes(std::span<const std::byte> bytes) {
  const MemoryFile file(bytes);
  EventReader reader(file.path());
  std::size_t seen = 0, touched = 0;
  const auto touch = [&](std::string_view text) {
    ++seen;
    for (const char c : text) touched += static_cast<unsigned char>(c);
  };
  EventHandler handler;
  handler.on_scalar = [&](const ScalarEvent& event) { touch(event.tag); };
  handler.on_histogram = [&](const HistogramEvent& event) { touch(event.tag); };
  handler.on_graph = touch;
  handler.on_file_version = touch;
  require(reader.poll(handler).ok(), "a regular file that is not read");
  require(reader.offset() <= bytes.size(), "read beyond the file's end");
  const std::size_t seen_at_first = seen;
  const std::uint64_t damaged = reader.damaged_records(), offset = reader.offset();
  require(reader.poll(handler).ok(), "a file that is not read again");
  require(seen == seen_at_first && reader.damaged_records() == damaged && reader.offset() == offset,
          "a file that did not grow brings something new");
}

std::vector<std::string> seeds() {
  std::vector<std::string> all = source_files("tests/golden/events", ".events");
  for (std::string& file : all) file.resize(std::min<std::size_t>(file.size(), 6000));
  return all;
}

}  // namespace graft::fuzz

// A changed record is refused for its checksums alone, so those are put right again.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 0) return size;
  constexpr std::size_t kLengthBytes = 8, kSumBytes = 4;
  const std::span bytes(reinterpret_cast<std::byte*>(data), size);
  const auto mend = [&](std::size_t at, std::size_t count) {
    const std::uint32_t sum = graft::wire::masked_crc32c(bytes.subspan(at, count));
    std::memcpy(&data[at + count], &sum, kSumBytes);
  };
  for (std::size_t at = 0; size - at >= kLengthBytes + kSumBytes;) {
    std::uint64_t length = 0;
    std::memcpy(&length, &data[at], kLengthBytes);
    mend(at, kLengthBytes);
    at += kLengthBytes + kSumBytes;
    if (size - at < kSumBytes || length > size - at - kSumBytes) break;
    mend(at, static_cast<std::size_t>(length));
    at += static_cast<std::size_t>(length) + kSumBytes;
  }
  return size;
}
