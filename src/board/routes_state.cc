// State: what is followed, which runs and trainings there are, which tags they have.
#include <array>

#include "base/file.h"
#include "base/text.h"
#include "board/board_context.h"
#include "model/source.h"

namespace graft {
namespace {

Json status_json(BoardContext& context) {
  Json logdirs = Json::array();
  for (const Logdir& logdir : context.store.logdirs()) {
    logdirs.push_back({{"name", logdir.name},
                       {"path", printable(absolute_path(logdir.path))},
                       {"exists", is_directory(logdir.path)}});
  }
  const LogWatcher::Mode mode = context.mode();
  Json newest = nullptr, photos = nullptr;
  if (const auto training = context.trainings.newest()) {
    const Json json = to_json(*training, "");
    newest = {{"training", training->id},
              {"name", training->group},
              {"state", training->state},
              {"accuracy", json["accuracy"]},
              {"interval_95", json["interval_95"]},
              {"photos", json["photos_tested"]},
              {"ended", json["ended"]}};
    std::uint64_t count = 0;
    for (const auto& [split, number] : json["splits"].items()) {
      if (number.is_number_unsigned()) count += number.get<std::uint64_t>();
    }
    photos = {{"image_dir", training->image_dir},
              {"photos", count},
              {"classes", training->labels.size()}};
  } else if (!context.options.image_dir.empty()) {
    if (const auto set = context.photos.set(""); set.ok() && *set) {
      photos = {{"image_dir", printable(context.options.image_dir)},
                {"photos", (*set)->dataset.examples.size()},
                {"classes", (*set)->dataset.classes.size()}};
    }
  }
  const std::string model_dir = model_dir_of(context);
  std::size_t installed = 0;
  for (const ModelSpec& spec : all_models()) {
    installed += !spec.untrained && !installed_at(spec, model_dir).empty() ? 1 : 0;
  }
  Json classifiers = Json::array();
  for (const ClassifierEntry& entry : context.classifiers.all()) {
    classifiers.push_back(
        {{"id", entry.id},
         {"name", printable(entry.name)},
         {"file", printable(entry.file)},
         {"architecture", entry.architecture},
         {"labels", entry.labels},
         {"training", entry.training.empty() ? Json(nullptr) : Json(entry.training)},
         {"cam", entry.class_maps}});
  }
  Json problems = Json::array();
  for (const auto& list : {context.store.problems(), context.trainings.problems()}) {
    for (const LogProblem& problem : list) problems.push_back(to_json(problem));
  }
  const std::string job = context.jobs.running();
  return {{"version", GRAFT_VERSION},
          {"logdirs", std::move(logdirs)},
          {"live", mode.polling ? "polling" : "inotify"},
          {"live_reason", mode.polling ? Json(mode.reason) : Json(nullptr)},
          {"runs", context.store.runs().size()},
          {"newest", std::move(newest)},
          {"photos", std::move(photos)},
          {"installed", installed},
          {"classifiers", std::move(classifiers)},
          {"job", job.empty() ? Json(nullptr) : Json(job)},
          {"problems", std::move(problems)}};
}

Json runs_json(const BoardContext& context) {
  Json list = Json::array();
  for (const RunInfo& run : context.store.runs()) list.push_back(to_json(run));
  return list;
}

Json trainings_json(BoardContext& context) {
  std::map<std::string, std::string> classifier_of;
  for (const ClassifierEntry& entry : context.classifiers.all()) {
    classifier_of.emplace(entry.training, entry.id);
  }
  Json list = Json::array();
  for (const auto& training : context.trainings.all()) {
    const auto classifier = classifier_of.find(training->id);
    list.push_back(to_json(*training, classifier == classifier_of.end() ? "" : classifier->second));
  }
  return list;
}

Json tags_json(const RunTags& tags) {
  const auto names = [](const std::vector<TagInfo>& list) {
    Json out = Json::array();
    for (const TagInfo& tag : list) out.push_back({{"tag", tag.tag}, {"points", tag.points}});
    return out;
  };
  Json scalars = Json::array();
  for (const TagInfo& tag : tags.scalars) {
    scalars.push_back({{"tag", tag.tag},
                       {"points", tag.points},
                       {"last_step", tag.last_step},
                       {"last_value", json_number(static_cast<double>(tag.last_value))}});
  }
  return {{"scalars", std::move(scalars)},
          {"histograms", names(tags.histograms)},
          {"images", names(tags.images)},
          {"texts", names(tags.texts)},
          {"graph", tags.graph}};
}

// The running job, else the last one, whole; null: none was started.
Json newest_job(const BoardContext& context) {
  const Json all = context.jobs.all();
  if (all.empty()) return nullptr;
  const std::string running = context.jobs.running();
  auto job = context.jobs.get(running.empty() ? all.back()["id"].get<std::string>() : running);
  return job.ok() ? std::move(job).value() : Json(nullptr);
}

HttpResponse status(BoardContext& context, const HttpRequest&, const std::string&) {
  return json_response(status_json(context));
}

HttpResponse runs(BoardContext& context, const HttpRequest&, const std::string&) {
  return json_response({{"runs", runs_json(context)}});
}

HttpResponse trainings(BoardContext& context, const HttpRequest&, const std::string&) {
  return json_response({{"trainings", trainings_json(context)}});
}

HttpResponse tags(BoardContext& context, const HttpRequest& request, const std::string&) {
  const std::string id = request.param("run");
  const auto tags = context.store.tags(id);
  if (!tags) {
    return error_response(
        not_found("run " + printable_start(id) + ": there is no such run: /api/runs lists them"));
  }
  return json_response(tags_json(*tags));
}

HttpResponse start(BoardContext& context, const HttpRequest&, const std::string&) {
  return json_response(start_json(context));
}

constexpr std::array<Route, 5> kStateRoutes = {{
    {Method::kGet, "/api/start", Lane::kLight, start},
    {Method::kGet, "/api/status", Lane::kLight, status},
    {Method::kGet, "/api/runs", Lane::kLight, runs},
    {Method::kGet, "/api/trainings", Lane::kLight, trainings},
    {Method::kGet, "/api/tags", Lane::kLight, tags},
}};

}  // namespace

Json start_json(BoardContext& context) {
  constexpr std::size_t kMostTags = 2000;
  // First of all: what happens while the rest is gathered is pushed to who goes on from here.
  Json json = {{"event", context.last_event()}};
  json["status"] = status_json(context);
  json["runs"] = runs_json(context);
  json["trainings"] = trainings_json(context);
  json["job"] = newest_job(context);
  json["tags"] = Json::object();
  std::size_t count = 0;
  for (const RunInfo& run : context.store.runs()) {
    const auto tags = context.store.tags(run.id);
    if (!tags) continue;
    count +=
        tags->scalars.size() + tags->histograms.size() + tags->images.size() + tags->texts.size();
    if (count > kMostTags) break;
    json["tags"][run.id] = tags_json(*tags);
  }
  return json;
}

std::span<const Route> state_routes() {
  return kStateRoutes;
}

}  // namespace graft
