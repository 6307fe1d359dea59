// A file descriptor that closes itself, and a lock on the whole of its file. Internal to the
// feature cache. Thread rule: any thread.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace graft {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

// A lock on the whole file that belongs to the open file, not to the process, so that two caches
// opened by one process keep apart as well. Gone with the process, however it ends. The descriptor
// outlives the lock.
class FileLock {
 public:
  // type: F_RDLCK or F_WRLCK. Filesystems without locks (some network ones) are used unlocked: then
  // two runs at once may damage each other's newest records, which is noticed and recomputed.
  // kIo: another process has held it for half a minute.
  static Result<FileLock> take(int fd, short type, const std::string& path);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace graft
