// Files: mapped reading, atomic writing, and the questions one asks of a path before long work.
// Non-goals: directory walking (data room), formats (wire room). Paths are literal bytes, never
// patterns, never assumed to be UTF-8. Thread rule: every function may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace graft {

using Bytes = std::vector<std::byte>;

inline std::span<const std::byte> as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}
inline std::string_view as_text(std::span<const std::byte> b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// A whole regular file mapped read-only; bytes() live as long as the object. Opened without
// blocking: a FIFO, socket or device is kUnsupported, a directory kInvalidArgument.
// A file that another process truncates while mapped raises SIGBUS on access, so mapping is for
// files that we own or that are replaced by rename (models, caches); photos use read_file.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// The whole content of a regular file. Refuses more than max_bytes (kUnsupported), FIFOs, devices
// and directories; never blocks on open. `into` is reused: its capacity is kept between calls.
Result<void> read_file(const std::string& path, Bytes& into,
                       std::uint64_t max_bytes = std::uint64_t{1} << 30);
Result<std::string> read_text_file(const std::string& path,
                                   std::uint64_t max_bytes = std::uint64_t{1} << 28);

// Writes a file so that a reader or a crash at any instant sees the old content or the new, never a
// part: temporary file in the same directory, write, fsync, rename, fsync of the directory. On any
// error the temporary is removed and the old file is untouched. Creates missing parent directories.
Result<void> write_atomically(const std::string& path, std::span<const std::byte> content);
Result<void> write_atomically(const std::string& path, std::string_view content);

// The same for content that is produced piece by piece: `produce` calls its argument for each
// piece.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;
Result<void> write_atomically(const std::string& path,
                              const std::function<Result<void>(const ByteSink&)>& produce);

bool exists(const std::string& path);                    // follows links; false on any error
bool is_directory(const std::string& path);              // follows links
Result<void> make_directories(const std::string& path);  // like mkdir -p

// Would write_atomically(path) succeed for a small file, as far as one can tell now? Checks the
// nearest existing parent: is it a directory, can a file be created there (creates and removes a
// probe file only in an existing directory). Called before hours of work, not after.
Result<void> check_writable(const std::string& path);

std::string join_path(std::string_view directory, std::string_view name);  // one '/', none doubled
std::string file_name(std::string_view path);                              // after the last '/'
std::string parent_directory(std::string_view path);                       // "." when there is none
std::string absolute_path(const std::string& path);  // lexical, needs no existing file

// What errno says, in words, for the end of an error message: "No space left on device".
std::string errno_text(int error_number);

}  // namespace graft
