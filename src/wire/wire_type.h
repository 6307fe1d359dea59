// How a protocol buffer's field is laid down: the lowest three bits of its key.
// Source: protobuf.dev/programming-guides/encoding.
#pragma once

namespace graft::wire::wire_type {

inline constexpr int kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

}  // namespace graft::wire::wire_type
