// Any bytes taken for an archive are refused with one line and leave nothing behind, or unpack to
// regular files and folders with ordinary permissions inside the folder that was asked for, in no
// more bytes and entries than allowed.
#include "fetch/archive.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/test_directory.h"
#include "fetch/test_archive.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr ArchiveLimits kLimits = {.max_total_bytes = 1 << 20, .max_entries = 64};

// The archive's one file of this name, read without unpacking, is the one that was unpacked.
void check_same_content(const std::string& archive, const fs::path& root, const fs::path& file) {
  const std::string name = file.lexically_relative(root).string();
  const auto read = read_archive_entry(
      archive, [&](std::string_view entry) { return entry == name; }, kLimits);
  require(read.ok(), "unpacked, and not to be read: " + name);
  require(as_text(*read) == file_content(file.string()), "unpacked otherwise than read: " + name);
}

void check_unpacked(const std::string& archive, const std::string& root) {
  std::uint64_t bytes = 0, files = 0;
  std::vector<fs::path> unpacked;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat status {};
    require(lstat(entry.path().c_str(), &status) == 0, "an entry that cannot be looked at");
    if (S_ISDIR(status.st_mode)) continue;
    require(S_ISREG(status.st_mode), "not a regular file: " + entry.path().string());
    require((status.st_mode & 07777) == 0644, "odd permissions: " + entry.path().string());
    bytes += static_cast<std::uint64_t>(status.st_size);
    ++files;
    unpacked.push_back(entry.path());
  }
  require(bytes <= kLimits.max_total_bytes, "more bytes than allowed");
  require(files > 0 && files <= kLimits.max_entries, "more files than allowed, or none");
  check_same_content(archive, root, *std::ranges::min_element(unpacked));
}

std::size_t entries_of(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  umask(022);
  const MemoryFile archive(bytes);
  static const TestDirectory playground;
  const std::string outer = playground / "outer", root = outer + "/root";
  require(make_directories(outer).ok(), "no folder to work in");

  const auto unpacked = unpack_archive(archive.path(), root, kLimits);
  if (unpacked.ok()) {
    check_unpacked(archive.path(), root);
  } else if (unpacked.error().kind != ErrorKind::kIo) {  // a name too long for the file system
    require_refusal(unpacked.error());
  }
  require(unpacked.ok() || !exists(root) || entries_of(root) == 0, "a part was left behind");
  require(entries_of(outer) <= 1 && entries_of(playground.path()) == 1, "it left the folder");
  fs::remove_all(outer);

  const auto graph = read_archive_entry(
      archive.path(), [](std::string_view name) { return name.ends_with(".pb"); }, kLimits);
  if (!graph.ok()) return require_refusal(graph.error());
  require(graph->size() <= kLimits.max_total_bytes, "an entry of more bytes than allowed");
}

std::vector<std::string> seeds() {
  using Format = Evil::Format;
  const TestDirectory dir;
  std::vector<std::string> all;
  const auto add = [&](Format format, const auto& fill) {
    {
      Evil archive(dir / "a", format);
      fill(archive);
    }
    all.push_back(file_content(dir / "a"));
  };
  for (const Format format :
       {Format::kTar, Format::kTarGz, Format::kTarBz2, Format::kZip, Format::kPaxXz}) {
    add(format, [](Evil& a) { a.folder("m/").file("./m/l.txt", "x").file("m/g.pb", "graph"); });
    add(format, [](Evil& a) { a.file("g.pb", std::string(3000, '\0'), 04755); });
    add(format, [](Evil& a) { a.file("a", "1").symlink("g.pb", "/etc/passwd"); });
  }
  add(Format::kTar, [](Evil& a) { a.file("a/../../g.pb", "1").file("/tmp/g.pb", "2"); });
  add(Format::kTar, [](Evil& a) { a.file("a", "1").hardlink("g.pb", "a"); });
  add(Format::kTar, [](Evil& a) { a.special("g.pb", AE_IFCHR).special("f", AE_IFIFO); });
  add(Format::kTar, [](Evil& a) { a.file(std::string(200, 'n') + "/g.pb", "a long name"); });
  add(Format::kTarGz, [](Evil& a) { a.file("bomb.pb", std::string(3000000, '\0')); });
  return all;
}

}  // namespace graft::fuzz

// A changed tar header is refused for its checksum alone, so that is put right again.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int /*seed*/) {
  constexpr std::size_t kBlock = 512, kMagicAt = 257, kSumAt = 148, kSumBytes = 8;
  size = LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t at = 0; at + kBlock <= size; at += kBlock) {
    const std::span header(data + at, kBlock);
    if (std::memcmp(&header[kMagicAt], "ustar", 5) != 0) continue;
    const std::span field = header.subspan(kSumAt, kSumBytes);
    std::ranges::fill(field, ' ');
    unsigned int sum = 0;
    for (const std::uint8_t byte : header) sum += byte;
    for (std::size_t digit = 0; digit < 6; ++digit, sum /= 8) {
      field[5 - digit] = static_cast<std::uint8_t>('0' + sum % 8);
    }
    field[6] = 0;
  }
  return size;
}
