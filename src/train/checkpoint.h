// What an interrupted training needs to go on: the step and the head. Everything random is a
// function of (seed, step), so nothing else has to be kept. Bytes: docs/formats/checkpoint.md.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "model/head.h"

namespace graft {

struct Checkpoint {
  Hash128 fingerprint;     // of everything that the training's result depends on
  std::uint64_t step = 0;  // steps done
  Head head;
};

// Atomic and durable. kIo leaves an earlier checkpoint as it was.
Result<void> save_checkpoint(const std::string& path, const Hash128& fingerprint,
                             std::uint64_t step, const Head& head);
// kNotFound; kCorrupt: not a whole checkpoint of this format.
Result<Checkpoint> load_checkpoint(const std::string& path);

}  // namespace graft
