// The numbers of runs: curves, histograms, images, texts, graphs.
#include <algorithm>
#include <array>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "board/board_context.h"
#include "board/curve_view.h"
#include "board/graph_view.h"
#include "image/decode.h"
#include "model/source.h"

namespace graft {
namespace {

HttpResponse series(BoardContext& context, const HttpRequest& request, const std::string&) {
  const std::string format = request.param("format");
  GRAFT_ROUTE_ASSIGN(const auto x0, request.number("x0"));
  GRAFT_ROUTE_ASSIGN(const auto x1, request.number("x1"));
  GRAFT_ROUTE_ASSIGN(const auto smooth, request.number("smooth"));
  GRAFT_ROUTE_ASSIGN(const auto pixels, request.integer("px", 1, 20000));
  const std::string axis = request.has_param("axis") ? request.param("axis") : "step";
  if ((smooth && !(*smooth >= 0 && *smooth <= 0.999)) || (axis != "step" && axis != "wall")) {
    return error_response(
        invalid_argument("parameters smooth and axis: smooth is 0 to 0.999, axis "
                         "is step or wall: correct them"));
  }
  const std::string run = request.param("run"), tag = request.param("tag");
  const bool all = request.param("all") == "1";
  HttpResponse response;
  response.headers = {{"Cache-Control", "no-store"}};
  if (format.empty()) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const ViewRange range = {x0.value_or(-kInfinity), x1.value_or(kInfinity)};
    response.content_type = "application/octet-stream";
    const auto found = context.store.with_curve(run, tag, all, [&](const CurveSpans& curve) {
      const auto indices = points_to_draw(axis == "wall" ? curve.walls : curve.steps, curve.values,
                                          range, static_cast<std::size_t>(pixels.value_or(0)));
      response.body =
          encode_curve(curve, smoothed_at(curve.values, smooth.value_or(0), indices), indices);
    });
    return found.ok() ? response : error_response(found.error());
  }
  GRAFT_ROUTE_ASSIGN(const Curve curve, context.store.curve(run, tag, all));
  if (format == "json") {
    Json points = Json::array();
    for (std::size_t i = 0; i < curve.steps.size(); ++i) {
      points.push_back({json_number(curve.walls[i]), curve.steps[i],
                        json_number(static_cast<double>(curve.values[i]))});
    }
    return json_response(points);
  }
  if (format == "csv") {
    response.content_type = "text/csv; charset=utf-8";
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"series.csv\"");
    response.body = csv_of(curve);
    return response;
  }
  return error_response(invalid_argument("parameter format=" + printable(format) +
                                         ": give csv or json, or leave it out"));
}

HttpResponse histogram_steps(BoardContext& context, const HttpRequest& request,
                             const std::string&) {
  constexpr std::array<double, 9> kPercents = {0, 6.7, 15.9, 30.9, 50, 69.1, 84.1, 93.3, 100};
  GRAFT_ROUTE_ASSIGN(const auto steps, request.integer("steps", 1, 1000));
  GRAFT_ROUTE_ASSIGN(const auto bins, request.integer("bins", 1, 1000));
  const std::string tag = request.param("tag");
  GRAFT_ROUTE_ASSIGN(const auto places,
                     context.store.blobs(request.param("run"), SummaryKind::kHistogram, tag));
  std::vector<std::vector<Bucket>> all;
  Json step_list = Json::array(), walls = Json::array();
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const std::size_t i :
       evenly_chosen(places.size(), static_cast<std::size_t>(steps.value_or(60)))) {
    std::vector<Bucket> buckets;
    // One that is gone or damaged meanwhile is left out.
    const auto read = read_blob(places[i], tag, [&](const EventValue& value) -> Result<void> {
      GRAFT_ASSIGN(const Histogram histogram, histogram_of(value));
      buckets = buckets_of(histogram);
      return {};
    });
    if (!read.ok()) continue;
    for (const Bucket& b : buckets) {
      low = std::min(low, b.left);
      high = std::max(high, b.right);
    }
    step_list.push_back(places[i].step);
    walls.push_back(json_number(places[i].wall));
    all.push_back(std::move(buckets));
  }
  if (!(low <= high)) low = high = 0;
  if (low == high) {
    low -= 0.5;
    high += 0.5;
  }
  const auto count = static_cast<std::size_t>(bins.value_or(30));
  std::vector<double> edges;
  for (std::size_t i = 0; i <= count; ++i) {
    edges.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(count));
  }
  Json counts = Json::array(), percentiles = Json::array();
  for (const auto& buckets : all) {
    counts.push_back(rebinned(buckets, edges));
    Json row = Json::array();
    for (const double p : kPercents) row.push_back(json_number(percentile(buckets, p)));
    percentiles.push_back(std::move(row));
  }
  return json_response({{"steps", std::move(step_list)},
                        {"walls", std::move(walls)},
                        {"edges", edges},
                        {"counts", std::move(counts)},
                        {"percentiles", {{"p", kPercents}, {"values", std::move(percentiles)}}}});
}

HttpResponse blob(BoardContext& context, const HttpRequest& request, const std::string&) {
  GRAFT_ROUTE_ASSIGN(const auto index, request.integer("index", 0, 1'000'000'000));
  GRAFT_ROUTE_ASSIGN(const auto sample, request.integer("sample", 0, 1'000'000));
  const std::string tag = request.param("tag");
  GRAFT_ROUTE_ASSIGN(const auto places,
                     context.store.blobs(request.param("run"), SummaryKind::kImage, tag));
  const auto i = static_cast<std::size_t>(index.value_or(0));
  HttpResponse response;
  Result<void> read =
      not_found("image " + std::to_string(i) + " of " + printable(tag) + ": there are only " +
                std::to_string(places.size()) + ": give a smaller index");
  if (i < places.size()) {
    read = read_blob(places[i], tag, [&](const EventValue& value) -> Result<void> {
      GRAFT_ASSIGN(const std::vector<std::string> images, images_of(value));
      const auto which = static_cast<std::size_t>(sample.value_or(0));
      if (which >= images.size()) {
        return not_found("sample " + std::to_string(which) + ": the step has only " +
                         std::to_string(images.size()) + ": give a smaller one");
      }
      // What is no picture is not handed out as one: a log is anybody's bytes.
      switch (sniff_format(as_bytes(images[which]))) {
        case ImageFormat::kPng:
          response.content_type = "image/png";
          break;
        case ImageFormat::kJpeg:
          response.content_type = "image/jpeg";
          break;
        case ImageFormat::kGif:
          response.content_type = "image/gif";
          break;
        default:
          return corrupt("image of " + printable(tag) + ": is neither PNG, JPEG nor GIF: get a " +
                         "good copy of the log");
      }
      response.body = images[which];
      return {};
    });
  }
  if (!read.ok()) return error_response(read.error());
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

HttpResponse texts(BoardContext& context, const HttpRequest& request, const std::string&) {
  const std::string tag = request.param("tag");
  GRAFT_ROUTE_ASSIGN(const auto places,
                     context.store.blobs(request.param("run"), SummaryKind::kText, tag));
  constexpr std::size_t kMost = 500;
  Json list = Json::array();
  for (const std::size_t i : evenly_chosen(places.size(), kMost)) {
    std::string content;
    const auto read = read_blob(places[i], tag, [&](const EventValue& value) -> Result<void> {
      GRAFT_ASSIGN(content, text_of(value));
      return {};
    });
    if (!read.ok()) continue;
    list.push_back(
        {{"step", places[i].step}, {"wall", json_number(places[i].wall)}, {"text", content}});
  }
  return json_response({{"texts", std::move(list)}});
}

HttpResponse graph(BoardContext& context, const HttpRequest& request, const std::string&) {
  // The last one drawn is kept: opening its scopes one by one is what people do.
  static std::mutex mutex;
  static std::string kept_key;
  static std::shared_ptr<const GraphSkeleton> kept;
  std::string key = "run " + request.param("run");
  std::optional<ClassifierEntry> entry;
  if (request.has_param("classifier")) {
    entry = context.classifiers.find(request.param("classifier"));
    if (!entry) {
      return error_response(not_found("classifier " + printable_start(request.param("classifier")) +
                                      ": there is no such one: /api/status lists them"));
    }
    key = "classifier " + entry->id;
  } else if (const auto run = context.store.run(request.param("run"))) {
    key += std::to_string(run->events);
  }
  std::shared_ptr<const GraphSkeleton> skeleton;
  {
    const std::lock_guard lock(mutex);
    if (kept_key == key) skeleton = kept;
  }
  if (!skeleton) {
    if (entry) {
      GRAFT_ROUTE_ASSIGN(const MappedFile file, MappedFile::open(entry->file));
      GRAFT_ROUTE_ASSIGN(GraphSkeleton parsed, skeleton_of(file.bytes()));
      skeleton = std::make_shared<const GraphSkeleton>(std::move(parsed));
    } else {
      GRAFT_ROUTE_ASSIGN(const Bytes bytes, context.store.graph(request.param("run")));
      GRAFT_ROUTE_ASSIGN(GraphSkeleton parsed, skeleton_of(bytes));
      skeleton = std::make_shared<const GraphSkeleton>(std::move(parsed));
    }
    const std::lock_guard lock(mutex);
    kept_key = key;
    kept = skeleton;
  }
  GRAFT_ROUTE_ASSIGN(const Json view, graph_view(*skeleton, request.param("scope")));
  return json_response(view);
}

constexpr std::array<Route, 5> kLogRoutes = {{
    {Method::kGet, "/api/series", Lane::kLight, series},
    {Method::kGet, "/api/hist", Lane::kLight, histogram_steps},
    {Method::kGet, "/api/blob", Lane::kLight, blob},
    {Method::kGet, "/api/texts", Lane::kLight, texts},
    {Method::kGet, "/api/graph", Lane::kLight, graph},
}};

}  // namespace

std::span<const Route> log_routes() {
  return kLogRoutes;
}

}  // namespace graft
