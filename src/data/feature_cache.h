// Features ("bottlenecks") by content: photo bytes + network + preprocessing + numeric mode →
// vector. One file, <dir>/features.cache, to which self-checking records are appended; nothing in
// it is ever changed. So kill -9 loses at most the batch under way, a damaged record costs that
// record alone, and several processes share the file by a lock held while appending or reading
// record headers. Layout, and why this is no database: docs/formats/feature_cache.md. Thread rule:
// every function may be called from any thread; put_batch calls take turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace graft {

struct FeatureKey {
  Hash128 content;  // xxh3_128 of the photo's bytes
  Hash128 space;    // xxh3_128 of the text from feature_space()
  bool operator==(const FeatureKey&) const = default;
};

// What else a vector depends on, as one line of text: "sha256=… input=input:0 feature=…
// size=224x224 mean=127.5 std=127.5 decode=tf-jpeg-1 exif=0 mode=onednn-2.6.3-avx512
// last=apart-1".
Hash128 space_of(std::string_view feature_space_text);

struct FeatureRecord {
  FeatureKey key;
  std::vector<float> values;  // 1 to kMaxFeatureWidth finite numbers
};

inline constexpr std::size_t kMaxFeatureWidth = std::size_t{1} << 20;

// Empty values: the vector is damaged.
using FeatureVisitor =
    std::function<Result<void>(const FeatureKey& key, std::span<const float> values)>;
using FeatureFilter = std::function<bool(const FeatureKey& key)>;

struct FeaturePruning {
  std::size_t kept = 0, dropped = 0, damaged = 0;  // records
  std::uint64_t bytes_before = 0, bytes_after = 0;
};

struct FeatureCacheStats {
  std::size_t records = 0;  // that can be found: one a key
  std::size_t spaces = 0;   // networks and settings that they belong to
  std::uint64_t file_bytes = 0;
  std::uint64_t damaged_bytes = 0;  // passed over between records; vectors are checked when found
};

class FeatureCache {
 public:
  // dir is created when missing. A file that cannot be written opens read-only when it is there,
  // else kIo: "cannot be written: …". A file that is not ours or whose first 64 bytes are damaged:
  // kCorrupt with what to do; one of a later version: kUnsupported. It is never deleted or emptied.
  static Result<FeatureCache> open(const std::string& dir);
  FeatureCache(FeatureCache&&) noexcept;
  FeatureCache& operator=(FeatureCache&&) noexcept;
  ~FeatureCache();

  // A consistent view; spans point into the mapped file, are aligned to 64 bytes and live as long
  // as the snapshot, whatever becomes of the FeatureCache.
  class Snapshot {
   public:
    Snapshot(Snapshot&&) noexcept;
    Snapshot& operator=(Snapshot&&) noexcept;
    ~Snapshot();
    // nullopt: not there, or there with a wrong length, checksum or a non-finite value (counted in
    // damaged(); put_batch then stores it anew).
    std::optional<std::span<const float>> find(const FeatureKey& key, std::size_t width) const;
    std::size_t damaged() const;
    // Whether any record of the space can be found.
    bool has(const Hash128& space) const;
    FeatureCacheStats stats() const;
    // Every record that can be found, in the order of the file. Errors: visit's.
    Result<void> for_each(const FeatureVisitor& visit) const;

   private:
    friend class FeatureCache;
    struct State;
    explicit Snapshot(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  // Sees every batch that any process has put so far.
  Result<Snapshot> snapshot() const;

  // Appends the records and makes them durable before it returns. Records that are there already
  // and undamaged (another run was faster) are not stored twice. Of a batch under way when the
  // process dies, whole records or none of them may be found later, never parts. A failed write
  // (ENOSPC and friends: kIo) leaves the old state. kInvalidArgument: an empty, too wide or
  // non-finite vector.
  Result<void> put_batch(std::span<const FeatureRecord> records);

  // Puts a new file in the old one's place, atomically, with the undamaged records that `keep` says
  // yes to. Other caches over it, in this process or another, go on with the new file; snapshots
  // keep what they saw. kIo leaves the old file.
  Result<FeaturePruning> prune(const FeatureFilter& keep);

  bool writable() const;
  const std::string& path() const;  // of the file

 private:
  struct State;
  explicit FeatureCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
