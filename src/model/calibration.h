// Networks in int8: how large a network's activations become on the user's own photos, measured
// once, in float32, and kept with what was computed by it. Layout of the file:
// docs/formats/calibration.md. Thread rule: RangeMeter is immutable and shared; a Worker belongs to
// one thread; the rest are pure functions.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "graph/program.h"
#include "graph/quantize.h"
#include "model/backbone.h"

namespace graft {

// A network's ranges as JSON, {"node": "8a93…"}: the codes of the largest values, two hexadecimal
// digits a channel, then those of the means; and back. nullopt: not such an object, or more than
// 2^20 channels altogether.
Json ranges_json(const ActivationRanges& ranges);
std::optional<ActivationRanges> ranges_of(const Json& json);

// Names a calibration in a feature's key: 32 hexadecimal digits.
std::string calibration_fingerprint(const ActivationRanges& ranges);

// The file's text, and what a file's bytes, which may be anything, hold. subject: for messages.
// kCorrupt: not such a file, or one of another network or preparation of photos (space).
std::string calibration_text(const ActivationRanges& ranges, const std::string& space,
                             std::size_t photos);
Result<ActivationRanges> parse_calibration(std::string_view text, const std::string& space,
                                           const std::string& subject);

// Runs a network in float32 and keeps the largest value and the mean of each channel that
// quantize() wants.
class RangeMeter {
 public:
  // Errors: Backbone::simplified's; kUnsupported: no layer of it can run in int8.
  static Result<RangeMeter> prepare(Backbone& backbone);

  class Worker {
   public:
    // Errors: decode_image's; nothing is counted then.
    Result<void> add(std::span<const std::byte> photo);

   private:
    friend class RangeMeter;
    const RangeMeter* meter_ = nullptr;
    Image image_;
    Tensor input_;
    Program::WorkspacePtr workspace_;
    std::vector<Tensor> values_;
    std::vector<std::vector<float>> largest_;  // by value and channel
    // Sums of the photos' means, in 2^-20: whole numbers, so that their order says nothing.
    std::vector<std::vector<std::int64_t>> means_;
    std::int64_t photos_ = 0;
  };
  // The meter must outlive it.
  Worker make_worker() const;
  // Of all photos that the workers were given, in whatever order.
  ActivationRanges ranges(std::span<const Worker> workers) const;

 private:
  RangeMeter(const Backbone& backbone, std::vector<std::string> names, Program program);
  ModelSpec spec_;
  DecodeOptions decode_;
  std::vector<std::string> names_;
  Program program_;
};

}  // namespace graft
