// TensorFlow's text caches beside the store: whose they are. A text file is named after its photo,
// not after its content, so the store keeps a note for each text file that was used or written:
// which photo content it belongs to, and which text it was. A photo edited later is then noticed.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/feature_cache.h"

namespace graft {

struct TextNote {
  Hash128 photo;  // content that the text file's vector belongs to
  Hash128 text;   // the text file's bytes
};

// The key space of all notes. Vectors from text files never enter the space of computed ones:
// another build of the network may have made them.
Hash128 text_note_space();
// The store's key of a text file's note: its name relative to the bottleneck directory, in that
// space.
FeatureKey text_note_key(const Example& example, const std::string& architecture);
FeatureRecord text_note_record(const Example& example, const std::string& architecture,
                               const TextNote& note);
std::optional<TextNote> find_text_note(const FeatureCache::Snapshot& store, const Example& example,
                                       const std::string& architecture);

struct TextBottleneck {
  std::vector<float> values;
  Hash128 hash;  // of the file's bytes
};
// kNotFound, kIo, or kCorrupt as parse_text_cache.
Result<TextBottleneck> read_text_bottleneck(const std::string& path, std::size_t width);

// May the text file stand for a photo of this content? No note, or a note about other text bytes:
// someone else put the file there for the photo as it is. A note about this very text: only when
// the photo is still the one that it was noted for.
bool is_fresh(const std::optional<TextNote>& note, const Hash128& photo, const Hash128& text);

}  // namespace graft
