// Follows a file of records (wire/records.h) while it grows, through damage. Knows no content.
// Thread rule: one thread at a time an object.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"

namespace graft {

struct RecordSink {
  // A whole record and where its frame begins; the bytes live during the call.
  std::function<void(std::uint64_t offset, std::span<const std::byte> data)> on_record;
  // The file under the name is another than before: what was read of it is void.
  std::function<void()> on_replaced;
};

class RecordReader {
 public:
  // Memory a reader may take for one record; a longer one is passed over and counted as damaged.
  static constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{256} << 20;

  explicit RecordReader(std::string path) : path_(std::move(path)) {}

  // Reads what is complete since the last call, a chunk at a time. A truncated last record waits
  // for the next call. A damaged record is counted and passed over: by its length where that is
  // intact and a record follows, else by searching for the next whole record; where nothing follows
  // it yet, it is counted and waits. So a file that grows gives what reading it at once gives. A
  // file that was replaced, rewritten or cut shorter is read from its start. Stops after about
  // max_bytes; true: there is more to read now. kIo/kNotFound/kUnsupported for the file itself.
  Result<bool> poll(const RecordSink& sink, std::uint64_t max_bytes = UINT64_MAX);

  // For a record whose content turned out to be none.
  void count_damaged() { ++damaged_; }
  std::uint64_t damaged() const { return damaged_ + (waiting_at_ == 0 ? 0 : 1); }
  std::uint64_t offset() const { return offset_; }  // bytes read and done with
  const std::string& path() const { return path_; }

 private:
  class Window;
  void start_over();
  bool same_file(int fd, std::uint64_t device, std::uint64_t inode, std::uint64_t size) const;
  // Delivers what lies in the window. Returns how many bytes behind offset_ it needs to go on, 0
  // when offset_ reached the goal.
  std::uint64_t read_records(Window& window, const RecordSink& sink, std::uint64_t goal);

  std::string path_;
  std::uint64_t offset_ = 0, damaged_ = 0;
  std::uint64_t device_ = 0, inode_ = 0;
  bool searching_ = false;  // no record is known to begin at offset_
  // The file's size when a damaged record, at offset_, was its end; 0: none is.
  std::uint64_t waiting_at_ = 0;
  // The last bytes before offset_: another content under the same inode is noticed by them.
  std::array<std::byte, 32> tail_{};
  std::size_t tail_size_ = 0;
};

// The record whose frame begins at `offset`, checked. kCorrupt: there is none (any more).
Result<Bytes> read_record_at(const std::string& path, std::uint64_t offset);

}  // namespace graft
