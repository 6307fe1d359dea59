// Bytes as HTTP/1.1 requests: what of them is refused before they are handed over.
// Non-goals: sockets and times (http_server.h). Internal to the board room, as it shows
// Boost.Beast. Thread rule: pure functions.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "board/http.h"
#include "board/http_server.h"

namespace graft {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// What is answered to bytes that are no request: 400, 413, 431. nullopt: nothing went wrong, or the
// connection itself did.
std::optional<HttpResponse> refusal_of(const boost::system::error_code& failure);
// `into` becomes the request whose header has been read, without its body. Else the refusal: 400,
// 414, 501, or the guard's.
std::optional<HttpResponse> take_header(const RequestParser& parser, const HttpLimits& limits,
                                        const Guard& guard, HttpRequest& into);

}  // namespace graft
