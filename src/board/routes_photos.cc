// Photos, results and comparisons.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "base/text.h"
#include "board/board_context.h"

namespace graft {
namespace {

constexpr std::int64_t kMostAtOnce = 1000, kUsualAtOnce = 100;

Json image_json(const PhotoSet& set, std::size_t i) {
  const Example& example = set.dataset.examples[i];
  return {{"id", set.ids[i]},
          {"file", shown_name(example)},
          {"class", example.label},
          {"split", std::string(name_of(example.split))}};
}

Json sample_json(const Sample& sample) {
  return {{"id", sample.id.empty() ? Json(nullptr) : Json(sample.id)},
          {"file", sample.file},
          {"truth", sample.truth},
          {"predicted", sample.predicted},
          {"score", json_number(sample.score)},
          {"truth_score", json_number(sample.truth_score)}};
}

// A page of a list: where it begins (an opaque cursor says so) and how long it is.
struct Page {
  std::size_t begin = 0, limit = 0;
  Json next(std::size_t total) const {
    return begin + limit < total ? Json("c" + std::to_string(begin + limit)) : Json(nullptr);
  }
};
Result<Page> page_of(const HttpRequest& request) {
  GRAFT_ASSIGN(const auto limit, request.integer("limit", 1, kMostAtOnce));
  Page page;
  page.limit = static_cast<std::size_t>(limit.value_or(kUsualAtOnce));
  const std::string cursor = request.param("cursor");
  if (cursor.empty()) return page;
  const char* end = cursor.data() + cursor.size();
  const auto parsed = std::from_chars(cursor.data() + 1, end, page.begin);
  if (cursor[0] != 'c' || parsed.ec != std::errc() || parsed.ptr != end) {
    return invalid_argument("parameter cursor=" + printable(cursor) +
                            ": is none that was given out: begin without one");
  }
  return page;
}

// Refused where the number stands for no class.
Result<std::optional<std::int64_t>> class_index(const HttpRequest& request, const char* name,
                                                std::size_t classes) {
  return request.integer(name, 0, classes == 0 ? 0 : static_cast<std::int64_t>(classes) - 1);
}

HttpResponse dataset(BoardContext& context, const HttpRequest& request, const std::string&) {
  auto set = context.photos.set(request.param("training"));
  const bool none = set.ok() && *set == nullptr;
  if (!set.ok() && set.error().message.starts_with("training ")) {
    return error_response(set.error());
  }
  Json json = {{"state", !set.ok() ? "failed"
                         : none    ? "none"
                                   : "ready"},
               {"message", set.ok() ? Json(nullptr) : Json(printable(set.error().message))},
               {"training", nullptr},
               {"image_dir", nullptr},
               {"classes", Json::array()},
               {"skipped", 0},
               {"photos", 0}};
  if (!set.ok() || none) return json_response(json);
  const Dataset& photos = (*set)->dataset;
  if (!(*set)->training.empty()) json["training"] = (*set)->training;
  json["image_dir"] = printable((*set)->image_dir);
  std::vector<std::array<std::size_t, 3>> counts(photos.classes.size());
  for (const Example& example : photos.examples) {
    ++counts[static_cast<std::size_t>(example.label)][static_cast<std::size_t>(example.split)];
  }
  for (std::size_t c = 0; c < photos.classes.size(); ++c) {
    const auto of = [&](Split split) { return counts[c][static_cast<std::size_t>(split)]; };
    json["classes"].push_back({{"index", c},
                               {"label", printable(photos.classes[c].label)},
                               {"folder", printable(photos.classes[c].folder)},
                               {"training", of(Split::kTraining)},
                               {"validation", of(Split::kValidation)},
                               {"testing", of(Split::kTesting)}});
  }
  json["skipped"] = photos.skipped.size();
  json["photos"] = photos.examples.size();
  return json_response(json);
}

Result<std::shared_ptr<const PhotoSet>> photos_at_hand(BoardContext& context,
                                                       const HttpRequest& request) {
  GRAFT_ASSIGN(auto set, context.photos.set(request.param("training")));
  if (!set) {
    return not_found(
        "photos: no training names a folder yet: train something, or start the board "
        "with --image_dir");
  }
  return set;
}

HttpResponse images(BoardContext& context, const HttpRequest& request, const std::string&) {
  GRAFT_ROUTE_ASSIGN(const auto set, photos_at_hand(context, request));
  GRAFT_ROUTE_ASSIGN(const Page page, page_of(request));
  GRAFT_ROUTE_ASSIGN(const auto wanted, class_index(request, "class", set->dataset.classes.size()));
  const std::string split = request.param("split");
  if (!split.empty() && split != "training" && split != "validation" && split != "testing") {
    return error_response(invalid_argument("parameter split=" + printable(split) +
                                           ": give training, validation or testing"));
  }
  Json list = Json::array();
  std::size_t total = 0;
  for (std::size_t i = 0; i < set->ids.size(); ++i) {
    const Example& example = set->dataset.examples[i];
    if (wanted && example.label != *wanted) continue;
    if (!split.empty() && name_of(example.split) != split) continue;
    if (total >= page.begin && total < page.begin + page.limit) {
      list.push_back(image_json(*set, i));
    }
    ++total;
  }
  return json_response({{"images", std::move(list)}, {"next", page.next(total)}, {"total", total}});
}

HttpResponse thumbnail(BoardContext& context, const HttpRequest& request, const std::string& id) {
  GRAFT_ROUTE_ASSIGN(const auto side, request.integer("s", 32, 1600));
  const int longer = static_cast<int>(side.value_or(160));
  if (!context.photos.path_of(id).ok()) {
    // After a restart of the program the page may ask before the folder was looked through.
    (void)context.photos.set("");
  }
  GRAFT_ROUTE_ASSIGN(const auto jpeg, context.photos.thumbnail(id, longer));
  HttpResponse response;
  const std::string etag = "\"" + run_id(*jpeg) + "\"";
  response.content_type = "image/jpeg";
  response.headers = {{"ETag", etag}, {"Cache-Control", "private, max-age=3600"}};
  if (request.header("if-none-match") == etag) {
    response.status = 304;
  } else {
    response.body = *jpeg;
  }
  return response;
}

HttpResponse problems(BoardContext& context, const HttpRequest& request, const std::string&) {
  GRAFT_ROUTE_ASSIGN(const auto set, photos_at_hand(context, request));
  const PhotoProblems::Account account = context.problems.of(set);
  Json list = Json::array();
  for (const PhotoProblem& problem : account.problems) {
    Json of_problem = Json::array();
    for (const std::size_t i : problem.examples) of_problem.push_back(image_json(*set, i));
    list.push_back(
        {{"kind", problem.kind}, {"message", problem.message}, {"images", std::move(of_problem)}});
  }
  return json_response({{"state", account.ready ? "ready" : "working"},
                        {"done", account.done},
                        {"total", account.total},
                        {"problems", std::move(list)}});
}

Error no_training(const std::string& id) {
  return not_found("training " + printable_start(id) +
                   ": there is no such one: /api/trainings lists them");
}

HttpResponse evaluation(BoardContext& context, const HttpRequest&, const std::string& id) {
  const auto training = context.trainings.find(id);
  if (!training) return error_response(no_training(id));
  return json_response(evaluation_json(*training));
}

Json samples_page(const std::vector<Sample>& list, const Page& page, const char* state,
                  const Json& message) {
  Json out = Json::array();
  for (std::size_t i = page.begin; i < list.size() && i < page.begin + page.limit; ++i) {
    out.push_back(sample_json(list[i]));
  }
  return {{"state", state},
          {"message", message},
          {"samples", std::move(out)},
          {"next", page.next(list.size())},
          {"total", list.size()}};
}

std::shared_ptr<const PhotoSet> set_or_null(BoardContext& context, const std::string& training) {
  auto set = context.photos.set(training);
  return set.ok() ? *set : nullptr;
}

HttpResponse unscored(const Results::Scores& scores, const Page& page) {
  const bool failed = scores.state == Results::State::kFailed;
  return json_response(samples_page({}, page, failed ? "failed" : "working",
                                    failed ? Json(printable(scores.message)) : Json(nullptr)));
}

HttpResponse samples(BoardContext& context, const HttpRequest& request, const std::string& id) {
  const auto training = context.trainings.find(id);
  if (!training) return error_response(no_training(id));
  GRAFT_ROUTE_ASSIGN(const Page page, page_of(request));
  GRAFT_ROUTE_ASSIGN(const auto truth, class_index(request, "true", training->labels.size()));
  GRAFT_ROUTE_ASSIGN(const auto predicted, class_index(request, "pred", training->labels.size()));
  const std::string order = request.param("order");
  if (!order.empty() && order != "confident" && order != "unsure") {
    return error_response(
        invalid_argument("parameter order=" + printable(order) + ": give confident or unsure"));
  }
  std::vector<Sample> list;
  // A cell off the diagonal is in run.json whole; what was right has to be computed.
  if (truth && predicted && *truth != *predicted) {
    list = mistakes_of(*training, set_or_null(context, id).get());
  } else {
    const Results::Scores scores = context.results.scores(training);
    if (scores.state != Results::State::kReady) return unscored(scores, page);
    for (const Sample& sample : *scores.samples) {
      if (sample.split == Split::kTesting) list.push_back(sample);
    }
  }
  std::erase_if(list, [&](const Sample& s) {
    return (truth && s.truth != *truth) || (predicted && s.predicted != *predicted);
  });
  std::stable_sort(list.begin(), list.end(), [&](const Sample& a, const Sample& b) {
    return order == "unsure" ? a.score < b.score : a.score > b.score;
  });
  return json_response(samples_page(list, page, "ready", nullptr));
}

// How much surer the classifier is of another label than of the photo's own.
HttpResponse suspects(BoardContext& context, const HttpRequest& request, const std::string& id) {
  const auto training = context.trainings.find(id);
  if (!training) return error_response(no_training(id));
  GRAFT_ROUTE_ASSIGN(const Page page, page_of(request));
  const Results::Scores scores = context.results.scores(training);
  if (scores.state != Results::State::kReady) return unscored(scores, page);
  std::vector<Sample> list;
  for (const Sample& sample : *scores.samples) {
    if (sample.predicted != sample.truth) list.push_back(sample);
  }
  std::stable_sort(list.begin(), list.end(), [](const Sample& a, const Sample& b) {
    return a.score - a.truth_score > b.score - b.truth_score;
  });
  return json_response(samples_page(list, page, "ready", nullptr));
}

Json side_of_comparison(const Training& training) {
  const Json json = to_json(training, "");
  return {{"accuracy", json["accuracy"]},
          {"interval_95", json["interval_95"]},
          {"photos", json["photos_tested"]}};
}

// Options that differ; those that only name outputs are left out.
Json different_options(const Training& a, const Training& b) {
  static const std::set<std::string> kPlaces = {
      "output_graph",   "output_labels", "summaries_dir", "intermediate_output_graphs_dir",
      "bottleneck_dir", "model_dir",     "json",          "threads"};
  std::set<std::string> names;
  for (const Training* t : {&a, &b}) {
    if (!t->record.contains("options") || !t->record["options"].is_object()) continue;
    for (const auto& [name, value] : t->record["options"].items()) names.insert(name);
  }
  const auto value_of = [](const Training& t, const std::string& name) {
    if (!t.record.contains("options") || !t.record["options"].contains(name)) return Json(nullptr);
    return t.record["options"][name];
  };
  Json out = Json::array();
  for (const std::string& name : names) {
    const Json left = value_of(a, name), right = value_of(b, name);
    if (left != right && !kPlaces.contains(name)) {
      out.push_back({{"name", name}, {"a", left}, {"b", right}});
    }
  }
  return out;
}

Json difference_of(const Json& a, const Json& b, std::size_t classes) {
  Json out = Json::array();
  for (std::size_t t = 0; t < classes; ++t) {
    Json row = Json::array();
    for (std::size_t p = 0; p < classes; ++p) {
      const auto cell = [&](const Json& matrix) {
        if (!matrix.is_array() || t >= matrix.size() || !matrix[t].is_array() ||
            p >= matrix[t].size() || !matrix[t][p].is_number()) {
          return std::int64_t{0};
        }
        // More photos than there can be are not counted on.
        return static_cast<std::int64_t>(std::clamp(matrix[t][p].get<double>(), -1e15, 1e15));
      };
      row.push_back(cell(a) - cell(b));
    }
    out.push_back(std::move(row));
  }
  return out;
}

HttpResponse compare(BoardContext& context, const HttpRequest& request, const std::string&) {
  const auto a = context.trainings.find(request.param("a"));
  const auto b = context.trainings.find(request.param("b"));
  if (!a) return error_response(no_training(request.param("a")));
  if (!b) return error_response(no_training(request.param("b")));
  const bool same_labels = a->labels == b->labels && !a->labels.empty();
  Json fixed = Json::array(), broken = Json::array();
  if (same_labels) {
    const auto mistakes_a = mistakes_of(*a, set_or_null(context, a->id).get());
    const auto mistakes_b = mistakes_of(*b, set_or_null(context, b->id).get());
    const auto missing_in = [](const std::vector<Sample>& of, const std::vector<Sample>& other) {
      std::set<std::string> files;
      for (const Sample& sample : other) files.insert(sample.file);
      Json out = Json::array();
      for (const Sample& sample : of) {
        if (!files.contains(sample.file)) out.push_back(sample_json(sample));
      }
      return out;
    };
    fixed = missing_in(mistakes_a, mistakes_b);
    broken = missing_in(mistakes_b, mistakes_a);
  }
  return json_response({{"options", different_options(*a, *b)},
                        {"a", side_of_comparison(*a)},
                        {"b", side_of_comparison(*b)},
                        {"labels", same_labels ? Json(a->labels) : Json(nullptr)},
                        {"difference", same_labels ? difference_of(evaluation_json(*a)["confusion"],
                                                                   evaluation_json(*b)["confusion"],
                                                                   a->labels.size())
                                                   : Json(nullptr)},
                        {"fixed", std::move(fixed)},
                        {"broken", std::move(broken)}});
}

constexpr std::array<Route, 8> kPhotoRoutes = {{
    {Method::kGet, "/api/dataset", Lane::kHeavy, dataset},
    {Method::kGet, "/api/dataset/images", Lane::kHeavy, images},
    {Method::kGet, "/api/dataset/problems", Lane::kHeavy, problems},
    {Method::kGet, "/api/thumb/{}", Lane::kHeavy, thumbnail},
    {Method::kGet, "/api/eval/{}", Lane::kLight, evaluation},
    {Method::kGet, "/api/eval/{}/samples", Lane::kHeavy, samples},
    {Method::kGet, "/api/eval/{}/suspects", Lane::kHeavy, suspects},
    {Method::kGet, "/api/compare", Lane::kHeavy, compare},
}};

}  // namespace

std::span<const Route> photo_routes() {
  return kPhotoRoutes;
}

}  // namespace graft
