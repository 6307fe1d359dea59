// Makes the built-in backbone "untrained_mobilenet_0.25_128" from the photos at hand and installs
// it in model_dir, where find_installed() finds it from then on. The name says what it is: seeded
// random filters, each layer normalised on these photos; never trained. Thread rule: each call
// stands alone.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "image/decode.h"
#include "model/source.h"

namespace graft {

// Uses the first 32 of photo_paths that can be decoded (others are passed over), so the same paths
// in the same order give the same bytes. Written to
// <model_dir>/graft_untrained_0.25_128/frozen_graph.pb, atomically; a file already there is
// replaced. kInvalidArgument: none of the photos can be decoded, with the first one's reason.
// kIo as write_atomically.
Result<ModelBytes> make_untrained_backbone(const std::string& model_dir,
                                           std::span<const std::string> photo_paths,
                                           const DecodeOptions& decode);

}  // namespace graft
