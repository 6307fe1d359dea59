#include "board/http.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/text.h"

namespace graft {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// nullopt: a bad escape.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// "localhost:6006" → "localhost", "[::1]:6006" → "[::1]". nullopt: no such thing.
std::optional<std::string> host_name(std::string_view host) {
  std::size_t end = host.find(':');
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    end = close + 1;
  }
  const std::string_view name = host.substr(0, end);
  if (name.empty()) return std::nullopt;
  if (end < host.size()) {
    const std::string_view port = host.substr(end);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (port.front() != ':' || port.size() > 6 ||
        !std::all_of(port.begin() + 1, port.end(), is_digit)) {
      return std::nullopt;
    }
  }
  return to_lower_ascii(name);
}

bool is_address(std::string_view name) {
  if (name.starts_with('[')) return true;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

// Equal without telling by the time taken how much of it is.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

bool needs_token(const HttpRequest& request) {
  return request.method == Method::kPost || request.method == Method::kDelete ||
         request.path == "/api/folders";
}

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kInvalidArgument:
      return "invalid_argument";
    case ErrorKind::kIo:
      return "io";
    case ErrorKind::kCancelled:
      return "cancelled";
  }
  return "io";
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kCorrupt:
    case ErrorKind::kUnsupported:
      return 422;
    case ErrorKind::kInvalidArgument:
      return 400;
    case ErrorKind::kIo:
      return 500;
    case ErrorKind::kCancelled:
      return 503;
  }
  return 500;
}

}  // namespace

std::string HttpRequest::param(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

bool HttpRequest::has_param(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& p) { return p.first == name; });
}

Result<std::optional<std::int64_t>> HttpRequest::integer(std::string_view name, std::int64_t low,
                                                         std::int64_t high) const {
  if (!has_param(name)) return std::optional<std::int64_t>();
  const std::string text = param(name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    return invalid_argument("parameter " + printable_start(name) + "=" + printable_start(text) +
                            ": give a whole number from " + std::to_string(low) + " to " +
                            std::to_string(high));
  }
  return std::optional<std::int64_t>(value);
}

Result<std::optional<double>> HttpRequest::number(std::string_view name) const {
  if (!has_param(name)) return std::optional<double>();
  const std::string text = param(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return invalid_argument("parameter " + printable_start(name) + "=" + printable_start(text) +
                            ": is no number: give one, as 12.5");
  }
  return std::optional<double>(value);
}

std::string HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

std::size_t HttpRequest::count_headers(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; }));
}

std::string HttpRequest::cookie(std::string_view name) const {
  const std::string all = header("cookie");
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::string pair = trim(one);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
  }
  return "";
}

HttpResponse json_response(const Json& value, int status) {
  HttpResponse response;
  response.status = status;
  response.body = dump_json(value, -1);
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

HttpResponse error_response(const Error& error, int status) {
  return json_response(
      {{"error", {{"kind", kind_name(error.kind)}, {"message", printable(error.message)}}}},
      status != 0 ? status : status_of(error.kind));
}

Json json_number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Result<void> parse_target(std::string_view target, HttpRequest& into) {
  const std::size_t question = target.find('?');
  const auto path = percent_decoded(target.substr(0, question), false);
  if (!path || !path->starts_with('/') || has_control(*path)) {
    return invalid_argument("request: its target cannot be read: ask for a path, as /api/runs");
  }
  into.path = *path;
  into.query.clear();
  if (question == std::string_view::npos) return {};
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    const auto name = percent_decoded(one.substr(0, equals), true);
    const auto value = percent_decoded(
        equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1), true);
    if (!name || !value) {
      return invalid_argument("request: a % in its query is not followed by two hexadecimal " +
                              std::string("digits: write %25 for it"));
    }
    into.query.emplace_back(*name, *value);
  }
  return {};
}

std::optional<HttpResponse> refuse(const Guard& guard, const HttpRequest& request) {
  if (request.count_headers("host") != 1) {
    return error_response(invalid_argument("request: it has no Host header, or more than one: "
                                           "send one"),
                          400);
  }
  const std::string host = request.header("host");
  const std::optional<std::string> name = host_name(host);
  if (!name) {
    return error_response(invalid_argument("request: its Host header cannot be read: send "
                                           "the address that the program printed"),
                          400);
  }
  constexpr std::array<std::string_view, 3> kLoopback = {"localhost", "127.0.0.1", "[::1]"};
  const bool known =
      std::find(kLoopback.begin(), kLoopback.end(), *name) != kLoopback.end() ||
      std::find(guard.hosts.begin(), guard.hosts.end(), *name) != guard.hosts.end() ||
      (guard.any_address && is_address(*name));
  if (!known) {
    return error_response(
        invalid_argument("host " + printable_start(*name) +
                         ": is not an address that this server was told to serve: use the one "
                         "that it printed, or start it with --host=" +
                         printable_start(*name)),
        403);
  }
  const std::string origin = request.header("origin");
  if (request.count_headers("origin") > 1 ||
      (!origin.empty() && to_lower_ascii(origin) != "http://" + to_lower_ascii(host))) {
    return error_response(invalid_argument("origin " + printable_start(origin) +
                                           ": another site may not ask: open the page itself"),
                          403);
  }
  if (request.path != "/" && request.header("sec-fetch-site") == "cross-site") {
    return error_response(
        invalid_argument("request: it comes from another site: open the page itself"), 403);
  }
  if (!guard.key.empty() && !same_secret(request.cookie("graft_key"), guard.key) &&
      !same_secret(request.param("key"), guard.key)) {
    return error_response(
        invalid_argument("request: the access key is missing: open the whole address that the "
                         "program printed, with its ?key="),
        401);
  }
  if (needs_token(request) && !same_secret(request.header("x-graft-token"), guard.token)) {
    return error_response(
        invalid_argument("request: the token of this start of the program is missing: load the "
                         "page anew"),
        403);
  }
  return std::nullopt;
}

}  // namespace graft
