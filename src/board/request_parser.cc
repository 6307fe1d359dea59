#include "board/request_parser.h"

#include <string>

#include "base/text.h"

namespace graft {

namespace http = boost::beast::http;

std::optional<HttpResponse> refusal_of(const boost::system::error_code& failure) {
  if (!failure || failure == http::error::end_of_stream ||
      failure == http::error::partial_message ||
      failure.category() != http::make_error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  if (failure == http::error::header_limit) {
    return error_response(invalid_argument("request: its header is too large: send less"), 431);
  }
  if (failure == http::error::body_limit) {
    return error_response(invalid_argument("request: its body is too large: send at most 20 MB"),
                          413);
  }
  return error_response(
      invalid_argument("request: is not well-formed HTTP/1.1: " + failure.message()), 400);
}

std::optional<HttpResponse> take_header(const RequestParser& parser, const HttpLimits& limits,
                                        const Guard& guard, HttpRequest& into) {
  const auto& message = parser.get();
  const auto bad = [](const char* why, int status) {
    return error_response(invalid_argument(std::string("request: ") + why), status);
  };
  into = {};
  switch (message.method()) {
    case http::verb::get:
      into.method = Method::kGet;
      break;
    case http::verb::head:
      into.method = Method::kHead;
      break;
    case http::verb::post:
      into.method = Method::kPost;
      break;
    case http::verb::delete_:
      into.method = Method::kDelete;
      break;
    default:
      return bad("its method is not one that is answered here: use GET, POST or DELETE", 501);
  }
  if (message.target().size() > limits.target_bytes) {
    return bad("its address is too long: ask for less at once", 414);
  }
  if (auto parsed = parse_target({message.target().data(), message.target().size()}, into);
      !parsed.ok()) {
    return error_response(parsed.error(), 400);
  }
  for (const auto& field : message) {
    into.headers.emplace_back(
        to_lower_ascii({field.name_string().data(), field.name_string().size()}),
        std::string(field.value().data(), field.value().size()));
  }
  // One way only to say where a body ends: what two parties read differently can smuggle.
  if (into.count_headers("transfer-encoding") > 0) {
    return bad("Transfer-Encoding is not taken: send Content-Length", 501);
  }
  if (into.count_headers("content-length") > 1) {
    return bad("it has more than one Content-Length: send one", 400);
  }
  const std::string length_text = into.header("content-length");
  if (length_text.find_first_not_of("0123456789") != std::string::npos) {
    return bad("its Content-Length is no number: send one", 400);
  }
  if (auto refusal = refuse(guard, into)) return refusal;
  if (parser.content_length().value_or(0) > 0 && into.method != Method::kPost) {
    return bad("it has a body, which only POST may have: leave it out", 400);
  }
  return std::nullopt;
}

}  // namespace graft
