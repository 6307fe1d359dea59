// Which of the codelab's networks a graph is, told by its nodes and shapes, whatever its file is
// called. Thread rule: pure functions.
#pragma once

#include "base/result.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"

namespace graft {

// Inception V3 by its own nodes; a MobileNet V1 by the width of its last layer, the size of its
// input, and whether weights are kept in 8 bits. One whose last layer was never trained (all biases
// 0) and that has the built-in network's shape is taken for that. kUnsupported: none of them, or a
// classifier that was already retrained. The import's errors for a graph that is damaged.
// Messages have no subject: the caller knows the file.
Result<ModelSpec> identify_network(const wire::GraphDef& def);

}  // namespace graft
