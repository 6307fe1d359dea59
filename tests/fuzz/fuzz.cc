#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace graft::fuzz {

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "promise broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

void require_refusal(const Error& error) {
  require(!error.message.empty(), "a refusal without a message");
  require(error.message.size() < 4000, "a message of thousands of bytes: " + error.message);
  const bool one_line = std::ranges::none_of(
      error.message, [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; });
  require(one_line, "a message with control characters: " + error.message);
  require(error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kUnsupported ||
              error.kind == ErrorKind::kInvalidArgument || error.kind == ErrorKind::kNotFound,
          "an error that is not the file's: " + error.message);
}

MemoryFile::MemoryFile(std::span<const std::byte> bytes) : fd_(memfd_create("input", MFD_CLOEXEC)) {
  require(fd_ >= 0, "no file in memory");
  while (!bytes.empty()) {
    const ssize_t put = write(fd_, bytes.data(), bytes.size());
    require(put > 0, "no room for a file in memory");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  path_ = "/proc/self/fd/" + std::to_string(fd_);
}

MemoryFile::~MemoryFile() {
  close(fd_);
}

std::string file_content(const std::string& path) {
  auto text = read_text_file(path);
  require(text.ok(), text.ok() ? "" : text.error().message);
  return std::move(text).value();
}

std::string source_file(const std::string& relative) {
  return file_content(join_path(GRAFT_SOURCE_DIR, relative));
}

std::vector<std::string> source_files(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> paths, contents;
  for (const auto& entry :
       std::filesystem::directory_iterator(join_path(GRAFT_SOURCE_DIR, folder))) {
    if (entry.path().native().ends_with(suffix)) paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  for (const std::string& path : paths) contents.push_back(file_content(path));
  return contents;
}

}  // namespace graft::fuzz

// With GRAFT_FUZZ_SEEDS=FOLDER the program writes its seeds there and ends.
int LLVMFuzzerInitialize(int*, char***) {
  const char* const folder = std::getenv("GRAFT_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : graft::fuzz::seeds()) {
    const auto written =
        graft::write_atomically(graft::join_path(folder, "seed_" + std::to_string(number++)), seed);
    graft::fuzz::require(written.ok(), written.ok() ? "" : written.error().message);
  }
  std::exit(number > 0 ? 0 : 1);
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  graft::fuzz::try_bytes({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
