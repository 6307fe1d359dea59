#include "summary/record_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "wire/records.h"

namespace graft {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kHeaderBytes = 12, kFrameBytes = 16;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// Fills `into` from `at`; returns how many bytes there were, less only at the end of the file.
Result<std::size_t> read_at(int fd, std::uint64_t at, std::span<std::byte> into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t n =
        ::pread(fd, into.data() + have, into.size() - have, static_cast<off_t>(at + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(errno_text(errno));
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return have;
}

std::uint64_t frame_size(std::span<const std::byte> header) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t length = 0;
  std::memcpy(&length, header.data(), sizeof(length));
  return length > UINT64_MAX - kFrameBytes ? UINT64_MAX : length + kFrameBytes;
}

bool is_header(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + 8, sizeof(crc));
  return crc == wire::masked_crc32c(bytes.first(8));
}

Error cannot_read(const std::string& path, int why) {
  const std::string message = printable(path) + ": cannot be read: " + errno_text(why);
  return why == ENOENT || why == ENOTDIR ? not_found(message) : io_error(message);
}

}  // namespace

// A part of the file in memory; front() is the file's byte RecordReader::offset_.
class RecordReader::Window {
 public:
  Window(int fd, std::uint64_t file_size) : fd_(fd), file_size_(file_size) {}
  std::span<const std::byte> front() const { return std::span(buffer_).subspan(used_); }
  void drop(std::size_t bytes) { used_ += bytes; }
  std::uint64_t file_size() const { return file_size_; }
  std::uint64_t left_in_file(std::uint64_t offset) const {
    return file_size_ - std::min(file_size_, offset);
  }
  // Makes front() at least `needed` bytes long, which the file has to have behind `offset`. False:
  // it was cut shorter meanwhile.
  Result<bool> need(std::uint64_t offset, std::uint64_t needed) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
    const std::size_t have = buffer_.size();
    const auto goal = static_cast<std::size_t>(
        std::min(std::max<std::uint64_t>(kChunkBytes, needed), left_in_file(offset)));
    if (goal <= have) return have >= needed;
    buffer_.resize(goal);
    auto read = read_at(fd_, offset + have, std::span(buffer_).subspan(have));
    buffer_.resize(have + (read.ok() ? *read : 0));
    if (!read.ok()) return std::move(read).error();
    return buffer_.size() >= needed;
  }

 private:
  int fd_;
  std::uint64_t file_size_;
  Bytes buffer_;
  std::size_t used_ = 0;
};

void RecordReader::start_over() {
  offset_ = 0;
  damaged_ = 0;
  tail_size_ = 0;
  searching_ = false;
  waiting_at_ = 0;
}

bool RecordReader::same_file(int fd, std::uint64_t device, std::uint64_t inode,
                             std::uint64_t size) const {
  if (device != device_ || inode != inode_ || size < offset_) return false;
  std::array<std::byte, 32> now{};
  const auto read = read_at(fd, offset_ - tail_size_, std::span(now).first(tail_size_));
  return read.ok() && *read == tail_size_ &&
         std::equal(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(tail_size_),
                    tail_.begin());
}

Result<bool> RecordReader::poll(const RecordSink& sink, std::uint64_t max_bytes) {
  const OpenFile file(path_);
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) return cannot_read(path_, errno);
  if (!S_ISREG(status.st_mode)) {
    return unsupported(printable(path_) + ": is not a regular file: name an event file");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!same_file(file.fd(), status.st_dev, status.st_ino, size)) {
    const bool known = inode_ != 0;
    device_ = status.st_dev;
    inode_ = status.st_ino;
    start_over();
    if (known && sink.on_replaced) sink.on_replaced();
  }
  if (waiting_at_ == size) return false;
  waiting_at_ = 0;

  Window window(file.fd(), size);
  const std::uint64_t goal = max_bytes > UINT64_MAX - offset_ ? UINT64_MAX : offset_ + max_bytes;
  bool more = true;
  while (true) {
    const std::uint64_t needed = read_records(window, sink, goal);
    if (needed == 0) break;  // enough for this call
    if (needed > window.left_in_file(offset_)) {
      more = false;
      break;
    }
    auto got = window.need(offset_, needed);
    if (!got.ok()) return with_context(printable(path_) + ": cannot be read", got.error());
    if (!*got) {
      more = false;
      break;
    }
  }
  tail_size_ = static_cast<std::size_t>(std::min<std::uint64_t>(tail_.size(), offset_));
  const auto kept = read_at(file.fd(), offset_ - tail_size_, std::span(tail_).first(tail_size_));
  if (!kept.ok() || *kept != tail_size_) tail_size_ = 0;
  return more;
}

std::uint64_t RecordReader::read_records(Window& window, const RecordSink& sink,
                                         std::uint64_t goal) {
  const auto advance = [&](std::uint64_t bytes) {
    const std::size_t held = window.front().size();
    window.drop(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, held)));
    offset_ += bytes;
  };
  while (offset_ < goal) {
    const std::span<const std::byte> front = window.front();
    if (front.size() < kHeaderBytes) return kHeaderBytes;
    if (searching_) {
      std::size_t skip = 0;
      while (
          skip + kHeaderBytes <= front.size() &&
          !(is_header(front.subspan(skip)) && frame_size(front.subspan(skip)) <= kMaxRecordBytes)) {
        ++skip;
      }
      if (skip > 0) {
        advance(skip);
        continue;
      }
    }
    const wire::NextRecord next = wire::next_record(front);
    if (const auto* record = std::get_if<wire::Record>(&next)) {
      searching_ = false;
      sink.on_record(offset_, record->data);
      advance(record->frame_bytes);
      continue;
    }
    if (std::holds_alternative<wire::Truncated>(next)) {
      const std::uint64_t needed = frame_size(front);
      if (needed <= kMaxRecordBytes || needed > window.left_in_file(offset_)) return needed;
      ++damaged_;
      advance(needed);
      continue;
    }
    const auto& bad = std::get<wire::BadRecord>(next);
    if (searching_) {
      advance(1);
      continue;
    }
    if (bad.length_is_trusted) {
      // A writer that was cut off and went on leaves a length that leads into later records: it
      // counts only where a record follows.
      const std::uint64_t needed = bad.frame_bytes + kHeaderBytes;
      if (needed > window.left_in_file(offset_)) waiting_at_ = window.file_size();
      if (front.size() < needed) return needed;
      ++damaged_;
      if (is_header(front.subspan(bad.frame_bytes))) {
        advance(bad.frame_bytes);
        continue;
      }
    } else {
      ++damaged_;
    }
    searching_ = true;
    advance(1);
  }
  return 0;
}

Result<Bytes> read_record_at(const std::string& path, std::uint64_t offset) {
  const OpenFile file(path);
  if (file.fd() < 0) return cannot_read(path, errno);
  const auto gone = [&] {
    return corrupt(printable(path) + ": has no record at byte " + std::to_string(offset) +
                   ": the file was changed meanwhile");
  };
  Bytes frame(kHeaderBytes);
  auto read = read_at(file.fd(), offset, frame);
  if (!read.ok() || *read < kHeaderBytes || !is_header(frame)) return gone();
  const std::uint64_t size = frame_size(frame);
  if (size > RecordReader::kMaxRecordBytes) return gone();
  frame.resize(static_cast<std::size_t>(size));
  read = read_at(file.fd(), offset, frame);
  if (!read.ok() || *read < frame.size()) return gone();
  const wire::NextRecord next = wire::next_record(frame);
  const auto* record = std::get_if<wire::Record>(&next);
  if (record == nullptr) return gone();
  return Bytes(record->data.begin(), record->data.end());
}

}  // namespace graft
