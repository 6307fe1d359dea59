// Requests and responses as plain values, and what can be said of a request before it is answered.
// Non-goals: sockets (http_server.h), what the routes mean. Thread rule: plain values; pure
// functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace graft {

enum class Method : std::uint8_t { kGet, kHead, kPost, kDelete };

struct HttpRequest {
  Method method = Method::kGet;
  std::string path;                                          // decoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  // The first of that name; "" when there is none.
  std::string param(std::string_view name) const;
  bool has_param(std::string_view name) const;
  // kInvalidArgument: there, but no whole number within the limits. nullopt: not there.
  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t low,
                                              std::int64_t high) const;
  Result<std::optional<double>> number(std::string_view name) const;  // finite
  std::string header(std::string_view lower_case_name) const;
  std::size_t count_headers(std::string_view lower_case_name) const;
  std::string cookie(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string_view constant;  // instead of body: bytes that live as long as the program
  std::vector<std::pair<std::string, std::string>> headers;
  bool stream = false;  // this connection becomes a push channel
};

HttpResponse json_response(const Json& value, int status = 200);
// {"error": {"kind", "message"}} with the status that belongs to the kind, or this one.
HttpResponse error_response(const Error& error, int status = 0);
// NaN and infinities become null.
Json json_number(double value);

// "/a%20b?x=1&y" → path and query. kInvalidArgument: no origin-form target, a bad escape, a control
// character or NUL in the path.
Result<void> parse_target(std::string_view target, HttpRequest& into);

// Who may ask. Names are compared without their port: what matters is that no other site's name
// leads here, and people forward ports.
struct Guard {
  std::vector<std::string>
      hosts;                 // besides loopback: what the server was told to serve, lower case
  bool any_address = false;  // every address literal (a server on 0.0.0.0)
  std::string token;         // of POST, DELETE and `guarded` paths
  std::string key;           // of every request; "" when only this machine can ask
};
// nullopt: go on. Else the refusal: 400, 401, 403.
std::optional<HttpResponse> refuse(const Guard& guard, const HttpRequest& request);

}  // namespace graft
