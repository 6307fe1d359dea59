#include "model/backbone.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "graph/import.h"
#include "graph/last_layer.h"
#include "graph/rewrite.h"
#include "image/prepare.h"
#include "model/calibration.h"
#include "model/identify.h"

namespace graft {
namespace {

// Raised when the input that prepare_photo() makes of a photo changes.
constexpr const char* kTensorFlowRule = "tf-jpeg-1";
constexpr const char* kAreaMeanRule = "area-mean-1";
// Raised when a last layer that is done apart is summed otherwise.
constexpr const char* kLastLayerRule = "apart-1";
// It promises a row's bits whatever the other rows are (kernels/highway/vector_kernels.h). Others
// sum up a row by where it stands: then a feature would depend on its company.
constexpr const char* kBackendOfRows = "highway";
// Photos that meet it together: from here on its sums cost more than its weights.
constexpr std::int64_t kPhotosTogether = 8;
// Raised when quantize() makes other whole numbers of a network.
constexpr const char* kWholeRule = "int8-1";

// How far a network's own multiply-adds may lie from the published figure, which is rounded (14 for
// 13.6 million at worst); the next width is a factor of 1.8 away.
constexpr double kMultiplyAddsTolerance = 0.2;

std::string size_text(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + "x" + std::to_string(width);
}

std::uint64_t multiply_adds_of(const Program& program, const std::optional<Program>& last_layer) {
  return program.multiply_adds() + (last_layer ? last_layer->multiply_adds() / kPhotosTogether : 0);
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
  std::mutex mutex;         // guards the next one
  std::string fingerprint;  // "": not computed yet
  std::shared_ptr<const wire::GraphDef> graph_def;
  ActivationRanges ranges;  // in int8, once it is calibrated
  std::optional<Program> program;
  std::optional<Program> last_layer;  // behind it; in float32, if there is one that can be apart

  const TensorSpec& feature() const { return (last_layer ? last_layer : program)->outputs()[0]; }
};

Backbone::Backbone(std::unique_ptr<State> state) : state_(std::move(state)) {}
Backbone::Backbone(Backbone&&) noexcept = default;
Backbone& Backbone::operator=(Backbone&&) noexcept = default;
Backbone::~Backbone() = default;

Backbone Backbone::create(ModelSpec spec, ModelBytes bytes, BackboneOptions options,
                          std::optional<wire::GraphDef> def) {
  auto state = std::make_unique<State>();
  state->spec = std::move(spec);
  state->bytes = std::move(bytes);
  state->options = std::move(options);
  if (def) state->graph_def = std::make_shared<const wire::GraphDef>(*std::move(def));
  return Backbone(std::move(state));
}

const ModelSpec& Backbone::spec() const {
  return state_->spec;
}
const std::string& Backbone::origin() const {
  return state_->bytes.origin;
}
const std::string& Backbone::fingerprint() const {
  // Not std::call_once: where memory ends in it, glibc ends the program.
  const std::scoped_lock lock(state_->mutex);
  if (state_->fingerprint.empty()) state_->fingerprint = hex(sha256(state_->bytes.graph_def()));
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
  std::string space = photo_space() + " mode=" + expected_numeric_mode(state_->options.backend) +
                      " last=" + kLastLayerRule;
  if (precision() == Precision::kInt8) {
    assert(!state_->ranges.empty());
    space += std::string(" precision=") + kWholeRule +
             " calibration=" + calibration_fingerprint(state_->ranges);
  }
  return space;
}

std::string Backbone::photo_space() const {
  const ModelSpec& spec = state_->spec;
  return "sha256=" + fingerprint() + " input=" + spec.input_tensor +
         " feature=" + spec.feature_tensor + " size=" + size_text(spec.height(), spec.width()) +
         " mean=" + float_text(spec.norm.mean) + " std=" + float_text(spec.norm.std) + " decode=" +
         (state_->options.decode.rule == DecodeRule::kAreaMean ? kAreaMeanRule : kTensorFlowRule) +
         " exif=" + (state_->options.decode.apply_exif_orientation ? "1" : "0");
}

Result<const wire::GraphDef*> Backbone::graph_def() {
  if (!state_->graph_def) {
    auto parsed = parse_graph_def(state_->bytes.graph_def());
    if (!parsed.ok()) return with_context(printable(origin()), std::move(parsed).error());
    state_->graph_def = std::make_shared<const wire::GraphDef>(std::move(parsed).value());
  }
  return state_->graph_def.get();
}

Result<Graph> Backbone::simplified() {
  const ModelSpec& spec = state_->spec;
  const std::string subject = printable(origin());
  GRAFT_TRY(graph_def());
  ImportOptions import;
  import.input = spec.input_tensor;
  import.outputs = {spec.feature_tensor};
  import.input_shape = {1, spec.height(), spec.width(), 3};
  auto imported = import_graph_def(state_->graph_def, import);
  if (!imported.ok())
    return explained(*state_->graph_def, spec, subject, std::move(imported).error());
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
  const auto program_of = [&](const Graph& network, const std::string& output) {
    auto compiled = Program::compile(network, std::array{output}, options);
    return compiled.ok() ? std::move(compiled) : with_context(subject, std::move(compiled).error());
  };
  std::optional<LastLayer> apart;
  if (precision() == Precision::kFloat32) {
    apart = last_layer(graph, spec.feature_tensor, kPhotosTogether);
  }
  std::optional<Program> layer;
  if (apart) {
    GRAFT_ASSIGN(layer, program_of(apart->layer, apart->output));
    if (layer->steps()[0].backend != kBackendOfRows) layer.reset();
  }
  GRAFT_ASSIGN(Program program, program_of(graph, layer ? apart->reads : spec.feature_tensor));

  const TensorSpec& input = program.input();
  const Shape wanted{1, spec.height(), spec.width(), 3};
  if (input.dtype != DType::kF32 || !(input.shape == wanted)) {
    return corrupt(subject + ": takes " + input.shape.to_string() + ", but " + spec.architecture +
                   " takes " + wanted.to_string() + ": this is another network's file, get the " +
                   "right one");
  }
  const TensorSpec& feature = (layer ? *layer : program).outputs()[0];
  const std::int64_t width = feature.shape.elements() / (layer ? kPhotosTogether : 1);
  if (feature.dtype != DType::kF32 || width != spec.feature_width) {
    return corrupt(subject + ": " + spec.feature_tensor + " has " + std::to_string(width) +
                   " values, but " + spec.architecture + " has " +
                   std::to_string(spec.feature_width) +
                   ": this is another network's file, get the right one");
  }
  const double millions = static_cast<double>(multiply_adds_of(program, layer)) / 1e6;
  if (spec.multiply_adds_m > 0 &&
      std::abs(millions - spec.multiply_adds_m) > kMultiplyAddsTolerance * spec.multiply_adds_m) {
    return corrupt(subject + ": does " + std::to_string(std::lround(millions)) +
                   " million multiply-adds a photo, but " + spec.architecture + " does " +
                   std::to_string(std::lround(spec.multiply_adds_m)) +
                   ": this is a network of another width, get the right one");
  }
  state_->program = std::move(program);
  state_->last_layer = std::move(layer);
  return {};
}

std::uint64_t Backbone::multiply_adds() const {
  return multiply_adds_of(program(), state_->last_layer);
}

const Program& Backbone::program() const {
  assert(state_->program);
  return *state_->program;
}

// Everything that one thread needs, made once: run() allocates nothing when photos are of like
// size.
struct Extractor::State {
  const Program* program = nullptr;
  const Program* last_layer = nullptr;  // or nullptr
  ModelSpec spec;
  DecodeOptions decode;
  Image image;
  Tensor input;
  std::size_t photos_together = 1, waiting = 0;
  Tensor before_last;  // what program gave for each that waits
  Tensor features;
  Program::WorkspacePtr workspace, last_workspace;

  Result<void> prepare(std::span<const std::byte> photo, DecodeNote* note) {
    return prepare_photo(photo, decode, spec.height(), spec.width(), spec.norm, image,
                         input.as<float>(), note);
  }

  // `in` is the next that waits.
  void begin(TensorView in) {
    assert(waiting < photos_together);
    const TensorSpec& out = program->outputs()[0];
    Tensor& all = last_layer == nullptr ? features : before_last;
    const std::array<MutableTensorView, 1> outs = {
        MutableTensorView{out, all.view().data + waiting * out.bytes()}};
    program->run(in, outs, *workspace);
    ++waiting;
  }

  std::span<const float> finish() {
    if (last_layer != nullptr) {
      const std::array<MutableTensorView, 1> outs = {features.view()};
      last_layer->run(std::as_const(before_last).view(), outs, *last_workspace);
    }
    const std::size_t photos = std::exchange(waiting, 0);
    return std::as_const(features).as<float>().first(photos *
                                                     static_cast<std::size_t>(spec.feature_width));
  }

  // One photo alone.
  void forward(TensorView in, std::span<float> feature) {
    assert(feature.size() == static_cast<std::size_t>(spec.feature_width) && waiting == 0);
    begin(in);
    std::ranges::copy(finish(), feature.begin());
  }
};

std::unique_ptr<Extractor> Backbone::make_extractor() const {
  auto state = std::make_unique<Extractor::State>();
  state->program = &program();
  state->spec = state_->spec;
  state->decode = state_->options.decode;
  state->input = Tensor(state->program->input());
  state->workspace = state->program->make_workspace();
  state->features = Tensor(state_->feature());
  if (state_->last_layer) {
    state->last_layer = &*state_->last_layer;
    state->photos_together = kPhotosTogether;
    state->before_last = Tensor(state->last_layer->input());
    state->last_workspace = state->last_layer->make_workspace();
  }
  return std::unique_ptr<Extractor>(new Extractor(std::move(state)));
}

Extractor::Extractor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Extractor::~Extractor() = default;

Result<void> Extractor::run(std::span<const std::byte> photo, std::span<float> feature,
                            DecodeNote* note) {
  GRAFT_TRY(state_->prepare(photo, note));
  state_->forward(std::as_const(state_->input).view(), feature);
  return {};
}

std::size_t Extractor::most_waiting() const {
  return state_->photos_together;
}
std::size_t Extractor::waiting() const {
  return state_->waiting;
}
Result<void> Extractor::begin(std::span<const std::byte> photo, DecodeNote* note) {
  GRAFT_TRY(state_->prepare(photo, note));
  state_->begin(std::as_const(state_->input).view());
  return {};
}
std::span<const float> Extractor::finish() {
  return state_->finish();
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
