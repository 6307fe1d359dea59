#include "model/backbone.h"

#include <array>
#include <cassert>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "graph/import.h"
#include "graph/rewrite.h"
#include "image/prepare.h"
#include "model/calibration.h"
#include "model/identify.h"

namespace graft {
namespace {

// Raised when the input that prepare_photo() makes of a photo changes.
constexpr const char* kTensorFlowRule = "tf-jpeg-1";
constexpr const char* kAreaMeanRule = "area-mean-1";
// Raised when quantize() makes other whole numbers of a network.
constexpr const char* kWholeRule = "int8-1";

// How far a network's own multiply-adds may lie from the published figure, which is rounded (14 for
// 13.6 million at worst); the next width is a factor of 1.8 away.
constexpr double kMultiplyAddsTolerance = 0.2;

std::string size_text(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + "x" + std::to_string(width);
}

// A file of the wrong size or kind lies under this network's name: that is what to say then.
Error explained(const wire::GraphDef& def, const ModelSpec& spec, const std::string& subject,
                Error error) {
  const auto actual = identify_network(def);
  if (!actual.ok() || actual->architecture == spec.architecture) {
    return with_context(subject, std::move(error));
  }
  return corrupt(subject + ": is " + actual->architecture + ", not " + spec.architecture +
                 ": move it away and get the right one; graft models import puts this one where it "
                 "belongs");
}

}  // namespace

struct Backbone::State {
  ModelSpec spec;
  ModelBytes bytes;
  BackboneOptions options;
  std::string fingerprint;
  std::optional<wire::GraphDef> graph_def;
  ActivationRanges ranges;  // in int8, once it is calibrated
  std::optional<Program> program;
};

Backbone::Backbone(std::unique_ptr<State> state) : state_(std::move(state)) {}
Backbone::Backbone(Backbone&&) noexcept = default;
Backbone& Backbone::operator=(Backbone&&) noexcept = default;
Backbone::~Backbone() = default;

Backbone Backbone::create(ModelSpec spec, ModelBytes bytes, BackboneOptions options,
                          std::optional<wire::GraphDef> def) {
  auto state = std::make_unique<State>();
  state->fingerprint = hex(sha256(bytes.graph_def()));
  state->spec = std::move(spec);
  state->bytes = std::move(bytes);
  state->options = std::move(options);
  state->graph_def = std::move(def);
  return Backbone(std::move(state));
}

const ModelSpec& Backbone::spec() const {
  return state_->spec;
}
const std::string& Backbone::origin() const {
  return state_->bytes.origin;
}
const std::string& Backbone::fingerprint() const {
  return state_->fingerprint;
}

const std::string& Backbone::backend() const {
  return state_->options.backend;
}
const DecodeOptions& Backbone::decode_options() const {
  return state_->options.decode;
}
Precision Backbone::precision() const {
  return state_->options.precision;
}

void Backbone::use_ranges(ActivationRanges ranges) {
  assert(precision() == Precision::kInt8 && !state_->program);
  state_->ranges = std::move(ranges);
}
const ActivationRanges& Backbone::ranges() const {
  return state_->ranges;
}

std::string Backbone::feature_space() const {
  std::string space = photo_space() + " mode=" + expected_numeric_mode(state_->options.backend);
  if (precision() == Precision::kInt8) {
    assert(!state_->ranges.empty());
    space += std::string(" precision=") + kWholeRule +
             " calibration=" + calibration_fingerprint(state_->ranges);
  }
  return space;
}

std::string Backbone::photo_space() const {
  const ModelSpec& spec = state_->spec;
  return "sha256=" + state_->fingerprint + " input=" + spec.input_tensor +
         " feature=" + spec.feature_tensor + " size=" + size_text(spec.height(), spec.width()) +
         " mean=" + float_text(spec.norm.mean) + " std=" + float_text(spec.norm.std) + " decode=" +
         (state_->options.decode.rule == DecodeRule::kAreaMean ? kAreaMeanRule : kTensorFlowRule) +
         " exif=" + (state_->options.decode.apply_exif_orientation ? "1" : "0");
}

Result<const wire::GraphDef*> Backbone::graph_def() {
  if (!state_->graph_def) {
    auto parsed = parse_graph_def(state_->bytes.graph_def());
    if (!parsed.ok()) return with_context(printable(origin()), std::move(parsed).error());
    state_->graph_def = std::move(parsed).value();
  }
  return &*state_->graph_def;
}

Result<Graph> Backbone::simplified() {
  const ModelSpec& spec = state_->spec;
  const std::string subject = printable(origin());
  GRAFT_ASSIGN(const wire::GraphDef* def, graph_def());
  ImportOptions import;
  import.input = spec.input_tensor;
  import.outputs = {spec.feature_tensor};
  import.input_shape = {1, spec.height(), spec.width(), 3};
  auto imported = import_graph_def(*def, import);
  if (!imported.ok()) return explained(*def, spec, subject, std::move(imported).error());
  auto simplified = simplify(*imported, import.outputs);
  if (!simplified.ok()) return with_context(subject, std::move(simplified).error());
  return simplified;
}

Result<void> Backbone::compile() {
  if (state_->program) return {};
  const ModelSpec& spec = state_->spec;
  const std::string subject = printable(origin());
  GRAFT_ASSIGN(Graph graph, simplified());
  if (precision() == Precision::kInt8) {
    auto whole = quantize(graph, state_->ranges);
    if (!whole.ok()) return with_context(subject, std::move(whole).error());
    graph = std::move(whole).value();
  }
  CompileOptions options;
  options.backend = state_->options.backend;
  auto compiled = Program::compile(graph, std::array{spec.feature_tensor}, options);
  if (!compiled.ok()) return with_context(subject, std::move(compiled).error());

  const TensorSpec& input = compiled->input();
  const Shape wanted{1, spec.height(), spec.width(), 3};
  if (input.dtype != DType::kF32 || !(input.shape == wanted)) {
    return corrupt(subject + ": takes " + input.shape.to_string() + ", but " + spec.architecture +
                   " takes " + wanted.to_string() + ": this is another network's file, get the " +
                   "right one");
  }
  const TensorSpec& feature = compiled->outputs()[0];
  if (feature.dtype != DType::kF32 || feature.shape.elements() != spec.feature_width) {
    return corrupt(subject + ": " + spec.feature_tensor + " has " +
                   std::to_string(feature.shape.elements()) + " values, but " + spec.architecture +
                   " has " + std::to_string(spec.feature_width) +
                   ": this is another network's file, get the right one");
  }
  const double millions = static_cast<double>(compiled->multiply_adds()) / 1e6;
  if (spec.multiply_adds_m > 0 &&
      std::abs(millions - spec.multiply_adds_m) > kMultiplyAddsTolerance * spec.multiply_adds_m) {
    return corrupt(subject + ": does " + std::to_string(std::lround(millions)) +
                   " million multiply-adds a photo, but " + spec.architecture + " does " +
                   std::to_string(std::lround(spec.multiply_adds_m)) +
                   ": this is a network of another width, get the right one");
  }
  state_->program = std::move(compiled).value();
  return {};
}

const Program& Backbone::program() const {
  assert(state_->program);
  return *state_->program;
}

// Everything that one thread needs, made once: run() allocates nothing when photos are of like
// size.
struct Extractor::State {
  const Program* program = nullptr;
  ModelSpec spec;
  DecodeOptions decode;
  Image image;
  Tensor input;
  Program::WorkspacePtr workspace;

  void forward(TensorView in, std::span<float> feature) {
    assert(feature.size() == static_cast<std::size_t>(spec.feature_width));
    const std::array<MutableTensorView, 1> outs = {
        MutableTensorView{program->outputs()[0], reinterpret_cast<std::byte*>(feature.data())}};
    program->run(in, outs, *workspace);
  }
};

std::unique_ptr<Extractor> Backbone::make_extractor() const {
  auto state = std::make_unique<Extractor::State>();
  state->program = &program();
  state->spec = state_->spec;
  state->decode = state_->options.decode;
  state->input = Tensor(state->program->input());
  state->workspace = state->program->make_workspace();
  return std::unique_ptr<Extractor>(new Extractor(std::move(state)));
}

Extractor::Extractor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Extractor::~Extractor() = default;

Result<void> Extractor::run(std::span<const std::byte> photo, std::span<float> feature,
                            DecodeNote* note) {
  GRAFT_TRY(prepare_photo(photo, state_->decode, state_->spec.height(), state_->spec.width(),
                          state_->spec.norm, state_->image, state_->input.as<float>(), note));
  state_->forward(std::as_const(state_->input).view(), feature);
  return {};
}

void Extractor::run_distorted(const Image& photo, const Distortion& distortion, Rng& rng,
                              std::span<float> feature) {
  distort(photo, state_->spec.height(), state_->spec.width(), state_->spec.norm, distortion, rng,
          state_->input.as<float>());
  state_->forward(std::as_const(state_->input).view(), feature);
}

void Extractor::run_input(std::span<const float> input, std::span<float> feature) {
  assert(input.size() == static_cast<std::size_t>(state_->input.shape().elements()));
  const TensorView view{state_->input.spec(), reinterpret_cast<const std::byte*>(input.data())};
  state_->forward(view, feature);
}

}  // namespace graft
