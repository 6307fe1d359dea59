#include <iterator>

#include "graph/test_graph.h"

namespace graft {

std::vector<TensorFlowCase> tensorflow_cases() {
  TensorFlowCase all[] = {
#include "graph/expected_from_tensorflow.inc"
  };
  return {std::make_move_iterator(std::begin(all)), std::make_move_iterator(std::end(all))};
}

ImportOptions from_x_to_y() {
  ImportOptions options;
  options.input = "x";
  options.outputs = {"y"};
  return options;
}

}  // namespace graft
