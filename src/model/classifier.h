// A finished classifier: photo bytes → labelled scores, from a retrained graph and its side file,
// or from any frozen graph with the preprocessing given by hand. Thread rule: Classifier is
// immutable and shared; a Session belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/program.h"
#include "image/decode.h"

namespace graft {

// Fields left empty come from the side file, else from the graph itself (input placeholder's shape,
// MobileNet's or Inception's node names), else label_image.py's defaults.
struct ClassifierOptions {
  std::string graph_path;
  std::string
      labels_path;  // empty: the side file's labels, else "<graph dir>/retrained_labels.txt"
  std::optional<int> input_height, input_width;
  std::optional<float> input_mean, input_std;
  std::string input_layer, output_layer;
  std::string backend;
};

struct Prediction {
  int label = 0;  // index into labels()
  float score = 0;
};

class Classifier {
 public:
  // Errors name the file. A label count that differs from the output's width is kCorrupt.
  static Result<Classifier> load(const ClassifierOptions& options);
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();

  const std::vector<std::string>& labels() const;
  // "input 224x224 mean 127.5 std 127.5, from retrained_graph.json" for people.
  std::string preprocessing() const;
  const std::vector<std::string>& warnings() const;  // a side file of another graph, say

  class Session {
   public:
    ~Session();
    // All K scores, label order.
    Result<std::vector<float>> scores(std::span<const std::byte> photo, DecodeNote* note = nullptr);

   private:
    friend class Classifier;
    struct State;
    explicit Session(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  std::unique_ptr<Session> make_session() const;

 private:
  struct State;
  explicit Classifier(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The k best, best first; equal scores in label order.
std::vector<Prediction> top_k(std::span<const float> scores, int k);

}  // namespace graft
