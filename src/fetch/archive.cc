#include "fetch/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/lazy_library.h"
#include "base/text.h"

namespace graft {
namespace {

struct Libarchive {
  decltype(&::archive_read_new) read_new = nullptr;
  decltype(&::archive_read_free) read_free = nullptr;
  decltype(&::archive_read_support_filter_bzip2) support_bzip2 = nullptr;
  decltype(&::archive_read_support_filter_xz) support_xz = nullptr;
  decltype(&::archive_read_support_format_tar) support_tar = nullptr;
  decltype(&::archive_read_support_format_zip) support_zip = nullptr;
  decltype(&::archive_read_open) open = nullptr;
  decltype(&::archive_read_next_header) next_header = nullptr;
  decltype(&::archive_read_data) read_data = nullptr;
  decltype(&::archive_error_string) error_string = nullptr;
  decltype(&::archive_entry_pathname) pathname = nullptr;
  decltype(&::archive_entry_pathname_utf8) pathname_utf8 = nullptr;
  decltype(&::archive_entry_filetype) filetype = nullptr;
  decltype(&::archive_entry_hardlink) hardlink = nullptr;
  decltype(&::archive_entry_hardlink_utf8) hardlink_utf8 = nullptr;
  decltype(&::archive_entry_size) size = nullptr;
  decltype(&::archive_entry_size_is_set) size_is_set = nullptr;

  static Result<Libarchive> load() {
    GRAFT_ASSIGN(const auto library, LazyLibrary::load("libarchive.so.13", "libarchive13"));
    Libarchive a;
    GRAFT_TRY(library.find("archive_read_new", a.read_new));
    GRAFT_TRY(library.find("archive_read_free", a.read_free));
    GRAFT_TRY(library.find("archive_read_support_filter_bzip2", a.support_bzip2));
    GRAFT_TRY(library.find("archive_read_support_filter_xz", a.support_xz));
    GRAFT_TRY(library.find("archive_read_support_format_tar", a.support_tar));
    GRAFT_TRY(library.find("archive_read_support_format_zip", a.support_zip));
    GRAFT_TRY(library.find("archive_read_open", a.open));
    GRAFT_TRY(library.find("archive_read_next_header", a.next_header));
    GRAFT_TRY(library.find("archive_read_data", a.read_data));
    GRAFT_TRY(library.find("archive_error_string", a.error_string));
    GRAFT_TRY(library.find("archive_entry_pathname", a.pathname));
    GRAFT_TRY(library.find("archive_entry_pathname_utf8", a.pathname_utf8));
    GRAFT_TRY(library.find("archive_entry_filetype", a.filetype));
    GRAFT_TRY(library.find("archive_entry_hardlink", a.hardlink));
    GRAFT_TRY(library.find("archive_entry_hardlink_utf8", a.hardlink_utf8));
    GRAFT_TRY(library.find("archive_entry_size", a.size));
    GRAFT_TRY(library.find("archive_entry_size_is_set", a.size_is_set));
    return a;
  }
};

Result<const Libarchive*> libarchive() {
  static const Result<Libarchive> loaded = Libarchive::load();
  if (!loaded.ok()) return loaded.error();
  return &loaded.value();
}

enum class EntryKind : std::uint8_t { kFile, kFolder, kOther };

struct Entry {
  std::string name;  // as in the archive, without leading "./" and trailing "/"
  EntryKind kind = EntryKind::kOther;
  bool safe = false;
};

// "a/b/c" from "./a//b/c/"; nothing when the name is absolute, climbs by "..", or is empty.
std::optional<std::string> safe_name(std::string_view name) {
  if (name.starts_with('/')) return std::nullopt;
  std::string clean;
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (clean.empty()) return std::nullopt;
  return clean;
}

// The archive file's bytes, unpacked when they are gzip's. libarchive could do that as well, but it
// passes over gzip's checksum, and a damaged network would go unnoticed. Pieces are valid until the
// next call.
class Source {
 public:
  explicit Source(MappedFile file) : file_(std::move(file)), rest_(file_.bytes()) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (started_) inflateEnd(&stream_);
  }

  // An empty piece is the end; nullopt: the gzip data are damaged or cut off.
  std::optional<std::span<const std::byte>> next() {
    constexpr std::array kGzip = {std::byte{0x1F}, std::byte{0x8B}};
    const auto is_gzip = [&] {
      return rest_.size() >= 2 && std::equal(kGzip.begin(), kGzip.end(), rest_.begin());
    };
    if (!started_) {
      if (!is_gzip()) return std::exchange(rest_, {});
      constexpr int kGzipWrapper = 16;
      if (inflateInit2(&stream_, MAX_WBITS + kGzipWrapper) != Z_OK) return std::nullopt;
      started_ = true;
    }
    for (;;) {
      if (member_done_) {
        // Members may follow one another; anything else behind them is no part of the archive.
        if (!is_gzip()) return std::span<const std::byte>();
        if (inflateReset(&stream_) != Z_OK) return std::nullopt;
        member_done_ = false;
      }
      const std::size_t given = std::min(rest_.size(), std::size_t{1} << 20);
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(rest_.data()));
      stream_.avail_in = static_cast<uInt>(given);
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = static_cast<uInt>(piece_.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      rest_ = rest_.subspan(given - stream_.avail_in);
      if (status != Z_OK && status != Z_STREAM_END)
        return std::nullopt;  // with Z_BUF_ERROR: cut off
      member_done_ = status == Z_STREAM_END;
      const std::size_t got = piece_.size() - stream_.avail_out;
      if (got > 0) return std::span(piece_).first(got);
    }
  }

 private:
  MappedFile file_;
  std::span<const std::byte> rest_;
  z_stream stream_{};
  bool started_ = false;
  bool member_done_ = false;
  std::vector<std::byte> piece_ = std::vector<std::byte>(std::size_t{1} << 18);
};

// An archive under reading, with its caps.
class Reader {
 public:
  static Result<Reader> open(const std::string& path, const ArchiveLimits& limits) {
    GRAFT_ASSIGN(const Libarchive* const library, libarchive());
    GRAFT_ASSIGN(auto mapped, MappedFile::open(path));
    const bool empty = mapped.bytes().empty();
    Reader reader(*library, path, limits, std::move(mapped));
    ::archive* const a = reader.archive_.get();
    if (a == nullptr) return io_error(printable(path) + ": out of memory: close other programs");
    // Exactly these: "support all" would also run outside programs for rare compressions.
    library->support_bzip2(a);
    library->support_xz(a);
    library->support_tar(a);
    library->support_zip(a);
    if (empty ||
        library->open(a, reader.input_.get(), nullptr, &Reader::give, nullptr) != ARCHIVE_OK) {
      return reader.damaged();
    }
    return reader;
  }

  // The next entry, or nothing at the archive's end. What nobody read of the last one is read now:
  // libarchive would pass over it by the sizes that its header claims, and where those are wrong
  // find other entries behind it than whoever reads it.
  Result<std::optional<Entry>> next() {
    if (inside_) GRAFT_TRY(read([](std::span<const std::byte>) { return Result<void>(); }));
    ::archive_entry* raw = nullptr;
    const int status = library_->next_header(archive_.get(), &raw);
    if (status == ARCHIVE_EOF) {
      // A tar's end comes before the end of its gzip stream, where the checksum is.
      GRAFT_TRY(drain());
      return std::optional<Entry>();
    }
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      return input_->too_large ? too_large() : damaged();
    }
    if (++entries_ > limits_.max_entries) {
      return unsupported(printable(path_) + ": holds more than " +
                         format_count(limits_.max_entries) + " entries: not unpacked");
    }
    // What is passed over must be decompressed too, so announced sizes count before it is.
    if (library_->size_is_set(raw) != 0) {
      const auto announced = library_->size(raw);
      if (announced < 0) return damaged();
      if (static_cast<std::uint64_t>(announced) > limits_.max_total_bytes - announced_) {
        return too_large();
      }
      announced_ += static_cast<std::uint64_t>(announced);
    }
    Entry entry;
    const char* name = library_->pathname(raw);
    if (name == nullptr) name = library_->pathname_utf8(raw);
    entry.name = name == nullptr ? "" : name;
    if (const auto clean = safe_name(entry.name); clean.has_value()) {
      entry.name = *clean;
      entry.safe = true;
    }
    const bool linked =
        library_->hardlink(raw) != nullptr || library_->hardlink_utf8(raw) != nullptr;
    if (!linked && library_->filetype(raw) == AE_IFREG) entry.kind = EntryKind::kFile;
    if (!linked && library_->filetype(raw) == AE_IFDIR) entry.kind = EntryKind::kFolder;
    inside_ = true;
    return std::optional<Entry>(std::move(entry));
  }

  // The current entry's content, piece by piece.
  template <typename Sink>
  Result<void> read(const Sink& sink) {
    std::array<std::byte, 65536> piece{};
    for (;;) {
      const auto got = library_->read_data(archive_.get(), piece.data(), piece.size());
      if (got == 0) {
        inside_ = false;
        return {};
      }
      if (got < 0) return input_->too_large ? too_large() : damaged();
      if (static_cast<std::uint64_t>(got) > limits_.max_total_bytes - read_) return too_large();
      read_ += static_cast<std::uint64_t>(got);
      GRAFT_TRY(sink(std::span(piece).first(static_cast<std::size_t>(got))));
    }
  }

  Error damaged() const {
    const char* const reason = library_->error_string(archive_.get());
    return corrupt(printable(path_) + ": cannot be unpacked: " +
                   (input_->damaged     ? "its gzip data are damaged or cut off"
                    : reason == nullptr ? "it is not an archive"
                                        : printable(reason)) +
                   ": get a good copy");
  }

 private:
  struct Input {
    Source source;
    std::uint64_t left;  // unpacked bytes that may still come, headers and padding included
    bool damaged = false;
    bool too_large = false;

    std::span<const std::byte> next() {
      const auto piece = source.next();
      damaged = !piece.has_value();
      if (damaged) return {};
      too_large = piece->size() > left;
      if (too_large) return {};
      left -= piece->size();
      return *piece;
    }
  };

  static la_ssize_t give(::archive*, void* user, const void** data) {
    Input& input = *static_cast<Input*>(user);
    const auto piece = input.next();
    *data = piece.data();
    return input.damaged || input.too_large ? ARCHIVE_FATAL : static_cast<la_ssize_t>(piece.size());
  }

  Result<void> drain() {
    while (!input_->next().empty()) {
    }
    if (input_->damaged) return damaged();
    if (input_->too_large) return too_large();
    return {};
  }

  Reader(const Libarchive& library, std::string path, const ArchiveLimits& limits,
         MappedFile mapped)
      : library_(&library),
        path_(std::move(path)),
        limits_(limits),
        input_(new Input{Source(std::move(mapped)), most_unpacked(limits)}),
        archive_(library.read_new(), library.read_free) {}

  // Every entry brings a few blocks of 512 bytes for its header, its long name and its padding.
  static std::uint64_t most_unpacked(const ArchiveLimits& limits) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t headers =
        limits.max_entries > kMost / 8192 ? kMost : limits.max_entries * 8192 + 65536;
    return limits.max_total_bytes > kMost - headers ? kMost : limits.max_total_bytes + headers;
  }

  Error too_large() const {
    return unsupported(printable(path_) + ": unpacks to more than " +
                       format_bytes(limits_.max_total_bytes) + ": not unpacked");
  }

  const Libarchive* library_;
  std::string path_;
  ArchiveLimits limits_;
  std::unique_ptr<Input> input_;  // at a fixed address, which libarchive keeps
  std::unique_ptr<::archive, decltype(Libarchive::read_free)> archive_;
  std::uint64_t entries_ = 0;
  std::uint64_t announced_ = 0;
  std::uint64_t read_ = 0;
  bool inside_ = false;  // an entry, whose content was not read to its end
};

// A hidden folder that is removed again unless it was renamed into place. Everything in it is ours.
class Workspace {
 public:
  static Result<Workspace> make_in(const std::string& parent) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const std::string path = join_path(parent, ".graft-unpack." + std::to_string(::getpid()) +
                                                     "." + std::to_string(attempt) + ".tmp");
      if (::mkdir(path.c_str(), 0777) == 0) return Workspace(path);
      if (errno != EEXIST) break;
    }
    return io_error(printable(parent) + ": cannot be written: " + errno_text(errno) +
                    ": choose another place");
  }
  Workspace(Workspace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Workspace& operator=(Workspace&&) = delete;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit Workspace(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Error write_failed(const std::string& path, int reason) {
  return io_error(printable(path) + ": cannot be written: " + errno_text(reason) +
                  ": free some space or choose another place");
}

// A new file; its name is known to be safe and its folders are our own.
Result<void> unpack_file(Reader& reader, const std::string& path, const std::stop_token& stop) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return write_failed(path, errno);
  auto written = reader.read([&](std::span<const std::byte> piece) -> Result<void> {
    if (stop.stop_requested()) return cancelled("unpacking was stopped");
    while (!piece.empty()) {
      const ssize_t put = ::write(fd, piece.data(), piece.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return write_failed(path, put < 0 ? errno : ENOSPC);
      piece = piece.subspan(static_cast<std::size_t>(put));
    }
    return {};
  });
  const int closed = ::close(fd);
  if (written.ok() && closed != 0 && errno != EINTR) return write_failed(path, errno);
  return written;
}

Result<void> unpack_all(Reader& reader, const std::string& archive_path, const std::string& into,
                        const std::stop_token& stop) {
  const auto refused = [&](const Entry& entry, std::string_view why) {
    return corrupt(printable(archive_path) + ": refused: its entry '" + printable(entry.name) +
                   "' " + std::string(why) + ": get a good copy");
  };
  std::set<std::string> files;
  for (;;) {
    if (stop.stop_requested()) return cancelled("unpacking was stopped");
    GRAFT_ASSIGN(const std::optional<Entry> entry, reader.next());
    if (!entry.has_value()) break;
    if (entry->kind == EntryKind::kOther) return refused(*entry, "is a link or a device");
    if (!entry->safe) {
      if (entry->kind == EntryKind::kFolder && (entry->name == "." || entry->name == "./"))
        continue;
      return refused(*entry, "would leave the folder");
    }
    const std::string path = join_path(into, entry->name);
    if (entry->kind == EntryKind::kFolder) {
      GRAFT_TRY(make_directories(path));
      continue;
    }
    if (!files.insert(entry->name).second) return refused(*entry, "is there twice");
    GRAFT_TRY(make_directories(parent_directory(path)));
    GRAFT_TRY(unpack_file(reader, path, stop));
  }
  if (files.empty()) {
    return corrupt(printable(archive_path) + ": holds no files: get a good copy");
  }
  return {};
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    names.push_back(at->path().filename().string());
  }
  return names;
}

// Moves everything in `from` into `to`, or nothing.
Result<void> move_all(const std::string& from, const std::string& to) {
  const std::vector<std::string> names = names_in(from);
  const auto in_the_way = [&](const std::string& name) {
    return invalid_argument(printable(join_path(to, name)) +
                            ": is already there and is not overwritten: move it away or choose "
                            "another folder");
  };
  struct stat status {};
  for (const std::string& name : names) {
    if (::lstat(join_path(to, name).c_str(), &status) == 0) return in_the_way(name);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (::renameat2(AT_FDCWD, join_path(from, names[i]).c_str(), AT_FDCWD,
                    join_path(to, names[i]).c_str(), RENAME_NOREPLACE) == 0) {
      continue;
    }
    const int reason = errno;
    while (i-- > 0) {
      (void)::rename(join_path(to, names[i]).c_str(), join_path(from, names[i]).c_str());
    }
    if (reason == EEXIST) return in_the_way(names[0]);
    return write_failed(to, reason);
  }
  return {};
}

}  // namespace

bool looks_like_archive(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file.ok()) return false;
  const std::string_view head = as_text(file->bytes());
  // RFC 1952; bzip2's and xz's own; PKWARE's APPNOTE 4.3.7; POSIX ustar at its place in the header.
  constexpr std::size_t kUstarAt = 257;
  return head.starts_with("\x1f\x8b") || head.starts_with("BZh") ||
         head.starts_with(std::string_view("\xfd"
                                           "7zXZ\0",
                                           6)) ||
         head.starts_with("PK\x03\x04") ||
         (head.size() > kUstarAt && head.substr(kUstarAt).starts_with("ustar"));
}

Result<Bytes> read_archive_entry(const std::string& archive_path,
                                 const std::function<bool(std::string_view)>& wanted,
                                 const ArchiveLimits& limits) {
  GRAFT_ASSIGN(auto reader, Reader::open(archive_path, limits));
  std::optional<Bytes> found;
  std::string holds;
  for (;;) {
    GRAFT_ASSIGN(const std::optional<Entry> entry, reader.next());
    if (!entry.has_value()) break;
    if (entry->kind != EntryKind::kFile || !entry->safe) continue;
    if (holds.size() < 300) holds += (holds.empty() ? "" : ", ") + printable(entry->name);
    if (!wanted(entry->name)) continue;
    if (found.has_value()) {
      return corrupt(printable(archive_path) + ": holds two of '" + printable(entry->name) +
                     "': get a good copy");
    }
    found.emplace();
    GRAFT_TRY(reader.read([&](std::span<const std::byte> piece) -> Result<void> {
      found->insert(found->end(), piece.begin(), piece.end());
      return {};
    }));
  }
  if (found.has_value()) return std::move(*found);
  return not_found(printable(archive_path) + ": does not hold the file: it has " +
                   (holds.empty() ? "no files" : holds));
}

Result<void> unpack_archive(const std::string& archive_path, const std::string& directory,
                            const ArchiveLimits& limits, std::stop_token stop) {
  GRAFT_ASSIGN(auto reader, Reader::open(archive_path, limits));
  GRAFT_TRY(make_directories(directory));
  // Inside, not beside: the folder may be a mount point, and renames do not cross those.
  GRAFT_ASSIGN(const auto workspace, Workspace::make_in(directory));
  GRAFT_TRY(unpack_all(reader, archive_path, workspace.path(), stop));
  const int fd = ::open(workspace.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    const int synced = ::syncfs(fd);
    const int reason = errno;
    ::close(fd);
    if (synced != 0) return write_failed(directory, reason);
  }
  return move_all(workspace.path(), directory);
}

}  // namespace graft
