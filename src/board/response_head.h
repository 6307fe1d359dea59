// The head of an answer, with what keeps a browser from being turned against the board.
#pragma once

#include <cstddef>
#include <string>

#include "board/http.h"

namespace graft {

// Status line and header fields (RFC 9112), the empty line included. body_bytes: of the body that
// follows, or would follow but for HEAD; nothing is said of it when the response is a stream. A
// pure function.
std::string response_head(const HttpResponse& response, std::size_t body_bytes, bool keep_alive);

}  // namespace graft
