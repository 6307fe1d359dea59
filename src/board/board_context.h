// What the routes answer from, and the table of routes. Internal to the board room.
// Thread rule: routes are called by any of the board's threads at once.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "board/board.h"
#include "board/classifiers.h"
#include "board/http.h"
#include "board/jobs.h"
#include "board/photo_problems.h"
#include "board/photos.h"
#include "board/results.h"
#include "board/trainings.h"
#include "summary/log_watcher.h"
#include "summary/run_store.h"

namespace graft {

struct BoardContext {
  const BoardOptions& options;
  const std::string token;
  RunStore& store;
  Trainings& trainings;
  Classifiers& classifiers;
  Photos& photos;
  Results& results;
  PhotoProblems& problems;
  Jobs& jobs;
  std::function<LogWatcher::Mode()> mode;
  std::function<std::string()> last_event;  // the id of what was pushed last
};

// Which thread answers: the network's own (constants only), or the pools for what takes
// milliseconds and for what takes longer.
enum class Lane : std::uint8_t { kNow, kLight, kHeavy };

struct Route {
  Method method;
  std::string_view pattern;  // "/api/eval/{}/samples": {} stands for one part, an id
  Lane lane;
  HttpResponse (*answer)(BoardContext& context, const HttpRequest& request, const std::string& id);
};

// Never null: what is not there is answered with 404 or 405. id: what stands for {}.
const Route& find_route(const HttpRequest& request, std::string& id);

std::span<const Route> state_routes();
std::span<const Route> log_routes();
std::span<const Route> photo_routes();
std::span<const Route> work_routes();
std::span<const Route> tensorboard_routes();

// Where networks lie: --model_dir; while there is no such folder, where the newest training found
// its own.
std::string model_dir_of(const BoardContext& context);

// What a page has to know before it can show anything: /api/start.
Json start_json(BoardContext& context);
// As /api/runs and status' `problems` have them.
Json to_json(const RunInfo& run);
Json to_json(const LogProblem& problem);

// The page, with this start's token and what /api/start answers in it, and its files.
HttpResponse page_response(BoardContext& context, const HttpRequest& request);

// The whole of `x`, or the error as a response.
#define GRAFT_ROUTE_ASSIGN(declaration, expr) \
  GRAFT_ROUTE_ASSIGN_IMPL(GRAFT_CONCAT(graft_route_, __LINE__), declaration, expr)
#define GRAFT_ROUTE_ASSIGN_IMPL(temp, declaration, expr) \
  auto temp = (expr);                                    \
  if (!temp.ok()) return error_response(temp.error());   \
  declaration = std::move(temp).value()

}  // namespace graft
