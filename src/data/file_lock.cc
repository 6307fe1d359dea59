#include "data/file_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/text.h"

namespace graft {
namespace {

// A run holds the lock for milliseconds; one that was suspended while it did may hold it for ever.
constexpr auto kLockPatience = std::chrono::seconds(30);

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileLock> FileLock::take(int fd, short type, const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  for (;;) {
    struct flock request {};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &request) == 0) return FileLock(fd);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) return FileLock(-1);
    if (std::chrono::steady_clock::now() >= deadline) {
      return io_error(printable(path) +
                      ": another run holds its lock: end that run or choose another "
                      "--bottleneck_dir");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  struct flock request {};
  request.l_type = F_UNLCK;
  request.l_whence = SEEK_SET;
  ::fcntl(fd_, F_OFD_SETLK, &request);
}

}  // namespace graft
