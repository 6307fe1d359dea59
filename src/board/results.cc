#include "board/results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "board/http.h"
#include "data/feature_cache.h"
#include "graph/import.h"
#include "graph/program.h"
#include "graph/rewrite.h"
#include "model/export.h"

namespace graft {
namespace {

const Json* test_of(const Training& training) {
  if (!training.record.contains("result") || !training.record["result"].is_object()) return nullptr;
  const Json& result = training.record["result"];
  if (!result.contains("test") || !result["test"].is_object()) return nullptr;
  return &result["test"];
}

std::int32_t label_index(const std::vector<std::string>& labels, const std::string& label) {
  const auto found = std::find(labels.begin(), labels.end(), label);
  return found == labels.end() ? -1 : static_cast<std::int32_t>(found - labels.begin());
}

std::string key_of(const Training& training) {
  return training.id + training.graph_sha256;
}

double number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : NAN;
}
std::string text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// The new layer of a retrained graph: cached feature → scores.
class HeadOnFeatures {
 public:
  // nullopt: this is no graph of ours, or its features are of another width.
  static std::optional<HeadOnFeatures> open(const std::string& graph_path, int width) {
    const auto file = MappedFile::open(graph_path);
    if (!file.ok()) return std::nullopt;
    const auto def = parse_graph_def(file->bytes());
    if (!def.ok()) return std::nullopt;
    const auto side = embedded_side_file(*def);
    if (!side.ok()) return std::nullopt;
    ImportOptions import;
    for (const auto& node : def->node()) {
      if (node.name().ends_with("/BottleneckInputPlaceholder")) import.input = node.name();
    }
    if (import.input.empty()) return std::nullopt;
    import.outputs = {side->output_tensor.substr(0, side->output_tensor.rfind(':'))};
    import.input_shape = {1, width};
    const auto graph = import_graph_def(*def, import);
    if (!graph.ok()) return std::nullopt;
    auto program = Program::compile(*graph, import.outputs);
    if (!program.ok() || program->input().shape.elements() != width ||
        program->outputs()[0].dtype != DType::kF32) {
      return std::nullopt;
    }
    return HeadOnFeatures(std::move(program).value());
  }

  std::vector<float> scores(std::span<const float> feature) {
    std::copy(feature.begin(), feature.end(), input_.as<float>().begin());
    const TensorSpec& spec = program_->outputs()[0];
    std::vector<float> out(static_cast<std::size_t>(spec.shape.elements()));
    const std::array<MutableTensorView, 1> outs = {
        MutableTensorView{spec, reinterpret_cast<std::byte*>(out.data())}};
    program_->run(std::as_const(input_).view(), outs, *workspace_);
    return out;
  }

 private:
  explicit HeadOnFeatures(Program program)
      : program_(std::make_unique<Program>(std::move(program))),
        input_(program_->input()),
        workspace_(program_->make_workspace()) {}
  std::unique_ptr<Program> program_;
  Tensor input_;
  Program::WorkspacePtr workspace_;
};

}  // namespace

Json evaluation_json(const Training& training) {
  const Json* test = test_of(training);
  const auto field = [&](const char* key, Json otherwise) {
    if (test == nullptr || !test->contains(key)) return otherwise;
    return (*test)[key];
  };
  return {{"state", test == nullptr ? "none" : "ready"},
          {"message",
           test != nullptr ? Json(nullptr) : Json("the training has not come to its final test")},
          {"labels", training.labels},
          {"photos", field("photos", 0)},
          {"correct", field("correct", 0)},
          {"accuracy", field("accuracy", nullptr)},
          {"interval_95", field("interval_95", nullptr)},
          {"confusion", field("confusion", Json::array())},
          {"classes", field("classes", Json::array())}};
}

std::vector<Sample> mistakes_of(const Training& training, const PhotoSet* set) {
  std::unordered_map<std::string, std::string> ids;
  if (set != nullptr) {
    for (std::size_t i = 0; i < set->ids.size(); ++i) {
      ids[shown_name(set->dataset.examples[i])] = set->ids[i];
    }
  }
  std::vector<Sample> out;
  const Json* test = test_of(training);
  if (test == nullptr || !test->contains("mistakes")) return out;
  for (const Json& mistake : (*test)["mistakes"]) {
    if (!mistake.is_object()) continue;
    Sample sample;
    const std::string path = text(mistake, "path");
    sample.file = file_name(parent_directory(path)) + "/" + file_name(path);
    const auto id = ids.find(sample.file);
    if (id != ids.end()) sample.id = id->second;
    sample.truth = label_index(training.labels, text(mistake, "truth"));
    sample.predicted = label_index(training.labels, text(mistake, "predicted"));
    if (sample.truth < 0 || sample.predicted < 0) continue;
    sample.score = number(mistake, "score");
    sample.truth_score = number(mistake, "truth_score");
    out.push_back(std::move(sample));
  }
  return out;
}

Result<std::vector<Sample>> Results::compute(const Training& training) {
  GRAFT_ASSIGN(const std::shared_ptr<const PhotoSet> set, photos_.set(training.id));
  const std::string classifier_id = classifiers_.of_training(training.id);
  if (classifier_id.empty()) {
    return not_found(printable(training.output_graph) +
                     ": the graph of this training is not there any more (a later one may have "
                     "written over it): give each training its own --output_graph");
  }
  const auto entry = classifiers_.find(classifier_id);
  std::optional<HeadOnFeatures> head;
  std::optional<FeatureCache::Snapshot> cached;
  const std::string cache_dir = locate(training, training.bottleneck_dir);
  // open() makes the folder and the file where they are missing, which is not for a viewer to do.
  if (!cache_dir.empty() && exists(join_path(cache_dir, "features.cache")) && entry) {
    head = HeadOnFeatures::open(entry->file, training.feature_width);
    if (const auto cache = FeatureCache::open(cache_dir); cache.ok() && head) {
      if (auto snapshot = cache->snapshot(); snapshot.ok()) cached = std::move(snapshot).value();
    }
  }
  const Hash128 space = space_of(training.feature_space);
  std::shared_ptr<const Classifier> classifier;
  std::unique_ptr<Classifier::Session> session;
  std::vector<Sample> samples;
  Bytes bytes;
  for (std::size_t i = 0; i < set->dataset.examples.size(); ++i) {
    if (stopping_) return cancelled("scores: the board ends: ask again");
    const Example& example = set->dataset.examples[i];
    const Class& own = set->dataset.classes[static_cast<std::size_t>(example.label)];
    Sample sample;
    sample.truth = label_index(training.labels, printable(own.label));
    if (sample.truth < 0 || !read_file(example.path, bytes).ok()) continue;
    std::vector<float> scores;
    if (cached) {
      const auto feature =
          cached->find({xxh3_128(bytes), space}, static_cast<std::size_t>(training.feature_width));
      if (feature) scores = head->scores(*feature);
    }
    if (scores.empty()) {
      if (!session) {
        GRAFT_ASSIGN(classifier, classifiers_.load(classifier_id));
        session = classifier->make_session();
      }
      auto computed = session->scores(bytes);
      if (!computed.ok()) continue;  // a photo that cannot be read is told of as a problem
      scores = std::move(computed).value();
    }
    if (scores.size() != training.labels.size()) continue;
    sample.predicted = top_k(scores, 1).front().label;
    sample.id = set->ids[i];
    sample.file = shown_name(example);
    sample.score = static_cast<double>(scores[static_cast<std::size_t>(sample.predicted)]);
    sample.truth_score = static_cast<double>(scores[static_cast<std::size_t>(sample.truth)]);
    sample.split = example.split;
    samples.push_back(std::move(sample));
  }
  return samples;
}

void Results::forget_others(const std::string& key) {
  std::set<std::string> there = {key};
  for (const auto& training : trainings_.all()) there.insert(key_of(*training));
  std::erase_if(scores_, [&](const auto& entry) { return !there.contains(entry.first); });
}

Results::Scores Results::scores(const std::shared_ptr<const Training>& training) {
  const std::string key = key_of(*training);
  {
    const std::lock_guard lock(mutex_);
    const auto known = scores_.find(key);
    if (known != scores_.end()) {
      Scores scores = known->second;
      if (scores.state == State::kFailed) scores_.erase(known);
      return scores;
    }
    forget_others(key);
    scores_[key] = {};
  }
  const bool posted = pool_.post([this, training, key] {
    auto computed = compute(*training);
    Scores scores;
    scores.state = computed.ok() ? State::kReady : State::kFailed;
    if (computed.ok()) {
      scores.samples = std::make_shared<const std::vector<Sample>>(std::move(computed).value());
    } else {
      scores.message = computed.error().message;
    }
    const std::lock_guard lock(mutex_);
    scores_[key] = std::move(scores);
  });
  if (posted) return {};
  const std::lock_guard lock(mutex_);
  scores_.erase(key);
  return {State::kFailed, "scores: too much is asked for at once: try again in a moment", nullptr};
}

}  // namespace graft
