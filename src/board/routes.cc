#include <algorithm>
#include <array>

#include "base/text.h"
#include "board/board_context.h"

namespace graft {
namespace {

// Whether the path is of that pattern; id: the part that stands for {}.
bool matches(std::string_view pattern, std::string_view path, std::string& id) {
  const std::size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return pattern == path;
  const std::string_view before = pattern.substr(0, hole), behind = pattern.substr(hole + 2);
  if (path.size() <= before.size() + behind.size() || !path.starts_with(before) ||
      !path.ends_with(behind)) {
    return false;
  }
  const std::string_view part =
      path.substr(before.size(), path.size() - before.size() - behind.size());
  const auto is_id = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (part.size() > 64 || !std::all_of(part.begin(), part.end(), is_id)) return false;
  id = part;
  return true;
}

HttpResponse nothing_here(BoardContext&, const HttpRequest& request, const std::string&) {
  return error_response(
      not_found(printable_start(request.path) + ": nothing is there: see docs/board_api"));
}

HttpResponse other_method(BoardContext&, const HttpRequest& request, const std::string&) {
  return error_response(
      invalid_argument(printable_start(request.path) + ": is not asked for in this way: see " +
                       "docs/board_api for its method"),
      405);
}

HttpResponse page(BoardContext& context, const HttpRequest& request, const std::string&) {
  return page_response(context, request);
}

HttpResponse events(BoardContext&, const HttpRequest&, const std::string&) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.headers = {{"Cache-Control", "no-store"}};
  response.stream = true;
  return response;
}

constexpr std::array<Route, 3> kOwnRoutes = {{
    {Method::kGet, "/", Lane::kLight, page},
    {Method::kGet, "/index.html", Lane::kLight, page},
    {Method::kGet, "/api/events", Lane::kNow, events},
}};
constexpr Route kNothing = {Method::kGet, "", Lane::kNow, nothing_here};
constexpr Route kOtherMethod = {Method::kGet, "", Lane::kNow, other_method};
constexpr Route kFile = {Method::kGet, "", Lane::kNow, page};

}  // namespace

const Route& find_route(const HttpRequest& request, std::string& id) {
  bool known_path = false;
  const Method asked = request.method == Method::kHead ? Method::kGet : request.method;
  for (const std::span<const Route> table :
       {std::span<const Route>(kOwnRoutes), state_routes(), log_routes(), photo_routes(),
        work_routes(), tensorboard_routes()}) {
    for (const Route& route : table) {
      if (!matches(route.pattern, request.path, id)) continue;
      if (route.method == asked) return route;
      known_path = true;
    }
  }
  if (known_path) return kOtherMethod;
  if (request.path.starts_with("/api/") || request.path.starts_with("/data/")) return kNothing;
  return asked == Method::kGet ? kFile : kOtherMethod;
}

Json to_json(const RunInfo& run) {
  return {{"id", run.id},
          {"name", run.name},
          {"group", run.group},
          {"kind", run.kind},
          {"started", json_number(run.started)},
          {"updated", json_number(run.updated)},
          {"last_step", run.last_step},
          {"events", run.events},
          {"damaged", run.damaged},
          {"restarts", run.restarts}};
}

Json to_json(const LogProblem& problem) {
  return {{"severity", problem.error ? "error" : "warning"},
          {"message", printable(problem.message)},
          {"run", problem.run.empty() ? Json(nullptr) : Json(problem.run)}};
}

}  // namespace graft
