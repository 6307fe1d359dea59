// A network of the user's own: any frozen classifier made of handled ops, described by a ModelSpec
// as the codelab's networks are, so that nothing else has to know the difference.
// Thread rule: pure functions of the file system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/source.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"

namespace graft {

// What the user says of it; what is left out is found in the graph.
struct CustomNetwork {
  std::string graph;                          // the .pb; empty: none is meant
  std::string input_layer, bottleneck_layer;  // empty: the only ones that can be meant
  std::optional<int> input_height, input_width;
  std::optional<float> input_mean, input_std;
  bool is_given() const { return !graph.empty(); }
};

struct OpenedNetwork {
  ModelSpec spec;  // architecture: the file's name
  ModelBytes bytes;
  wire::GraphDef def;  // parsed from the bytes
  std::string chosen;  // one line: "my.pb: photos enter at "input" (224x224 …), …"
  std::vector<std::string> warnings;
};

// A graph that holds the layers of one of all_models() takes its mean and std from there, any other
// -1 to 1 with a warning, unless the user says it. Errors: MappedFile::open's, parse_graph_def's,
// feature_candidates' and import_graph_def's with the file in front; kInvalidArgument: several
// layers could be meant (they are listed), no size, a layer that does not exist or is no feature.
Result<OpenedNetwork> open_custom_network(const CustomNetwork& custom);

// One of all_models() whose layers the graph has; nullptr: none.
const ModelSpec* relative_of(const wire::GraphDef& def);

}  // namespace graft
