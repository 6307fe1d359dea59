// TensorProto → Tensor, with every size checked before memory is taken. Internal to the graph room.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "tensor/tensor.h"
#include "wire/graph_def.pb.h"

namespace graft {

// What the constants of a graph may still take, in bytes.
struct ConstantBudget {
  std::uint64_t bytes = 0;
  std::uint64_t filled_bytes = 0;  // of these, elements that the file does not hold one by one
};

// Bytes may stand in tensor_content (little endian, row-major, exactly shape × dtype), or as values
// in the dtype's *_val list, of which the last repeats to fill the shape and none means zeros (the
// rule of tensorflow/core/framework/tensor.cc). kCorrupt: sizes that do not match, values that do
// not fit their type, NaN or infinity; kUnsupported: a dtype beyond DType, or more than the budget,
// from which a tensor takes its part. Messages name no node. owner: what keeps `proto` alive; the
// tensor then is its tensor_content, not a copy, where that is aligned; nullptr: always a copy.
Result<std::shared_ptr<const Tensor>> tensor_of(const wire::TensorProto& proto,
                                                const std::shared_ptr<const void>& owner,
                                                ConstantBudget& budget);

}  // namespace graft
