#include "board_routes.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "board/worker_pool.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

// What would take minutes is answered as when too much is asked for at once.
WorkerPool& stopped_pool() {
  static WorkerPool pool(1, 1);
  pool.stop();
  return pool;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

void check_answer(const HttpResponse& response) {
  constexpr std::array kStatuses = {200, 201, 202, 304, 400, 403, 404, 405, 409, 422, 500, 503};
  require(std::ranges::find(kStatuses, response.status) != kStatuses.end(), "an unknown status");
  for (const auto& [name, value] : response.headers) {
    require(std::ranges::none_of(name + value, is_control), "a line break in a header: " + name);
  }
  if (response.content_type != "application/json" || response.status == 304) return;
  const auto json = parse_json(response.body);
  require(json.ok(), "an answer that is no JSON: " + response.body);
  if (response.status < 400) return;
  require(json->contains("error") && (*json)["error"].contains("message"), "an unnamed error");
  const std::string message = (*json)["error"]["message"];
  require(!message.empty() && std::ranges::none_of(message, is_control), "no line: " + message);
}

}  // namespace

struct BoardRoutes::State {
  State(const std::string& folder, const std::string& image_dir)
      : options(options_for(folder, image_dir)),
        store({options.logdirs}),
        trainings(options.logdirs),
        classifiers(trainings, options.graph),
        photos(trainings, options.image_dir),
        results(trainings, photos, classifiers, stopped_pool()),
        problems(trainings, stopped_pool()),
        jobs(options.program, [](const Json&, const Json&) {}),
        context{options,
                "token",
                store,
                trainings,
                classifiers,
                photos,
                results,
                problems,
                jobs,
                [] { return LogWatcher::Mode(); },
                [] { return std::string(); }} {}

  static BoardOptions options_for(const std::string& folder, const std::string& image_dir) {
    BoardOptions options;
    options.logdirs = {{"", folder}};
    options.image_dir = image_dir;
    options.model_dir = join_path(folder, "models");
    options.program = join_path(folder, "no_program");  // so that no job is ever started
    return options;
  }

  const BoardOptions options;
  RunStore store;
  Trainings trainings;
  Classifiers classifiers;
  Photos photos;
  Results results;
  PhotoProblems problems;
  Jobs jobs;
  BoardContext context;
};

BoardRoutes::BoardRoutes(const std::string& folder, const std::string& image_dir)
    : state_(std::make_unique<State>(folder, image_dir)) {
  (void)state_->store.scan();
  (void)state_->trainings.refresh(state_->store.record_files());
}
BoardRoutes::~BoardRoutes() = default;

HttpResponse BoardRoutes::answer(const HttpRequest& request) {
  std::string id;
  const Route& route = find_route(request, id);
  HttpResponse response = route.answer(state_->context, request, id);
  check_answer(response);
  const bool starts_a_job = request.method == Method::kPost && request.path == "/api/jobs";
  require(response.status != 500 || starts_a_job, "an error of the system: " + response.body);
  return response;
}

HttpResponse BoardRoutes::get(const std::string& path, Query query) {
  HttpRequest request;
  request.path = path;
  request.query = std::move(query);
  return answer(request);
}

const RunStore& BoardRoutes::store() const {
  return state_->store;
}

std::vector<std::string> BoardRoutes::trainings() const {
  std::vector<std::string> ids;
  for (const auto& training : state_->trainings.all()) ids.push_back(training->id);
  return ids;
}

std::string full_record() {
  const Json mistake = {{"path", "photos/roses/1.jpg"},
                        {"truth", "roses"},
                        {"predicted", "daisy"},
                        {"score", 0.75},
                        {"truth_score", 0.25}};
  const Json test = {{"photos", 3},
                     {"correct", 2},
                     {"accuracy", 0.67},
                     {"interval_95", {0.2, 0.94}},
                     {"confusion", {{1, 0}, {1, 1}}},
                     {"classes", Json::array()},
                     {"mistakes", {mistake}}};
  const Json result = {{"steps", 20},
                       {"test", test},
                       {"files", {{"output_graph", "graph.pb"}}},
                       {"graph_sha256", "ab"},
                       {"has_backbone", true}};
  return dump_json({{"format", "graft-run-1"},
                    {"state", "finished"},
                    {"message", ""},
                    {"started", "2026-01-01T00:00:00Z"},
                    {"ended", "2026-01-01T00:01:00Z"},
                    {"options",
                     {{"image_dir", "photos"},
                      {"testing_percentage", 10},
                      {"validation_percentage", 10},
                      {"split_key", "relative"},
                      {"how_many_training_steps", 20}}},
                    {"network", {{"architecture", "mobilenet_0.50_224"}, {"feature_width", 1001}}},
                    {"feature_space", "space"},
                    {"split_seed", 0},
                    {"labels", {"daisy", "roses"}},
                    {"splits", {{"training", 9}, {"validation", 1}, {"testing", 3}}},
                    {"skipped", {{{"path", "photos/roses/2.jpg"}, {"reason", "empty"}}}},
                    {"result", result}},
                   -1);
}

}  // namespace graft::fuzz
