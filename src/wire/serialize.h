// Messages → bytes, the same bytes for the same content: attributes are a map, and protobuf alone
// promises no order for maps. Thread rule: pure functions.
#pragma once

#include <google/protobuf/message_lite.h>

#include <span>
#include <string>

#include "base/result.h"

namespace graft::wire {

// Map entries stand in ascending order of their keys; unknown fields follow the known ones of their
// message. kUnsupported when the message would not fit protobuf's limit of 2 GiB.
Result<std::string> serialize(const google::protobuf::MessageLite& message);

// Bytes → message, for files that others wrote. False when they are not such a message, or nest
// deeper than 100, or are larger than 2 GiB. Nothing is printed. `message` is overwritten.
bool parse(std::span<const std::byte> bytes, google::protobuf::MessageLite& message);

}  // namespace graft::wire
