// TensorBoard's own addresses, for scripts that were made for it. Source: the http_api.md of its
// plugins scalar and histogram, and backend/application.py.
#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/text.h"
#include "board/board_context.h"
#include "board/curve_view.h"

namespace graft {
namespace {

HttpResponse environment(BoardContext& context, const HttpRequest&, const std::string&) {
  std::string location;
  for (const Logdir& logdir : context.store.logdirs()) {
    if (!location.empty()) location += ",";
    location += (logdir.name.empty() ? "" : logdir.name + ":") + printable(logdir.path);
  }
  return json_response({{"version", "graft " GRAFT_VERSION},
                        {"data_location", location},
                        {"window_title", "Graft"},
                        {"experiment_name", ""},
                        {"experiment_description", ""},
                        {"creation_time", 0}});
}

HttpResponse logdir(BoardContext& context, const HttpRequest&, const std::string&) {
  const auto& logdirs = context.store.logdirs();
  return json_response({{"logdir", logdirs.empty() ? "" : printable(logdirs.front().path)}});
}

HttpResponse run_names(BoardContext& context, const HttpRequest&, const std::string&) {
  Json names = Json::array();
  for (const RunInfo& run : context.store.runs()) names.push_back(run.name);
  return json_response(names);
}

HttpResponse plugins(BoardContext&, const HttpRequest&, const std::string&) {
  const auto plugin = [](const char* tab) {
    return Json{{"enabled", true},
                {"remove_dom", false},
                {"tab_name", tab},
                {"disable_reload", false},
                {"loading_mechanism", {{"type", "NONE"}}}};
  };
  return json_response({{"scalars", plugin("Scalars")}, {"histograms", plugin("Histograms")}});
}

HttpResponse tag_list(BoardContext& context, std::vector<TagInfo> RunTags::*kind) {
  Json out = Json::object();
  for (const RunInfo& run : context.store.runs()) {
    const auto tags = context.store.tags(run.id);
    if (!tags || ((*tags).*kind).empty()) continue;
    Json& of_run = out[run.name] = Json::object();
    for (const TagInfo& tag : (*tags).*kind) {
      of_run[tag.tag] = {{"displayName", tag.tag}, {"description", ""}};
    }
  }
  return json_response(out);
}

HttpResponse scalar_tags(BoardContext& context, const HttpRequest&, const std::string&) {
  return tag_list(context, &RunTags::scalars);
}
HttpResponse histogram_tags(BoardContext& context, const HttpRequest&, const std::string&) {
  return tag_list(context, &RunTags::histograms);
}

Error no_run_named(const std::string& name) {
  return not_found("run " + printable_start(name) +
                   ": there is no such run: /data/runs lists them");
}

HttpResponse scalars(BoardContext& context, const HttpRequest& request, const std::string&) {
  const auto run = context.store.run_named(request.param("run"));
  if (!run) return error_response(no_run_named(request.param("run")));
  GRAFT_ROUTE_ASSIGN(const Curve curve, context.store.curve(run->id, request.param("tag")));
  if (request.param("format") == "csv") {
    HttpResponse response;
    response.content_type = "text/csv; charset=utf-8";
    response.body = csv_of(curve);
    return response;
  }
  Json points = Json::array();
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    points.push_back({json_number(curve.walls[i]), whole_step(curve.steps[i]),
                      json_number(static_cast<double>(curve.values[i]))});
  }
  return json_response(points);
}

HttpResponse histograms(BoardContext& context, const HttpRequest& request, const std::string&) {
  const auto run = context.store.run_named(request.param("run"));
  if (!run) return error_response(no_run_named(request.param("run")));
  const std::string tag = request.param("tag");
  GRAFT_ROUTE_ASSIGN(const auto places, context.store.blobs(run->id, SummaryKind::kHistogram, tag));
  Json list = Json::array();
  constexpr std::size_t kMost = 500;  // as TensorBoard keeps
  for (const std::size_t i : evenly_chosen(places.size(), kMost)) {
    Json buckets = Json::array();
    const auto read = read_blob(places[i], tag, [&](const EventValue& value) -> Result<void> {
      GRAFT_ASSIGN(const Histogram histogram, histogram_of(value));
      // As TensorBoard hands them out: every bucket, the outer edges at min and max.
      const std::size_t count = std::min(histogram.bucket.size(), histogram.bucket_limit.size());
      for (std::size_t k = 0; k < count; ++k) {
        const double left = k == 0 ? histogram.min : histogram.bucket_limit[k - 1];
        const double right = k + 1 == count ? histogram.max : histogram.bucket_limit[k];
        buckets.push_back(
            {json_number(left), json_number(right), json_number(histogram.bucket[k])});
      }
      return {};
    });
    if (!read.ok()) continue;
    list.push_back({json_number(places[i].wall), whole_step(places[i].step), std::move(buckets)});
  }
  return json_response(list);
}

constexpr std::array<Route, 8> kTensorBoardRoutes = {{
    {Method::kGet, "/data/environment", Lane::kLight, environment},
    {Method::kGet, "/data/logdir", Lane::kLight, logdir},
    {Method::kGet, "/data/runs", Lane::kLight, run_names},
    {Method::kGet, "/data/plugins_listing", Lane::kLight, plugins},
    {Method::kGet, "/data/plugin/scalars/tags", Lane::kLight, scalar_tags},
    {Method::kGet, "/data/plugin/scalars/scalars", Lane::kLight, scalars},
    {Method::kGet, "/data/plugin/histograms/tags", Lane::kLight, histogram_tags},
    {Method::kGet, "/data/plugin/histograms/histograms", Lane::kLight, histograms},
}};

}  // namespace

std::span<const Route> tensorboard_routes() {
  return kTensorBoardRoutes;
}

}  // namespace graft
