// A pretrained network cut at its feature: photo bytes → feature vector.
// Thread rule: Backbone is immutable after compile() and shared; an Extractor belongs to one
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "graph/program.h"
#include "graph/quantize.h"
#include "image/augment.h"
#include "image/decode.h"
#include "model/source.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"

namespace graft {

enum class Precision : std::uint8_t {
  kFloat32,
  kInt8,  // convolutions in whole numbers, by the ranges of a calibration (model/calibration.h)
};

struct BackboneOptions {
  std::string backend;  // as CompileOptions::backend
  DecodeOptions decode;
  Precision precision = Precision::kFloat32;
};

class Extractor;

class Backbone {
 public:
  // Reads nothing of the bytes yet. def: what they were parsed to, where the caller had to.
  static Backbone create(ModelSpec spec, ModelBytes bytes, BackboneOptions options,
                         std::optional<wire::GraphDef> def = std::nullopt);
  Backbone(Backbone&&) noexcept;
  Backbone& operator=(Backbone&&) noexcept;
  ~Backbone();

  const ModelSpec& spec() const;
  const std::string& origin() const;  // file the bytes came from
  // SHA-256 of the GraphDef bytes, hex: computed at its first use. Any thread, beside any call.
  const std::string& fingerprint() const;
  const std::string& backend() const;
  const DecodeOptions& decode_options() const;
  Precision precision() const;
  // Everything a feature depends on but the photo, as one line (see FeatureKey::space). Uses the
  // backends' numeric mode without compiling. In int8, after use_ranges().
  std::string feature_space() const;
  // The same but for the arithmetic: what a calibration belongs to.
  std::string photo_space() const;

  // In int8, before feature_space() and compile(): the calibration, which stays.
  void use_ranges(ActivationRanges ranges);
  const ActivationRanges& ranges() const;  // empty: float32, or not calibrated yet

  // Parses once, on first use; the errors of parse_graph_def with the origin in front.
  Result<const wire::GraphDef*> graph_def();
  // The network in float32, cut at its feature: imported and simplified.
  Result<Graph> simplified();
  // Imports, simplifies, compiles; checks that the feature has spec().feature_width values and the
  // input the right shape. Idempotent.
  Result<void> compile();

  // After compile().
  std::unique_ptr<Extractor> make_extractor() const;
  // Of the network up to its last layer where that is done apart (graph/last_layer.h), or up to the
  // feature.
  const Program& program() const;
  std::uint64_t multiply_adds() const;  // of a photo

 private:
  friend class Extractor;
  struct State;
  explicit Backbone(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Extractor {
 public:
  ~Extractor();
  // Photo bytes → feature (feature_width floats). Errors: decode_image's.
  Result<void> run(std::span<const std::byte> photo, std::span<float> feature,
                   DecodeNote* note = nullptr);
  // The same in two halves, for several photos: begin() as far as the last layer, whose weights are
  // better read once for all that wait, most_waiting() at most; then finish(), once for each of
  // them, in any order. The feature has the bits that run() gives.
  std::size_t most_waiting() const;
  Result<void> begin(std::span<const std::byte> photo, DecodeNote* note = nullptr);
  std::size_t waiting() const;
  // Feature of each that waits, [waiting(), feature_width], valid until the next call.
  std::span<const float> finish();
  // Distorted: decode, then distort() with this rng.
  void run_distorted(const Image& photo, const Distortion& distortion, Rng& rng,
                     std::span<float> feature);
  // The network alone, on a prepared input f32 [height,width,3].
  void run_input(std::span<const float> input, std::span<float> feature);

 private:
  friend class Backbone;
  struct State;
  explicit Extractor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
