#include "summary/event_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <variant>

#include "base/file.h"
#include "base/text.h"
#include "wire/event.pb.h"
#include "wire/records.h"
#include "wire/serialize.h"

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
  // Appends up to `wanted` bytes from `at`; less only at the end of the file.
  Result<void> append(Bytes& into, std::uint64_t at, std::size_t wanted) const {
    std::size_t have = into.size();
    into.resize(have + wanted);
    const std::size_t goal = into.size();
    while (have < goal) {
      const ssize_t n = ::pread(fd_, into.data() + have, goal - have, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_error(errno_text(errno));
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
      at += static_cast<std::uint64_t>(n);
    }
    into.resize(have);
    return {};
  }

 private:
  int fd_ = -1;
};

std::uint64_t frame_size(std::span<const std::byte> header) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t length = 0;
  std::memcpy(&length, header.data(), sizeof(length));
  return length > UINT64_MAX - kFrameBytes ? UINT64_MAX : length + kFrameBytes;
}

// The value of a rank-0 float tensor, if it is one.
bool scalar_of(const wire::TensorProto& tensor, float& value) {
  if (tensor.dtype() != wire::DT_FLOAT || tensor.tensor_shape().dim_size() != 0 ||
      tensor.tensor_shape().unknown_rank()) {
    return false;
  }
  if (tensor.float_val_size() == 1) {
    value = tensor.float_val(0);
    return true;
  }
  if (tensor.tensor_content().size() != sizeof(float)) return false;
  std::memcpy(&value, tensor.tensor_content().data(), sizeof(float));
  return true;
}

void deliver(const wire::Event& event, const EventHandler& handler) {
  switch (event.what_case()) {
    case wire::Event::kFileVersion:
      if (handler.on_file_version) handler.on_file_version(event.file_version());
      return;
    case wire::Event::kGraphDef:
      if (handler.on_graph) handler.on_graph(event.graph_def());
      return;
    case wire::Event::kSummary:
      break;
    default:
      return;
  }
  for (const auto& value : event.summary().value()) {
    float scalar = 0;
    if (value.has_histo()) {
      if (!handler.on_histogram) continue;
      const auto& h = value.histo();
      handler.on_histogram({value.tag(), event.step(), event.wall_time(),
                            Histogram{h.min(),
                                      h.max(),
                                      h.num(),
                                      h.sum(),
                                      h.sum_squares(),
                                      {h.bucket_limit().begin(), h.bucket_limit().end()},
                                      {h.bucket().begin(), h.bucket().end()}}});
    } else if (value.value_case() == wire::Summary::Value::kSimpleValue) {
      scalar = value.simple_value();
      if (handler.on_scalar) {
        handler.on_scalar({value.tag(), event.step(), event.wall_time(), scalar});
      }
    } else if (value.has_tensor() && scalar_of(value.tensor(), scalar)) {
      if (handler.on_scalar) {
        handler.on_scalar({value.tag(), event.step(), event.wall_time(), scalar});
      }
    }
  }
}

}  // namespace

EventReader::EventReader(std::string path) : path_(std::move(path)) {}

Result<void> EventReader::poll(const EventHandler& handler) {
  const OpenFile file(path_);
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    const int why = errno;
    const std::string message = printable(path_) + ": cannot be read: " + errno_text(why);
    if (why == ENOENT || why == ENOTDIR) return not_found(message);
    return io_error(message);
  }
  if (!S_ISREG(status.st_mode)) {
    return unsupported(printable(path_) + ": is not a regular file: name an event file");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (status.st_dev != device_ || status.st_ino != inode_ || size < offset_) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
    offset_ = 0;
    lost_ = false;
  }

  Bytes buffer;
  std::size_t used = 0;  // of buffer; buffer[used] is the file's byte offset_
  std::size_t wanted = kChunkBytes;
  wire::Event event;
  while (!lost_) {
    const std::span<const std::byte> rest = std::span(buffer).subspan(used);
    const wire::NextRecord next = wire::next_record(rest);
    if (const auto* record = std::get_if<wire::Record>(&next)) {
      if (wire::parse(record->data, event)) {
        deliver(event, handler);
      } else {
        ++damaged_;
      }
      used += record->frame_bytes;
      offset_ += record->frame_bytes;
      continue;
    }
    if (const auto* bad = std::get_if<wire::BadRecord>(&next)) {
      ++damaged_;
      if (!bad->length_is_trusted) {
        lost_ = true;
        break;
      }
      used += bad->frame_bytes;
      offset_ += bad->frame_bytes;
      continue;
    }
    // Not a whole record in memory: is there one in the file?
    std::uint64_t needed = kHeaderBytes;
    if (rest.size() >= kHeaderBytes) needed = frame_size(rest);
    if (needed > size - std::min(size, offset_)) break;
    if (needed > kMaxRecordBytes) {
      ++damaged_;
      offset_ += needed;
      buffer.clear();
      used = 0;
      continue;
    }
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(used));
    used = 0;
    const std::uint64_t position = offset_ + buffer.size();
    const std::uint64_t left = size - std::min(size, position);
    wanted = std::max<std::size_t>(kChunkBytes, static_cast<std::size_t>(needed));
    wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(wanted - std::min(wanted, buffer.size()), left));
    if (wanted == 0) break;
    const std::size_t before = buffer.size();
    if (auto read = file.append(buffer, position, wanted); !read.ok()) {
      return with_context(printable(path_) + ": cannot be read", read.error());
    }
    if (buffer.size() == before) break;  // cut shorter while we read
  }
  return {};
}

}  // namespace graft
