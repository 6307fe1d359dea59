#include "model/classifier.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "graph/classifier_parts.h"
#include "graph/import.h"
#include "graph/quantize.h"
#include "graph/rewrite.h"
#include "image/prepare.h"
#include "model/class_map.h"
#include "model/export.h"
#include "model/layer_names.h"
#include "tensor/tensor.h"

namespace graft {
namespace {

// label_image.py's defaults, for graphs about which nothing is known.
constexpr int kDefaultInputSize = 224;
constexpr float kDefaultMean = 128.0F;
constexpr float kDefaultStd = 128.0F;
constexpr const char* kDefaultOutput = "final_result";
constexpr const char* kOriginalLogits = "final_training_ops/Wx_plus_b/add";
constexpr const char* kBottleneck = "BottleneckInputPlaceholder";

// A graph's nodes by name; views into the GraphDef.
class Nodes {
 public:
  explicit Nodes(const wire::GraphDef& def) : def_(def) {
    by_name_.reserve(static_cast<std::size_t>(def.node_size()));
    for (const wire::NodeDef& node : def.node()) by_name_.emplace(node.name(), &node);
  }
  const wire::NodeDef* find(std::string_view name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second;
  }
  std::vector<const wire::NodeDef*> of_op(std::string_view op) const {
    std::vector<const wire::NodeDef*> found;
    for (const wire::NodeDef& node : def_.node()) {
      if (node.op() == op) found.push_back(&node);
    }
    return found;
  }

 private:
  const wire::GraphDef& def_;
  std::unordered_map<std::string_view, const wire::NodeDef*> by_name_;
};

// What is known about how to use a graph; `source` says from where.
struct Facts {
  std::string input, output;
  int height = 0, width = 0;
  float mean = 0, std = 0;
  bool apply_exif_orientation = false;
  DecodeRule decode_rule = DecodeRule::kTensorFlow;
  std::vector<std::string> labels;
  ActivationRanges int8_ranges;  // empty: float32
  std::string source;
  bool preprocessing_known = true;  // false: mean and std are label_image.py's guess
};

Facts facts_of(const SideFile& side, std::string source) {
  Facts facts;
  facts.input = without_port(side.input_tensor);
  facts.output = without_port(side.output_tensor);
  facts.height = side.input_height;
  facts.width = side.input_width;
  facts.mean = side.mean;
  facts.std = side.std;
  facts.apply_exif_orientation = side.apply_exif_orientation;
  facts.decode_rule = side.decode_rule;
  facts.labels = side.labels;
  facts.int8_ranges = side.int8_ranges;
  facts.source = std::move(source);
  return facts;
}

// Height and width that a placeholder declares; 0 where open or beyond what can be.
std::pair<int, int> placeholder_size(const wire::NodeDef& node) {
  const PhotoInput declared = photo_input(node);
  const auto side = [](std::int64_t size) {
    return size <= kMaxInputSide ? static_cast<int>(size) : 0;
  };
  return {side(declared.height), side(declared.width)};
}

std::string guess_output(const Nodes& nodes) {
  if (nodes.find(kDefaultOutput) != nullptr) return kDefaultOutput;
  const auto softmaxes = nodes.of_op("Softmax");
  for (const wire::NodeDef* softmax : softmaxes) {
    if (softmax->input_size() == 1 && softmax->input(0) == kOriginalLogits) return softmax->name();
  }
  return softmaxes.size() == 1 ? softmaxes[0]->name() : "";
}

// From the graph alone: the codelab's two families by their node names, any other by its only
// Placeholder. Fields stay empty where nothing can be said.
Facts guess(const Nodes& nodes, const std::string& graph_name) {
  Facts facts;
  facts.source = graph_name + "'s nodes";
  facts.output = guess_output(nodes);
  if (nodes.find("Mul") != nullptr && nodes.find("pool_3") != nullptr) {
    facts.input = "Mul";
    facts.height = facts.width = 299;
    facts.mean = facts.std = 128.0F;
    return facts;
  }
  const auto placeholders = nodes.of_op("Placeholder");
  const wire::NodeDef* input = placeholders.size() == 1 ? placeholders[0] : nodes.find("input");
  if (input != nullptr) {
    facts.input = input->name();
    std::tie(facts.height, facts.width) = placeholder_size(*input);
  }
  if (nodes.find("MobilenetV1/Predictions/Reshape") != nullptr) {
    facts.mean = facts.std = 127.5F;
  } else {
    facts.mean = kDefaultMean;
    facts.std = kDefaultStd;
    facts.preprocessing_known = false;
    facts.source = "label_image's defaults";
  }
  if (facts.height == 0) facts.height = kDefaultInputSize;
  if (facts.width == 0) facts.width = kDefaultInputSize;
  return facts;
}

// The graph's own description, else the side file's if it is of this graph, else guesses. Anything
// wrong with the first two is a warning: the graph can still be used.
Facts gather_facts(const wire::GraphDef& def, const Nodes& nodes, const std::string& graph_path,
                   std::span<const std::byte> graph_bytes, std::vector<std::string>& warnings) {
  const std::string side_path = printable(side_file_path(graph_path));
  const std::string graph_name = printable(file_name(graph_path));
  auto embedded = embedded_side_file(def);
  if (!embedded.ok() && embedded.error().kind != ErrorKind::kNotFound) {
    warnings.push_back(printable(graph_path) + ": " + embedded.error().message);
  }
  auto side = read_side_file(graph_path);
  if (!side.ok() && side.error().kind != ErrorKind::kNotFound) {
    warnings.push_back(side.error().message + " (it is not used)");
  }
  if (embedded.ok()) {
    if (side.ok()) {
      SideFile same = *embedded;
      same.graph_sha256 = side->graph_sha256;
      same.split = side->split;
      if (to_json(same) != to_json(*side)) {
        warnings.push_back(side_path + ": differs from what is written in " + graph_name +
                           " itself: the graph counts; remove the file or retrain");
      }
    }
    return facts_of(*embedded, graph_name);
  }
  if (side.ok()) {
    // Only a graph without a description of its own (not written by us) needs its hash compared.
    if (side->graph_sha256.empty() || side->graph_sha256 == hex(sha256(graph_bytes))) {
      return facts_of(*side, file_name(side_path));
    }
    warnings.push_back(side_path + ": belongs to another graph than " + graph_name +
                       ": it is not used; remove it or put its own graph back");
  }
  return guess(nodes, graph_name);
}

}  // namespace

struct Classifier::State {
  std::optional<Program> program;
  std::vector<std::string> labels;
  std::vector<std::string> warnings;
  std::string preprocessing;
  int height = 0, width = 0;
  Normalization norm;
  DecodeOptions decode;
  std::optional<ClassMapPlan> class_map;  // then activation and logits are outputs 1 and 2

  void apply(const ClassifierOptions& options, const Facts& facts);
  Result<void> load_labels(const ClassifierOptions& options, const Facts& facts);
};

// The user's numbers count; those that contradict what is known are pointed out.
void Classifier::State::apply(const ClassifierOptions& options, const Facts& facts) {
  height = options.input_height.value_or(facts.height);
  width = options.input_width.value_or(facts.width);
  norm.mean = options.input_mean.value_or(facts.mean);
  norm.std = options.input_std.value_or(facts.std);
  decode.apply_exif_orientation = facts.apply_exif_orientation;
  decode.rule = facts.decode_rule;
  const bool same_norm = norm.mean == facts.mean && norm.std == facts.std;
  if (!same_norm && facts.preprocessing_known) {
    warnings.push_back("--input_mean " + float_text(norm.mean) + " --input_std " +
                       float_text(norm.std) + ": this network was trained with mean " +
                       float_text(facts.mean) + " and std " + float_text(facts.std) + " (from " +
                       facts.source + "): leave the two options out for correct scores");
  }
  const bool norm_given = options.input_mean.has_value() && options.input_std.has_value();
  if (!facts.preprocessing_known && !norm_given) {
    warnings.push_back(printable(options.graph_path) +
                       ": does not say how its photos are prepared: mean 128 and std 128 are "
                       "label_image's guess; give --input_mean and --input_std as it was trained");
  }
  const bool by_hand = !same_norm || height != facts.height || width != facts.width;
  preprocessing = "input " + std::to_string(width) + "x" + std::to_string(height) + " mean " +
                  float_text(norm.mean) + " std " + float_text(norm.std) +
                  (by_hand ? ", as given" : ", from " + facts.source) +
                  (facts.int8_ranges.empty() ? "" : ", int8");
}

Result<void> Classifier::State::load_labels(const ClassifierOptions& options, const Facts& facts) {
  if (options.labels_path.empty() && !facts.labels.empty()) {
    labels = facts.labels;
    return {};
  }
  const std::string beside =
      join_path(parent_directory(options.graph_path), "retrained_labels.txt");
  if (options.labels_path.empty() && !exists(beside)) {
    return not_found(printable(options.graph_path) + ": its labels are not in it, nor in " +
                     printable(beside) + ": give --labels");
  }
  const std::string& path = options.labels_path.empty() ? beside : options.labels_path;
  GRAFT_ASSIGN(labels, read_labels(path));
  if (facts.labels.empty()) return {};
  std::vector<std::string> printed;
  for (const std::string& label : labels) printed.push_back(printable(label));
  if (labels.size() == facts.labels.size() && printed != facts.labels && labels != facts.labels) {
    warnings.push_back(printable(path) + ": is not the list that this graph was trained with (" +
                       facts.source + " has " + printable(facts.labels[0]) +
                       " first): leave --labels out unless you renamed classes on purpose");
  }
  return {};
}

Classifier::Classifier(std::unique_ptr<State> state) : state_(std::move(state)) {}
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

Result<Classifier> Classifier::load(const ClassifierOptions& options) {
  const std::string subject = printable(options.graph_path);
  for (const std::optional<int>& side : {options.input_height, options.input_width}) {
    if (side && (*side < 1 || *side > kMaxInputSide)) {
      return invalid_argument("--input_height, --input_width: " + std::to_string(*side) +
                              " cannot be: give a number of pixels, 224 say");
    }
  }
  if ((options.input_mean && !std::isfinite(*options.input_mean)) ||
      (options.input_std && (!std::isfinite(*options.input_std) || *options.input_std == 0))) {
    return invalid_argument(
        "--input_mean, --input_std: not usable numbers: give 127.5 and 127.5 "
        "for a MobileNet");
  }

  GRAFT_ASSIGN(const MappedFile file, MappedFile::open(options.graph_path));
  auto parsed = parse_graph_def(file.bytes());
  if (!parsed.ok()) return with_context(subject, std::move(parsed).error());
  const auto shared = std::make_shared<const wire::GraphDef>(*std::move(parsed));
  const wire::GraphDef& def = *shared;
  const Nodes nodes(def);
  auto state = std::make_unique<State>();
  Facts facts = gather_facts(def, nodes, options.graph_path, file.bytes(), state->warnings);
  if (!options.input_layer.empty()) {
    GRAFT_ASSIGN(facts.input,
                 resolve_layer(def, "--input_layer", options.input_layer, options.graph_path));
  }
  if (!options.output_layer.empty()) {
    GRAFT_ASSIGN(facts.output,
                 resolve_layer(def, "--output_layer", options.output_layer, options.graph_path));
  }
  if (facts.input.ends_with(kBottleneck)) {
    return unsupported(subject +
                       ": is a new last layer without the network under it, so it cannot read "
                       "photos: retrain with the network in --model_dir");
  }
  if (facts.input.empty()) {
    return invalid_argument(subject +
                            ": has no single input: name it with --input_layer (graft inspect "
                            "lists them)");
  }
  if (facts.output.empty()) {
    return invalid_argument(subject +
                            ": has no final_result and no single Softmax: name its output with "
                            "--output_layer (graft inspect lists them)");
  }
  state->apply(options, facts);

  ImportOptions import;
  import.input = facts.input;
  import.outputs = {facts.output};
  import.input_shape = {1, state->height, state->width, 3};
  auto imported = import_graph_def(shared, import);
  if (!imported.ok()) {
    Error error = with_context(subject, std::move(imported).error());
    if (state->height != facts.height || state->width != facts.width) {
      error.message += ": correct --input_height and --input_width, or leave them out";
    }
    return error;
  }
  auto simplified = simplify(*imported, import.outputs);
  if (!simplified.ok()) return with_context(subject, std::move(simplified).error());
  CompileOptions compile;
  compile.backend = options.backend;
  std::vector<std::string> outputs = import.outputs;
  if (options.class_maps) {
    if (auto plan = plan_class_map(*simplified, facts.output); plan.ok()) {
      state->class_map = std::move(plan).value();
      outputs.push_back(state->class_map->activation);
      outputs.push_back(state->class_map->logits);
    }
  }
  if (!facts.int8_ranges.empty()) {
    // Its last layer was trained on what int8 makes of photos.
    GRAFT_ASSIGN(const Graph kept, cut_at(*simplified, outputs));
    simplified = quantize(kept, facts.int8_ranges);
    if (!simplified.ok()) return with_context(subject, std::move(simplified).error());
  }
  auto program = Program::compile(*simplified, outputs, compile);
  if (!program.ok()) return with_context(subject, std::move(program).error());

  const TensorSpec& input = program->input();
  if (input.dtype != DType::kF32 || !(input.shape == Shape{1, state->height, state->width, 3})) {
    return invalid_argument(subject + ": " + printable(facts.input) + " takes " +
                            std::string(name_of(input.dtype)) + " " + input.shape.to_string() +
                            ", not photos of " + std::to_string(state->width) + "x" +
                            std::to_string(state->height) +
                            ": correct --input_height and --input_width, or leave them out");
  }
  const TensorSpec& output = program->outputs()[0];
  if (output.dtype != DType::kF32) {
    return unsupported(subject + ": " + printable(facts.output) + " gives " +
                       std::string(name_of(output.dtype)) +
                       ", not scores: name another with "
                       "--output_layer");
  }
  GRAFT_TRY(state->load_labels(options, facts));
  const auto classes = static_cast<std::size_t>(output.shape.elements());
  if (state->labels.size() != classes) {
    const std::string from = options.labels_path.empty() ? subject : printable(options.labels_path);
    return corrupt(from + ": " + std::to_string(state->labels.size()) + " labels, but " +
                   printable(facts.output) + " of " + subject + " gives " +
                   std::to_string(classes) +
                   " scores: give the labels file that was written with this graph");
  }
  state->program = std::move(program).value();
  return Classifier(std::move(state));
}

const std::vector<std::string>& Classifier::labels() const {
  return state_->labels;
}
std::string Classifier::preprocessing() const {
  return state_->preprocessing;
}
const std::vector<std::string>& Classifier::warnings() const {
  return state_->warnings;
}

bool Classifier::has_class_maps() const {
  return state_->class_map.has_value();
}

struct Classifier::Session::State {
  const Classifier::State* classifier = nullptr;
  std::vector<float> activation, logits;  // where there are maps
  Image image;
  Tensor input;
  Program::WorkspacePtr workspace;

  Result<void> prepare(std::span<const std::byte> photo, DecodeNote* note);  // → input
  std::vector<float> run();  // input → scores, and activation and logits
};

std::unique_ptr<Classifier::Session> Classifier::make_session() const {
  auto state = std::make_unique<Session::State>();
  state->classifier = state_.get();
  state->input = Tensor(state_->program->input());
  state->workspace = state_->program->make_workspace();
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

Classifier::Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Classifier::Session::~Session() = default;

Result<std::vector<float>> Classifier::Session::scores(std::span<const std::byte> photo,
                                                       DecodeNote* note) {
  GRAFT_TRY(state_->prepare(photo, note));
  return state_->run();
}

Result<void> Classifier::Session::State::prepare(std::span<const std::byte> photo,
                                                 DecodeNote* note) {
  return prepare_photo(photo, classifier->decode, classifier->height, classifier->width,
                       classifier->norm, image, input.as<float>(), note);
}

std::vector<float> Classifier::Session::State::run() {
  std::vector<float> scores(classifier->labels.size());
  const auto specs = classifier->program->outputs();
  std::vector<MutableTensorView> outs;
  for (std::vector<float>* values : {&scores, &activation, &logits}) {
    if (outs.size() == specs.size()) break;
    const TensorSpec& spec = specs[outs.size()];
    values->resize(static_cast<std::size_t>(spec.shape.elements()));
    outs.push_back({spec, reinterpret_cast<std::byte*>(values->data())});
  }
  classifier->program->run(std::as_const(input).view(), outs, *workspace);
  return scores;
}

Result<Look> Classifier::Session::look(std::span<const std::byte> photo, std::optional<int> label) {
  const Classifier::State& classifier = *state_->classifier;
  const auto classes = static_cast<int>(classifier.labels.size());
  if (label && (*label < 0 || *label >= classes)) {
    return invalid_argument("class " + std::to_string(*label) + ": there is none: give 0 to " +
                            std::to_string(classes - 1));
  }
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  const auto begun = Clock::now();
  GRAFT_TRY(state_->prepare(photo, nullptr));
  const auto decoded = Clock::now();
  Look look;
  look.scores = state_->run();
  look.decode_seconds = seconds(decoded - begun);
  look.network_seconds = seconds(Clock::now() - decoded);
  look.width = state_->image.width;
  look.height = state_->image.height;
  look.label = label.value_or(top_k(look.scores, 1).front().label);
  if (const auto& plan = classifier.class_map) {
    look.rows = plan->rows;
    look.columns = plan->columns;
    look.values = plan->map(state_->activation, look.label);
    look.bias = plan->bias[static_cast<std::size_t>(look.label)];
    look.logit = static_cast<double>(state_->logits[static_cast<std::size_t>(look.label)]);
  }
  return look;
}

std::vector<Prediction> top_k(std::span<const float> scores, int k) {
  std::vector<Prediction> all;
  all.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    all.push_back({static_cast<int>(i), scores[i]});
  }
  // Not-a-number counts as the least, so that the order stays an order.
  const auto rank = [](float score) { return std::isnan(score) ? -INFINITY : score; };
  const auto keep = std::min(all.size(), static_cast<std::size_t>(std::max(k, 0)));
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(keep), all.end(),
                    [&](const Prediction& a, const Prediction& b) {
                      const float score_a = rank(a.score), score_b = rank(b.score);
                      return score_a != score_b ? score_a > score_b : a.label < b.label;
                    });
  all.resize(keep);
  return all;
}

}  // namespace graft
