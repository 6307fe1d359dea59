#include "cli/classifier_options.h"

#include "base/file.h"
#include "base/text.h"

namespace graft {

void declare_classifier(Options& options, ClassifierOptions& classifier) {
  classifier.graph_path = "tf_files/retrained_graph.pb";
  options.text("graph", classifier.graph_path, "FILE", "The trained graph.");
  options.text("labels", classifier.labels_path, "FILE",
               "Labels, one a line. Without it, those saved with the graph.");
  options.text("backend", classifier.backend, "NAME",
               "Force one kernel library; `reference` is slow.");
}

void declare_preprocessing(Options& options, ClassifierOptions& classifier) {
  options.group("For graphs without a side file (graft's own carry all of this)");
  options.integer("input_height", classifier.input_height, "Height of the network's input.", 1,
                  8192);
  options.integer("input_width", classifier.input_width, "Width of the network's input.", 1, 8192);
  options.number("input_mean", classifier.input_mean, "Subtracted from each pixel value.", -1e6,
                 1e6);
  options.number("input_std", classifier.input_std, "Divides what is left.", 1e-6, 1e6);
  options.text("input_layer", classifier.input_layer, "NAME", "Name of the network's input.");
  options.text("output_layer", classifier.output_layer, "NAME", "Name of its scores.");
}

Result<Classifier> load_classifier(const Options& options, const ClassifierOptions& classifier) {
  if (classifier.graph_path.empty()) {
    return invalid_argument(
        "--graph: its value is empty (a shell variable that was never set?): name a .pb file");
  }
  if (!options.given("graph") && !exists(classifier.graph_path)) {
    return not_found(printable(classifier.graph_path) +
                     ": there is no such file here: train a classifier with graft retrain, or name "
                     "yours with --graph");
  }
  return Classifier::load(classifier);
}

}  // namespace graft
