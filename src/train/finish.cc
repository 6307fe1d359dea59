#include "train/finish.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/sampler.h"
#include "graph/import.h"
#include "graph/program.h"
#include "graph/rewrite.h"
#include "model/classifier.h"
#include "train/head_trainer.h"
#include "train/training_loop.h"
#include "wire/serialize.h"

namespace graft {
namespace {

constexpr std::size_t kTestChunk = 1024;  // bounds the memory for scores
constexpr std::size_t kRowsCompared = 100, kPhotosCompared = 2;
constexpr std::size_t kMaxEventConstant = 1024;
constexpr const char* kPlaceholder = "/BottleneckInputPlaceholder";

// What the project holds features to: equal to TensorFlow's within this (docs/formats).
constexpr double kFeatureTolerance = 1e-4;
constexpr double kRounding = 0x1p-24;

// How far two float32 evaluations of softmax(x·W + b) may lie apart when each x differs by at most
// `feature_error`: each logit is a sum of F + 1 terms, each score moves by at most itself times
// e^(twice the logits' difference) - 1, and the exponentials and their sum are rounded too.
double score_tolerance(const Head& head, std::span<const float> row, double feature_error) {
  const auto classes = static_cast<std::size_t>(head.classes());
  const auto w = head.weights.as<float>();
  const auto b = head.biases.as<float>();
  double largest = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    double terms = std::abs(static_cast<double>(b[k])), weights = 0;
    for (std::size_t f = 0; f < row.size(); ++f) {
      const double weight = std::abs(static_cast<double>(w[f * classes + k]));
      terms += std::abs(static_cast<double>(row[f])) * weight;
      weights += weight;
    }
    const double sums = 2 * static_cast<double>(row.size() + 2) * kRounding * terms;
    largest = std::max(largest, sums + feature_error * weights);
  }
  return std::expm1(2 * largest) + 2 * (static_cast<double>(classes) + 8) * kRounding;
}

struct Difference {
  double size = 0, allowed = 0;
  std::string where;
  bool too_large() const { return !(size <= allowed); }
};

Difference compare(const Head& head, std::span<const float> row, std::span<const float> scores,
                   double feature_error, const std::string& where) {
  std::vector<float> expected(static_cast<std::size_t>(head.classes()));
  predict(head, row, expected);
  Difference d{0, score_tolerance(head, row, feature_error), where};
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double apart =
        std::abs(static_cast<double>(expected[k]) - static_cast<double>(scores[k]));
    if (!(apart <= d.size)) d.size = apart;  // also when it is not a number
  }
  return d;
}

Result<void> check(const std::string& graph, const Difference& d) {
  if (!d.too_large()) return {};
  return corrupt(printable(graph) + ": read again, it gives other scores than training did (" +
                 std::to_string(d.size) + " apart at " + printable(d.where) +
                 "): do not use it, and please report this");
}

// Test photos first: those are what the reported accuracy speaks of.
std::vector<std::size_t> examples_to_compare(const Dataset& dataset, std::size_t count) {
  std::vector<std::size_t> chosen;
  for (const bool test : {true, false}) {
    for (std::size_t i = 0; i < dataset.examples.size() && chosen.size() < count; ++i) {
      if ((dataset.examples[i].split == Split::kTesting) == test) chosen.push_back(i);
    }
  }
  return chosen;
}

Result<Program> head_program(const std::string& path, int features, const std::string& output,
                             const std::string& backend) {
  GRAFT_ASSIGN(const MappedFile file, MappedFile::open(path));
  GRAFT_ASSIGN(const wire::GraphDef def, parse_graph_def(file.bytes()));
  ImportOptions import;
  for (const wire::NodeDef& node : def.node()) {
    if (node.name().ends_with(kPlaceholder)) import.input = node.name();
  }
  import.outputs = {output};
  import.input_shape = {1, features};
  GRAFT_ASSIGN(const Graph imported, import_graph_def(def, import));
  GRAFT_ASSIGN(const Graph simple, simplify(imported, import.outputs));
  CompileOptions options;
  options.backend = backend;
  return Program::compile(simple, import.outputs, options);
}

Result<void> verify_head(const RetrainOptions& options, const Dataset& dataset,
                         const FeatureTable& table, const Head& head) {
  auto program = head_program(options.output_graph, head.features(), options.final_tensor_name,
                              options.backend);
  if (!program.ok()) {
    return with_context(printable(options.output_graph) + ": cannot be read again",
                        std::move(program).error());
  }
  const auto workspace = program->make_workspace();
  std::vector<float> scores(static_cast<std::size_t>(head.classes()));
  const std::array<MutableTensorView, 1> outs = {
      MutableTensorView{program->outputs()[0], reinterpret_cast<std::byte*>(scores.data())}};
  for (const std::size_t i : examples_to_compare(dataset, kRowsCompared)) {
    const auto row = table.row(i);
    program->run({program->input(), reinterpret_cast<const std::byte*>(row.data())}, outs,
                 *workspace);
    GRAFT_TRY(check(options.output_graph, compare(head, row, scores, 0, dataset.examples[i].path)));
  }
  return {};
}

Result<void> verify_photos(const RetrainOptions& options, const Dataset& dataset,
                           const Features& features, Backbone& backbone, const Head& head) {
  ClassifierOptions load;
  load.graph_path = options.output_graph;
  load.backend = options.backend;
  GRAFT_ASSIGN(const Classifier classifier, Classifier::load(load));
  const auto session = classifier.make_session();
  // Vectors from text files may come from another build of the network: the photo's own count.
  std::unique_ptr<Extractor> extractor;
  if (features.stats.from_text > 0) {
    GRAFT_TRY(backbone.compile());
    extractor = backbone.make_extractor();
  }
  std::vector<float> own(features.table.width());
  std::size_t compared = 0;
  for (const std::size_t i : examples_to_compare(dataset, 10 * kPhotosCompared)) {
    Bytes photo;
    if (!read_file(dataset.examples[i].path, photo).ok()) continue;
    std::span<const float> row = features.table.row(i);
    if (extractor) {
      if (!extractor->run(photo, own).ok()) continue;
      row = own;
    } else if (xxh3_128(photo) != features.table.content(i)) {
      continue;  // changed since it was trained on: says nothing about the graph
    }
    const auto scores = session->scores(photo);
    if (!scores.ok()) continue;
    GRAFT_TRY(check(options.output_graph,
                    compare(head, row, *scores, kFeatureTolerance, dataset.examples[i].path)));
    if (++compared == kPhotosCompared) break;
  }
  return {};
}

}  // namespace

std::vector<std::string> labels_of(const Dataset& dataset) {
  std::vector<std::string> labels;
  for (const Class& c : dataset.classes) labels.push_back(c.label);
  return labels;
}

Evaluation final_test(const RetrainOptions& options, const Dataset& dataset,
                      const FeatureTable& table, const Head& head) {
  const BatchSampler sampler(dataset, Split::kTesting, options.seed);
  const auto examples = sampler.sample(0, options.test_batch_size);
  HeadTrainer trainer(Head{head.weights.clone(), head.biases.clone()}, 0);
  const auto classes = static_cast<std::size_t>(head.classes());
  std::vector<ScoredExample> scored;
  scored.reserve(examples.size());
  for (std::size_t first = 0; first < examples.size(); first += kTestChunk) {
    const auto chunk =
        std::span(examples).subspan(first, std::min(kTestChunk, examples.size() - first));
    trainer.evaluate(batch_of(table, dataset, chunk));
    for (std::size_t c = 0; c < chunk.size(); ++c) {
      const auto scores = trainer.scores().subspan(c * classes, classes);
      const Example& example = dataset.examples[chunk[c]];
      const auto best = std::max_element(scores.begin(), scores.end());
      scored.push_back({example.path, example.label,
                        static_cast<std::int32_t>(best - scores.begin()), *best,
                        scores[static_cast<std::size_t>(example.label)]});
    }
  }
  return evaluate(labels_of(dataset), scored);
}

Result<std::string> GraphMaker::save(const Head& head, const std::string& path) const {
  GRAFT_ASSIGN(wire::GraphDef graph,
               build_retrained_graph(backbone_def, spec, head, options.final_tensor_name));
  SideFile side;
  side.architecture = spec.architecture;
  side.backbone_fingerprint = backbone_fingerprint;
  side.input_tensor = spec.input_tensor;
  side.feature_tensor = spec.feature_tensor;
  side.output_tensor = options.final_tensor_name + ":0";
  side.input_height = spec.height();
  side.input_width = spec.width();
  side.mean = spec.norm.mean;
  side.std = spec.norm.std;
  side.apply_exif_orientation = options.apply_exif_orientation;
  side.decode_rule = options.decode_rule;
  for (const std::string& label : labels) side.labels.push_back(printable(label));
  side.int8_ranges = int8_ranges;
  side.split = SplitRecord{printable(options.image_dir),
                           printable(absolute_path(options.image_dir)),
                           options.testing_percentage,
                           options.validation_percentage,
                           options.split_key == SplitKey::kPath ? "path" : "relative",
                           options.split_seed};
  return save_retrained_graph(std::move(graph), std::move(side), path);
}

Result<std::string> GraphMaker::event_graph(const Head& head) const {
  GRAFT_ASSIGN(wire::GraphDef graph,
               build_retrained_graph(backbone_def, spec, head, options.final_tensor_name));
  for (wire::NodeDef& node : *graph.mutable_node()) {
    const auto value = node.mutable_attr()->find("value");
    if (value == node.mutable_attr()->end() || !value->second.has_tensor()) continue;
    wire::TensorProto& tensor = *value->second.mutable_tensor();
    if (tensor.ByteSizeLong() <= kMaxEventConstant) continue;
    const wire::DataType type = tensor.dtype();
    wire::TensorShapeProto shape;
    shape.Swap(tensor.mutable_tensor_shape());
    tensor.Clear();
    tensor.set_dtype(type);
    tensor.mutable_tensor_shape()->Swap(&shape);
  }
  return wire::serialize(graph);
}

Result<void> verify_graph(const RetrainOptions& options, const Dataset& dataset,
                          const Features& features, Backbone* backbone, const Head& head,
                          int threads) {
  std::array<Result<void>, 2> outcomes;
  parallel_for(outcomes.size(), threads, {}, [&](std::size_t i, int) {
    if (i == 0) {
      outcomes[i] = verify_head(options, dataset, features.table, head);
    } else if (backbone != nullptr) {
      outcomes[i] = verify_photos(options, dataset, features, *backbone, head);
    }
  });
  GRAFT_TRY(std::move(outcomes[0]));
  return std::move(outcomes[1]);
}

}  // namespace graft
