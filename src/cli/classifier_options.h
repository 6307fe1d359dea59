// The options that say which classifier, shared by label and evaluate. Thread rule: each call
// stands alone.
#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "model/classifier.h"

namespace graft {

// --graph, --labels, --backend.
void declare_classifier(Options& options, ClassifierOptions& classifier);
// label_image.py's --input_height … --output_layer, under a heading of their own.
void declare_preprocessing(Options& options, ClassifierOptions& classifier);

// Classifier::load, with an answer for those who have not trained one yet. kInvalidArgument: an
// empty --graph.
Result<Classifier> load_classifier(const Options& options, const ClassifierOptions& classifier);

}  // namespace graft
