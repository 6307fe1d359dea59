#include "data/feature_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "data/feature_log.h"
#include "data/file_lock.h"

namespace graft {
namespace {

Error failed(const std::string& path, std::string_view what, int reason) {
  std::string_view advice = "check the disk or choose another --bottleneck_dir";
  if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG) {
    advice = "free some space or choose another --bottleneck_dir";
  } else if (reason == EACCES || reason == EPERM || reason == EROFS) {
    advice = "change its permissions or choose another --bottleneck_dir";
  }
  return io_error(printable(path) + ": " + std::string(what) + ": " + errno_text(reason) + ": " +
                  std::string(advice));
}

Result<std::uint64_t> size_of(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return failed(path, "cannot be examined", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

// 0, or an errno.
int write_at(int fd, std::span<const std::byte> data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    if (put == 0) return ENOSPC;
    data = data.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return 0;
}

// The file's first `size` bytes, mapped for reading.
class Mapping {
 public:
  static Result<std::shared_ptr<const Mapping>> of(int fd, std::uint64_t size,
                                                   const std::string& path) {
    if (size == 0) return std::shared_ptr<const Mapping>(new Mapping(nullptr, 0));
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) return failed(path, "cannot be mapped", errno);
    return std::shared_ptr<const Mapping>(new Mapping(address, size));
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (address_ != nullptr) ::munmap(address_, size_);
  }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(address_), size_};
  }

 private:
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
  void* address_;
  std::size_t size_;
};

Error not_regular(const std::string& path) {
  return corrupt(printable(path) +
                 ": is not a regular file: move it away or choose another --bottleneck_dir");
}

struct Opened {
  Descriptor fd;
  bool writable = false;
};

Result<Opened> open_file(const std::string& path) {
  constexpr int kFlags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return not_regular(path);
  const int both = ::open(path.c_str(), O_RDWR | O_CREAT | kFlags, 0666);
  const int reason = errno;
  Opened opened{Descriptor(both >= 0 ? both : ::open(path.c_str(), O_RDONLY | kFlags)), both >= 0};
  if (opened.fd.get() < 0) return failed(path, "cannot be written", reason);
  if (::fstat(opened.fd.get(), &status) != 0) return failed(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) return not_regular(path);
  return opened;
}

// Writes the header of a new file, and of one whose creator was killed while at it.
Result<void> write_header_if_new(int fd, const std::string& path) {
  GRAFT_ASSIGN(const auto lock, FileLock::take(fd, F_WRLCK, path));
  GRAFT_ASSIGN(const std::uint64_t size, size_of(fd, path));
  if (size >= kFeatureBlock) return {};
  FeatureBlock found{};
  const ssize_t got = ::pread(fd, found.data(), size, 0);
  if (got < 0) return failed(path, "cannot be read", errno);
  if (!is_unfinished_header(std::span(found).first(static_cast<std::size_t>(got)))) return {};
  const FeatureBlock header = feature_file_header();
  int reason = write_at(fd, header, 0);
  if (reason == 0 && ::fdatasync(fd) != 0) reason = errno;
  if (reason != 0) return failed(path, "cannot be written", reason);
  return {};
}

Result<void> check_vector(std::span<const float> values) {
  if (values.empty() || values.size() > kMaxFeatureWidth) {
    return invalid_argument("a feature vector of " + std::to_string(values.size()) +
                            " numbers: cannot be stored");
  }
  if (!all_finite(values)) {
    return invalid_argument("a feature vector with a number that is not finite: cannot be stored");
  }
  return {};
}

Error read_only(const std::string& path) {
  return io_error(printable(path) +
                  ": cannot be written: change its permissions or choose another "
                  "--bottleneck_dir");
}

Result<void> check_header(int fd, const std::string& path) {
  FeatureBlock head{};
  const ssize_t got = ::pread(fd, head.data(), head.size(), 0);
  if (got < 0) return failed(path, "cannot be read", errno);
  auto checked = check_feature_file_header(std::span(head).first(static_cast<std::size_t>(got)));
  if (!checked.ok()) return with_context(printable(path), std::move(checked).error());
  return {};
}

std::vector<std::pair<FeatureKey, FeaturePlace>> in_file_order(const FeatureIndex& index) {
  std::vector<std::pair<FeatureKey, FeaturePlace>> all(index.places.begin(), index.places.end());
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.second.offset < b.second.offset; });
  return all;
}

}  // namespace

Hash128 space_of(std::string_view feature_space_text) {
  return xxh3_128(as_bytes(feature_space_text));
}

struct FeatureCache::State {
  State(std::string p, Opened opened)
      : path(std::move(p)), fd(std::move(opened.fd)), writable(opened.writable) {}

  const std::string path;
  std::mutex mutex;  // guards what follows
  Descriptor fd;
  bool writable;
  std::shared_ptr<const Mapping> mapping;
  // Shared with snapshots, which keep what they saw: copied before it changes under them.
  std::shared_ptr<FeatureIndex> index = std::make_shared<FeatureIndex>();

  // Locks the file that is at `path` now: prune() of another process may have put a new one there
  // since this one was opened.
  Result<FileLock> lock(short type) {
    for (;;) {
      struct stat open_one {
      }, present{};
      {
        GRAFT_ASSIGN(FileLock held, FileLock::take(fd.get(), type, path));
        if (::fstat(fd.get(), &open_one) != 0) return failed(path, "cannot be examined", errno);
        // Removed altogether: what is open goes on.
        if (::stat(path.c_str(), &present) != 0) return held;
        if (open_one.st_ino == present.st_ino && open_one.st_dev == present.st_dev) return held;
      }
      GRAFT_ASSIGN(auto opened, open_file(path));
      GRAFT_TRY(check_header(opened.fd.get(), path));
      fd = std::move(opened.fd);
      writable = opened.writable;
      mapping = nullptr;
      index = std::make_shared<FeatureIndex>();
    }
  }

  // Brings mapping and index up to the file's present end. A file lock must be held.
  Result<void> catch_up() {
    GRAFT_ASSIGN(const std::uint64_t size, size_of(fd.get(), path));
    // Bytes behind the last whole record may have been replaced by others, so size alone says
    // nothing unless there are none.
    const bool same_size = mapping != nullptr && mapping->bytes().size() == size;
    if (same_size && index->end == size) return {};
    if (!same_size) {
      GRAFT_ASSIGN(mapping, Mapping::of(fd.get(), size, path));
    }
    // Somebody shortened the file: what was known of it is no longer true.
    if (size < index->end) {
      index = std::make_shared<FeatureIndex>();
    } else if (index.use_count() > 1) {
      index = std::make_shared<FeatureIndex>(*index);
    }
    read_feature_records(mapping->bytes(), *index);
    return {};
  }
};

struct FeatureCache::Snapshot::State {
  std::shared_ptr<const Mapping> mapping;
  std::shared_ptr<const FeatureIndex> index;
  mutable std::atomic<std::size_t> damaged{0};
};

Result<FeatureCache> FeatureCache::open(const std::string& dir) {
  GRAFT_TRY(make_directories(dir));
  const std::string path = join_path(dir, "features.cache");
  GRAFT_ASSIGN(auto opened, open_file(path));
  if (opened.writable) GRAFT_TRY(write_header_if_new(opened.fd.get(), path));
  GRAFT_TRY(check_header(opened.fd.get(), path));
  return FeatureCache(std::make_unique<State>(path, std::move(opened)));
}

FeatureCache::FeatureCache(std::unique_ptr<State> state) : state_(std::move(state)) {}
FeatureCache::FeatureCache(FeatureCache&&) noexcept = default;
FeatureCache& FeatureCache::operator=(FeatureCache&&) noexcept = default;
FeatureCache::~FeatureCache() = default;

bool FeatureCache::writable() const {
  const std::lock_guard guard(state_->mutex);
  return state_->writable;
}
const std::string& FeatureCache::path() const {
  return state_->path;
}

Result<FeatureCache::Snapshot> FeatureCache::snapshot() const {
  const std::lock_guard guard(state_->mutex);
  {
    GRAFT_ASSIGN(const auto lock, state_->lock(F_RDLCK));
    GRAFT_TRY(state_->catch_up());
  }
  auto view = std::make_unique<Snapshot::State>();
  view->mapping = state_->mapping;
  view->index = state_->index;
  return Snapshot(std::move(view));
}

Result<void> FeatureCache::put_batch(std::span<const FeatureRecord> records) {
  const std::string& path = state_->path;
  const std::lock_guard guard(state_->mutex);
  if (!state_->writable) return read_only(path);
  GRAFT_ASSIGN(const auto lock, state_->lock(F_WRLCK));
  if (!state_->writable) return read_only(path);
  const int fd = state_->fd.get();
  GRAFT_TRY(state_->catch_up());

  Bytes batch;
  for (const FeatureRecord& record : records) {
    GRAFT_TRY(check_vector(record.values));
    const auto known = state_->index->places.find(record.key);
    if (known != state_->index->places.end() && known->second.width == record.values.size() &&
        known->second.checksum == xxh3_64(std::as_bytes(std::span(record.values))) &&
        !checked_vector(state_->mapping->bytes(), known->second).empty()) {
      continue;
    }
    append_feature_record(batch, record.key, record.values);
  }
  if (batch.empty()) return {};

  // A record that the file's end cuts off would swallow what is appended: under the lock nobody can
  // be writing it, so it is what a killed run left of itself, and the new batch takes its place.
  // Any other bytes at the end stay where they are; readers pass them over.
  GRAFT_ASSIGN(const std::uint64_t size, size_of(fd, path));
  const std::uint64_t start = state_->index->cut_off_at.value_or((size + kFeatureBlock - 1) /
                                                                 kFeatureBlock * kFeatureBlock);
  int reason = start < size && ::ftruncate(fd, static_cast<off_t>(start)) != 0 ? errno : 0;
  if (reason == 0) reason = write_at(fd, batch, start);
  if (reason == 0 && ::fdatasync(fd) != 0) reason = errno;
  if (reason != 0) {
    // Should this fail too, the next writer finds a cut-off record and does the same.
    (void)!::ftruncate(fd, static_cast<off_t>(std::min(start, size)));
    return failed(path, "cannot be written", reason);
  }
  return {};
}

Result<FeaturePruning> FeatureCache::prune(const FeatureFilter& keep) {
  const std::string& path = state_->path;
  const std::lock_guard guard(state_->mutex);
  if (!state_->writable) return read_only(path);
  // Held until the new file is in place; then whoever waits for it finds that new file.
  GRAFT_ASSIGN(const auto lock, state_->lock(F_WRLCK));
  if (!state_->writable) return read_only(path);
  GRAFT_TRY(state_->catch_up());
  const std::span<const std::byte> file = state_->mapping->bytes();
  FeaturePruning done{.bytes_before = file.size()};
  const auto write_kept = [&](const ByteSink& write) -> Result<void> {
    GRAFT_TRY(write(feature_file_header()));
    done.bytes_after = kFeatureBlock;
    Bytes record;
    for (const auto& [key, place] : in_file_order(*state_->index)) {
      const auto values = checked_vector(file, place);
      if (values.empty() || !keep(key)) {
        ++(values.empty() ? done.damaged : done.dropped);
        continue;
      }
      record.clear();
      append_feature_record(record, key, values);
      GRAFT_TRY(write(record));
      ++done.kept;
      done.bytes_after += record.size();
    }
    return {};
  };
  GRAFT_TRY(write_atomically(path, write_kept));
  return done;
}

FeatureCache::Snapshot::Snapshot(std::unique_ptr<State> state) : state_(std::move(state)) {}
FeatureCache::Snapshot::Snapshot(Snapshot&&) noexcept = default;
FeatureCache::Snapshot& FeatureCache::Snapshot::operator=(Snapshot&&) noexcept = default;
FeatureCache::Snapshot::~Snapshot() = default;

std::optional<std::span<const float>> FeatureCache::Snapshot::find(const FeatureKey& key,
                                                                   std::size_t width) const {
  const auto found = state_->index->places.find(key);
  if (found == state_->index->places.end()) return std::nullopt;
  if (found->second.width == width) {
    const auto values = checked_vector(state_->mapping->bytes(), found->second);
    if (!values.empty()) return values;
  }
  state_->damaged.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

Result<void> FeatureCache::Snapshot::for_each(const FeatureVisitor& visit) const {
  for (const auto& [key, place] : in_file_order(*state_->index)) {
    GRAFT_TRY(visit(key, checked_vector(state_->mapping->bytes(), place)));
  }
  return {};
}

std::size_t FeatureCache::Snapshot::damaged() const {
  return state_->damaged.load();
}

bool FeatureCache::Snapshot::has(const Hash128& space) const {
  const auto& places = state_->index->places;
  return std::any_of(places.begin(), places.end(),
                     [&](const auto& record) { return record.first.space == space; });
}

FeatureCacheStats FeatureCache::Snapshot::stats() const {
  std::set<Hash128> spaces;
  for (const auto& [key, place] : state_->index->places) spaces.insert(key.space);
  FeatureCacheStats stats;
  stats.records = state_->index->places.size();
  stats.spaces = spaces.size();
  stats.file_bytes = state_->mapping->bytes().size();
  stats.damaged_bytes = state_->index->damaged_bytes + (stats.file_bytes - state_->index->end);
  return stats;
}

}  // namespace graft
