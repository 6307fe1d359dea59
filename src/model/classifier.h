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
  bool class_maps = false;  // so that Session::look() can say where the network looks
};

// What a classifier makes of one photo, and where in it.
struct Look {
  std::vector<float> scores;  // label order
  int width = 0, height = 0;  // of the photo
  double decode_seconds = 0, network_seconds = 0;
  // What each place adds to the logit of `label`, rows × columns, top left first: they and bias
  // sum to logit up to float32's rounding. Empty where there is no map.
  int label = 0, rows = 0, columns = 0;
  std::vector<double> values;
  double bias = 0, logit = 0;
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
  // Whether look() gives maps: asked for when loading, and the network is of a kind that allows it.
  bool has_class_maps() const;

  class Session {
   public:
    ~Session();
    // All K scores, label order.
    Result<std::vector<float>> scores(std::span<const std::byte> photo, DecodeNote* note = nullptr);
    // The scores and, where there are maps, that of `label`; nullopt: of the best.
    Result<Look> look(std::span<const std::byte> photo, std::optional<int> label);

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
