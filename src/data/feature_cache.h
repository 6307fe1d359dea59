// Features ("bottlenecks") by content: photo bytes + network + preprocessing + numeric mode → vector.
// One LMDB environment, <dir>/features.mdb: copy-on-write pages, so kill -9 leaves the last committed
// state; its lock lets several processes share it. Each record carries its length and checksum.
// Record layout: docs/formats/feature_cache.md. Owner of LMDB.
// Thread rule: Snapshot::find may be called from many threads; put_batch from one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
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
};

// What else a vector depends on, as one line of text: "sha256=… input=input:0 feature=… size=224x224
// mean=127.5 std=127.5 decode=tf-jpeg-1 exif=0 mode=onednn-2.6.3-avx512".
Hash128 space_of(std::string_view feature_space_text);

struct FeatureRecord {
  FeatureKey key;
  std::vector<float> values;
};

class FeatureCache {
 public:
  // dir is created when missing. A directory that cannot be written opens read-only when a cache is
  // there, else kIo: "cannot be written: …". A file that is not ours or is damaged beyond LMDB's own
  // checks: kCorrupt with what to do; it is never deleted.
  static Result<FeatureCache> open(const std::string& dir);
  FeatureCache(FeatureCache&&) noexcept;
  FeatureCache& operator=(FeatureCache&&) noexcept;
  ~FeatureCache();

  // A consistent view; spans point into the mapped file and live as long as the snapshot.
  class Snapshot {
   public:
    Snapshot(Snapshot&&) noexcept;
    Snapshot& operator=(Snapshot&&) noexcept;
    ~Snapshot();
    // nullopt: not there, or there with a wrong length, checksum or a non-finite value (counted in
    // damaged(); recomputing overwrites it).
    std::optional<std::span<const float>> find(const FeatureKey& key, std::size_t width) const;
    std::size_t damaged() const;

   private:
    friend class FeatureCache;
    struct State;
    explicit Snapshot(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  Result<Snapshot> snapshot() const;

  // One durable transaction: all or none. Grows the map as needed; ENOSPC and friends are kIo and
  // leave the old state.
  Result<void> put_batch(std::span<const FeatureRecord> records);

  bool writable() const;
  const std::string& path() const;

 private:
  struct State;
  explicit FeatureCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
