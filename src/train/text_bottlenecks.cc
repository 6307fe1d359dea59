#include "train/text_bottlenecks.h"

#include <array>
#include <span>
#include <utility>

#include "base/file.h"
#include "data/text_cache.h"

namespace graft {
namespace {

// The store holds floats only, so a note's 32 bytes are 32 small whole numbers.
constexpr std::size_t kHashBytes = 16;
constexpr std::size_t kNoteWidth = 2 * kHashBytes;

Hash128 hash_of(std::span<const float> values) {
  Hash128 hash;
  for (std::size_t i = 0; i < kHashBytes; ++i) hash.bytes[i] = static_cast<std::uint8_t>(values[i]);
  return hash;
}

}  // namespace

Hash128 text_note_space() {
  return space_of("text bottleneck notes 1");
}

FeatureKey text_note_key(const Example& example, const std::string& architecture) {
  return {xxh3_128(as_bytes(text_cache_path("", example.folder, example.file, architecture))),
          text_note_space()};
}

FeatureRecord text_note_record(const Example& example, const std::string& architecture,
                               const TextNote& note) {
  FeatureRecord record{text_note_key(example, architecture), {}};
  for (const Hash128& hash : {note.photo, note.text}) {
    for (const std::uint8_t byte : hash.bytes) record.values.push_back(byte);
  }
  return record;
}

std::optional<TextNote> find_text_note(const FeatureCache::Snapshot& store, const Example& example,
                                       const std::string& architecture) {
  const auto values = store.find(text_note_key(example, architecture), kNoteWidth);
  if (!values) return std::nullopt;
  for (const float v : *values) {
    if (!(v >= 0 && v <= 255)) return std::nullopt;
  }
  return TextNote{hash_of(values->first(kHashBytes)), hash_of(values->subspan(kHashBytes))};
}

Result<TextBottleneck> read_text_bottleneck(const std::string& path, std::size_t width) {
  // A vector of a million values would still fit; a wrong file of gigabytes is not read.
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 24;
  GRAFT_ASSIGN(const std::string text, read_text_file(path, kMaxBytes));
  GRAFT_ASSIGN(std::vector<float> values, parse_text_cache(text, width));
  return TextBottleneck{std::move(values), xxh3_128(as_bytes(text))};
}

bool is_fresh(const std::optional<TextNote>& note, const Hash128& photo, const Hash128& text) {
  return !note || note->text != text || note->photo == photo;
}

}  // namespace graft
