// Networks, folders, jobs, and trying a classifier.
#include <array>
#include <chrono>

#include "base/file.h"
#include "base/text.h"
#include "board/board_context.h"
#include "board/folders.h"
#include "model/source.h"
#include "sample/sample.h"

namespace graft {
namespace {

Json known(double value) {
  return value == 0 ? Json(nullptr) : Json(value);
}

HttpResponse zoo(BoardContext& context, const HttpRequest&, const std::string&) {
  const std::string model_dir = model_dir_of(context);
  Json list = Json::array();
  for (const ModelSpec& spec : all_models()) {
    const std::string place = installed_at(spec, model_dir);
    list.push_back({{"architecture", spec.architecture},
                    {"width", known(spec.width_multiplier)},
                    {"input_size", spec.input_size},
                    {"quantized", spec.quantized},
                    {"multiply_adds_m", known(spec.multiply_adds_m)},
                    {"parameters_m", known(spec.parameters_m)},
                    {"top1", known(spec.top1)},
                    {"file_mb", known(static_cast<double>(spec.graph_size.bytes) / 1e6)},
                    {"installed", place.empty() ? Json(nullptr) : Json(printable(place))}});
  }
  return json_response({{"networks", std::move(list)}});
}

HttpResponse folders(BoardContext&, const HttpRequest& request, const std::string&) {
  GRAFT_ROUTE_ASSIGN(const Json list, list_folders(request.param("path")));
  return json_response(list);
}

// For whoever has no photos yet: the program draws some, or finds them drawn. Takes seconds.
HttpResponse draw_photos(BoardContext& context, const HttpRequest&, const std::string&) {
  SampleOptions sample;
  sample.directory = absolute_path(context.options.sample_dir);
  sample.photos_per_class = context.options.sample_photos;
  if (auto drawn = write_sample_set(sample, [](std::uint64_t, std::uint64_t) {}); !drawn.ok()) {
    return error_response(drawn.error());
  }
  const std::size_t classes = sample_classes().size();
  return json_response({{"path", printable(sample.directory)},
                        {"classes", classes},
                        {"photos", classes * static_cast<std::size_t>(sample.photos_per_class)}},
                       201);
}

HttpResponse jobs(BoardContext& context, const HttpRequest&, const std::string&) {
  return json_response({{"jobs", context.jobs.all()}});
}

HttpResponse job(BoardContext& context, const HttpRequest&, const std::string& id) {
  GRAFT_ROUTE_ASSIGN(const Json json, context.jobs.get(id));
  return json_response(json);
}

HttpResponse start_job(BoardContext& context, const HttpRequest& request, const std::string&) {
  GRAFT_ROUTE_ASSIGN(const Json body, parse_json(request.body));
  const Json options = body.is_object() && body.contains("options") ? body["options"] : Json();
  const auto& logdirs = context.store.logdirs();
  const RetrainCommand command = retrain_command(
      options, logdirs.empty() ? "tf_files/training_summaries" : logdirs.front().path,
      model_dir_of(context));
  if (request.param("preview") == "1") {
    return json_response({{"command", command.text}, {"problems", command.problems}});
  }
  if (!command.problems.empty()) {
    return error_response(invalid_argument(command.problems.front()));
  }
  if (!context.jobs.running().empty()) {
    return error_response(
        invalid_argument("job " + context.jobs.running() + ": is running: stop it first, or wait"),
        409);
  }
  GRAFT_ROUTE_ASSIGN(const Json started, context.jobs.start(command));
  return json_response(started, 201);
}

HttpResponse stop_job(BoardContext& context, const HttpRequest&, const std::string& id) {
  if (auto stopped = context.jobs.stop(id); !stopped.ok()) return error_response(stopped.error());
  GRAFT_ROUTE_ASSIGN(const Json json, context.jobs.get(id));
  return json_response(json, 202);
}

HttpResponse classify(BoardContext& context, const HttpRequest& request, const std::string&) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string id = request.param("classifier");
  GRAFT_ROUTE_ASSIGN(const auto wanted, request.integer("class", 0, 1'000'000));
  GRAFT_ROUTE_ASSIGN(const auto classifier, context.classifiers.load(id));
  std::optional<int> label;
  if (wanted) label = static_cast<int>(*wanted);
  auto looked = classifier->make_session()->look(as_bytes(request.body), label);
  if (!looked.ok()) return error_response(with_context("photo", std::move(looked).error()));
  const Look& look = *looked;
  Json scores = Json::array();
  for (const Prediction& p : top_k(look.scores, static_cast<int>(look.scores.size()))) {
    scores.push_back({{"label", printable(classifier->labels()[static_cast<std::size_t>(p.label)])},
                      {"score", json_number(static_cast<double>(p.score))}});
  }
  const double total =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  Json json = {{"classifier", id},
               {"scores", std::move(scores)},
               {"width", look.width},
               {"height", look.height},
               {"milliseconds",
                {{"decode", look.decode_seconds * 1000},
                 {"network", look.network_seconds * 1000},
                 {"total", total * 1000}}}};
  if (request.param("cam") == "1" && !look.values.empty()) {
    Json rows = Json::array();
    const auto columns = static_cast<std::size_t>(look.columns);
    for (std::size_t begin = 0; begin < look.values.size(); begin += columns) {
      Json values = Json::array();
      for (std::size_t i = 0; i < columns; ++i) {
        values.push_back(json_number(look.values[begin + i]));
      }
      rows.push_back(std::move(values));
    }
    json["cam"] = {{"class", look.label},       {"columns", look.columns}, {"rows", look.rows},
                   {"values", std::move(rows)}, {"bias", look.bias},       {"logit", look.logit}};
  }
  return json_response(json);
}

constexpr std::array<Route, 8> kWorkRoutes = {{
    {Method::kGet, "/api/zoo", Lane::kLight, zoo},
    {Method::kGet, "/api/folders", Lane::kHeavy, folders},
    {Method::kPost, "/api/sample", Lane::kHeavy, draw_photos},
    {Method::kGet, "/api/jobs", Lane::kLight, jobs},
    {Method::kPost, "/api/jobs", Lane::kLight, start_job},
    {Method::kGet, "/api/jobs/{}", Lane::kLight, job},
    {Method::kDelete, "/api/jobs/{}", Lane::kLight, stop_job},
    {Method::kPost, "/api/classify", Lane::kHeavy, classify},
}};

}  // namespace

std::string model_dir_of(const BoardContext& context) {
  const std::string& given = context.options.model_dir;
  const auto newest = context.trainings.newest();
  if (is_directory(given) || newest == nullptr) return given;
  const std::string found = locate(*newest, newest->option("model_dir"));
  return found.empty() ? given : found;
}

std::span<const Route> work_routes() {
  return kWorkRoutes;
}

}  // namespace graft
