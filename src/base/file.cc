#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace graft {
namespace {

// What the person in front of the screen can do about an errno.
std::string advice_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free some space or choose another place";
    case EFBIG:
      return "the file size limit is reached: raise it (ulimit -f) or choose another place";
    case EACCES:
    case EPERM:
      return "change its permissions or choose another place";
    case EROFS:
      return "choose a place that can be written";
    case EIO:
      return "check the disk or choose another place";
    case ENOENT:
      return "check the spelling";
    case ENOTDIR:
      return "a part of the path is a file, not a folder: choose another path";
    case ENAMETOOLONG:
      return "choose a shorter name";
    case ELOOP:
      return "the symbolic links go round in a circle: mend them";
    case EMFILE:
    case ENFILE:
      return "too many open files: raise the limit (ulimit -n)";
    case ENOMEM:
      return "close other programs or give it more memory";
    default:
      return "check the path and try again";
  }
}

Error os_error(const std::string& path, std::string_view what, int error_number) {
  const std::string message = printable(path) + ": " + std::string(what) + ": " +
                              errno_text(error_number) + ": " + advice_for(error_number);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return not_found(message);
    default:
      return io_error(message);
  }
}

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  // On Linux the descriptor is gone whatever close() answers, so it is never called twice.
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_ = -1;
};

int open_retrying(const char* path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Error wrong_type(const std::string& path, mode_t mode) {
  if (S_ISDIR(mode)) {
    return invalid_argument(printable(path) + ": is a folder, not a file: name a file");
  }
  return unsupported(printable(path) +
                     ": is a pipe, socket or device, not a regular file: name a regular file");
}

struct OpenedFile {
  FileDescriptor fd;
  std::uint64_t size = 0;
};

Result<OpenedFile> open_regular(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return invalid_argument(printable(path) + ": a file name cannot hold a zero byte");
  }
  // O_NONBLOCK: a FIFO without a writer would otherwise hold us for ever.
  FileDescriptor fd(open_retrying(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) {
    const int reason = errno;
    struct stat status {};
    if (reason == ENXIO || reason == ENODEV) {
      if (::stat(path.c_str(), &status) == 0) return wrong_type(path, status.st_mode);
    }
    return os_error(path, "cannot be opened", reason);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return os_error(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) return wrong_type(path, status.st_mode);
  return OpenedFile{std::move(fd), static_cast<std::uint64_t>(status.st_size)};
}

Error too_large(const std::string& path, std::uint64_t limit) {
  return unsupported(printable(path) + ": larger than " + format_bytes(limit) +
                     ": name a smaller file");
}

// Works on both Bytes and std::string. `into` ends with exactly the file's content.
template <typename Container>
Result<void> read_all(const std::string& path, Container& into, std::uint64_t max_bytes) {
  into.clear();
  GRAFT_ASSIGN(auto file, open_regular(path));
  if (file.size > max_bytes) return too_large(path, max_bytes);
  std::size_t filled = 0;
  try {
    // One byte more than the size: the read that fills the file also sees its end.
    into.resize(static_cast<std::size_t>(file.size) + 1);
    for (;;) {
      if (filled == into.size()) {
        if (filled > max_bytes) break;
        into.resize(std::max<std::size_t>(into.size() * 2, 4096));
      }
      const ssize_t got = ::read(file.fd.get(), into.data() + filled, into.size() - filled);
      if (got < 0) {
        if (errno == EINTR) continue;
        const int reason = errno;
        into.clear();
        return os_error(path, "cannot be read", reason);
      }
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    if (filled > max_bytes) {
      into.clear();
      return too_large(path, max_bytes);
    }
    into.resize(filled);
  } catch (const std::exception&) {  // bad_alloc, length_error
    into.clear();
    return os_error(path, "cannot be read", ENOMEM);
  }
  return {};
}

// Follows symbolic links of the last component, existing or dangling, to the path to be replaced.
Result<std::string> resolve_links(const std::string& path) {
  std::string current = path;
  for (int hops = 0; hops < 40; ++hops) {
    struct stat status {};
    if (::lstat(current.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return current;
    std::string target(4096, '\0');
    const ssize_t length = ::readlink(current.c_str(), target.data(), target.size());
    if (length < 0) return os_error(path, "cannot be written", errno);
    target.resize(static_cast<std::size_t>(length));
    current = target.starts_with('/') ? target : join_path(parent_directory(current), target);
  }
  return os_error(path, "cannot be written", ELOOP);
}

// The path that a write to `path` would replace; refuses what must never be replaced by a file.
struct WriteTarget {
  std::string path;
  bool exists = false;
  mode_t mode = 0;
};

Result<WriteTarget> write_target(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return invalid_argument(std::string("'") + printable(path) + "': not a file name: name a file");
  }
  if (path.ends_with('/')) {
    return invalid_argument(printable(path) + ": names a folder, not a file: add a file name");
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) return wrong_type(path, status.st_mode);
    if (::access(path.c_str(), W_OK) != 0) {
      if (errno == EROFS) return os_error(path, "cannot be written", EROFS);
      return io_error(printable(path) +
                      ": write-protected: change its permissions (chmod u+w) or "
                      "choose another name");
    }
    GRAFT_ASSIGN(auto target, resolve_links(path));
    return WriteTarget{std::move(target), true, status.st_mode};
  }
  if (errno != ENOENT) {
    Error error = os_error(path, "cannot be written", errno);
    return error;
  }
  GRAFT_ASSIGN(auto target, resolve_links(path));
  return WriteTarget{std::move(target), false, 0};
}

// 0, or an errno. File systems that cannot sync (some network and FUSE ones, for directories)
// answer EINVAL or the like: nothing more can be done there.
int sync(int fd) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    return errno == EINVAL || errno == ENOTSUP || errno == ENOSYS ? 0 : errno;
  }
  return 0;
}

// A new file beside `target`, removed again unless it was renamed into place.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create_beside(const std::string& target) {
    static std::atomic<unsigned> counter{0};
    // NAME_MAX is 255 bytes: a long name is cut so that the decorated one still fits.
    const std::string stem = file_name(target).substr(0, 200);
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const std::string name = "." + stem + "." + std::to_string(::getpid()) + "." +
                               std::to_string(counter.fetch_add(1)) + ".tmp";
      const std::string path = join_path(parent_directory(target), name);
      const int fd =
          open_retrying(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (fd >= 0) return TemporaryFile(path, FileDescriptor(fd));
      if (errno != EEXIST) return os_error(target, "cannot be written", errno);
    }
    return os_error(target, "cannot be written", EEXIST);
  }
  TemporaryFile(TemporaryFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  // 0, or an errno.
  int write(std::span<const std::byte> data) {
    while (!data.empty()) {
      const ssize_t put = ::write(fd_.get(), data.data(), data.size());
      if (put < 0) {
        if (errno == EINTR) continue;
        return errno;
      }
      if (put == 0) return ENOSPC;
      data = data.subspan(static_cast<std::size_t>(put));
    }
    return 0;
  }

  int set_mode(mode_t mode) { return ::fchmod(fd_.get(), mode & 0777) == 0 ? 0 : errno; }

  int sync_and_rename_to(const std::string& target) {
    if (const int failure = sync(fd_.get()); failure != 0) return failure;
    if (fd_.close() != 0 && errno != EINTR) return errno;
    if (::rename(path_.c_str(), target.c_str()) != 0) return errno;
    path_.clear();
    return 0;
  }

 private:
  TemporaryFile(std::string path, FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  FileDescriptor fd_;
};

// The rename itself is durable only once the directory is. 0, or an errno.
int sync_directory(const std::string& directory) {
  const FileDescriptor fd(open_retrying(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) return sync(fd.get());
  // A directory that may be written but not listed.
  return errno == EACCES || errno == EPERM ? 0 : errno;
}

}  // namespace

std::string errno_text(int error_number) {
  return std::error_code(error_number, std::generic_category()).message();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  GRAFT_ASSIGN(const auto file, open_regular(path));
  MappedFile mapped;
  if (file.size == 0) return mapped;  // mmap refuses empty ranges
  void* address = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.fd.get(), 0);
  if (address == MAP_FAILED) return os_error(path, "cannot be mapped", errno);
  mapped.data_ = static_cast<const std::byte*>(address);
  mapped.size_ = file.size;
  return mapped;
}

Result<void> read_file(const std::string& path, Bytes& into, std::uint64_t max_bytes) {
  return read_all(path, into, max_bytes);
}

Result<std::string> read_text_file(const std::string& path, std::uint64_t max_bytes) {
  std::string text;
  GRAFT_TRY(read_all(path, text, max_bytes));
  return text;
}

Result<void> write_atomically(const std::string& path,
                              const std::function<Result<void>(const ByteSink&)>& produce) {
  GRAFT_ASSIGN(const auto target, write_target(path));
  const std::string directory = parent_directory(target.path);
  GRAFT_TRY(make_directories(directory));
  GRAFT_ASSIGN(auto temporary, TemporaryFile::create_beside(target.path));
  if (target.exists) {
    if (const int failure = temporary.set_mode(target.mode); failure != 0) {
      return os_error(path, "cannot be written", failure);
    }
  }
  const auto write = [&](std::span<const std::byte> piece) -> Result<void> {
    const int failure = temporary.write(piece);
    if (failure != 0) return os_error(path, "cannot be written", failure);
    return {};
  };
  // Small pieces go to the system together.
  constexpr std::size_t kTogether = std::size_t{64} << 10;
  Bytes pending;
  const auto collect = [&](std::span<const std::byte> piece) -> Result<void> {
    if (!pending.empty() && pending.size() + piece.size() > kTogether) {
      GRAFT_TRY(write(pending));
      pending.clear();
    }
    if (piece.size() > kTogether) return write(piece);
    pending.insert(pending.end(), piece.begin(), piece.end());
    return {};
  };
  GRAFT_TRY(produce(collect));
  if (!pending.empty()) GRAFT_TRY(write(pending));
  if (const int failure = temporary.sync_and_rename_to(target.path); failure != 0) {
    return os_error(path, "cannot be written", failure);
  }
  if (const int failure = sync_directory(directory); failure != 0) {
    return os_error(path, "cannot be written durably", failure);
  }
  return {};
}

Result<void> write_atomically(const std::string& path, std::span<const std::byte> content) {
  return write_atomically(path, [&](const ByteSink& sink) { return sink(content); });
}

Result<void> write_atomically(const std::string& path, std::string_view content) {
  return write_atomically(path, as_bytes(content));
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<void> make_directories(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return invalid_argument(std::string("'") + printable(path) +
                            "': not a folder name: name a folder");
  }
  if (is_directory(path)) return {};
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (::mkdir(prefix.c_str(), 0777) != 0) {
      // mkdir of an existing parent may answer EACCES or EROFS before EEXIST: look, do not guess.
      const int reason = errno;
      if (!is_directory(prefix)) {
        const int shown = reason == EEXIST ? ENOTDIR : reason;
        return os_error(path, "the folder cannot be made", shown);
      }
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> check_writable(const std::string& path) {
  GRAFT_ASSIGN(const auto target, write_target(path));
  std::string directory = parent_directory(target.path);
  while (!exists(directory)) {
    const std::string above = parent_directory(directory);
    if (above == directory) break;
    directory = above;
  }
  if (!is_directory(directory)) {
    return invalid_argument(printable(path) + ": " + printable(directory) +
                            " is not a folder: choose another path");
  }
  auto probe = TemporaryFile::create_beside(join_path(directory, file_name(target.path)));
  if (!probe.ok()) {
    Error error = std::move(probe).error();
    error.message = printable(path) + error.message.substr(error.message.find(": "));
    return error;
  }
  return {};
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string joined(directory);
  if (!joined.empty() && !joined.ends_with('/')) joined += '/';
  joined += name;
  return joined;
}

std::string file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string parent_directory(std::string_view path) {
  // Trailing slashes belong to the last name: "a/b/" lies in "a".
  const std::size_t last = path.find_last_not_of('/');
  if (last == std::string_view::npos) return path.empty() ? "." : "/";
  const std::size_t slash = path.rfind('/', last);
  if (slash == std::string_view::npos) return ".";
  const std::size_t end = path.find_last_not_of('/', slash);
  return end == std::string_view::npos ? "/" : std::string(path.substr(0, end + 1));
}

std::string absolute_path(const std::string& path) {
  std::string whole = path;
  if (!path.starts_with('/')) {
    std::string here(4096, '\0');
    while (::getcwd(here.data(), here.size()) == nullptr) {
      if (errno != ERANGE) return path;
      here.resize(here.size() * 2);
    }
    here.resize(std::strlen(here.c_str()));
    whole = join_path(here, path);
  }
  std::vector<std::string_view> parts;
  const std::string_view view = whole;
  for (std::size_t begin = 0; begin < view.size();) {
    const std::size_t end = std::min(view.find('/', begin), view.size());
    const std::string_view part = view.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string clean;
  for (const std::string_view part : parts) {
    clean += '/';
    clean += part;
  }
  return clean.empty() ? "/" : clean;
}

}  // namespace graft
