#include "board/board.h"

#include <sys/random.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "board/assets.h"
#include "board/board_context.h"
#include "board/http_server.h"
#include "board/worker_pool.h"

namespace graft {
namespace {

constexpr int kLightThreads = 2, kHeavyThreads = 2, kSlowThreads = 1;
constexpr std::size_t kMaxWaiting = 1000;

std::string random_text() {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  return hex(bytes);
}

double unix_now() {
  using std::chrono::duration;
  return duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Connections are descriptors, and the usual soft limit is lower than need be.
void allow_descriptors() {
  constexpr rlim_t kWanted = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWanted) return;
  limit.rlim_cur = std::min(kWanted, limit.rlim_max);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

// {"tag": [[step, wall, value], …]} of one run.
struct PointsOfRun {
  Json series = Json::object(), histograms = Json::array();
  double step = 0;
};

}  // namespace

struct Board::State {
  explicit State(BoardOptions given)
      : options(std::move(given)),
        token(random_text()),
        store({options.logdirs}),
        trainings(options.logdirs),
        classifiers(trainings, options.graph),
        photos(trainings, options.image_dir),
        results(trainings, photos, classifiers, slow),
        problems(trainings, slow),
        jobs(options.program, [this](const Json& job, const Json& lines) { tell_job(job, lines); }),
        context{options,
                token,
                store,
                trainings,
                classifiers,
                photos,
                results,
                problems,
                jobs,
                [this] { return watcher->mode(); },
                [this] { return server->events().last_id(); }} {}

  BoardOptions options;
  const std::string token;
  std::string key;
  RunStore store;
  Trainings trainings;
  Classifiers classifiers;
  Photos photos;
  // Their objects outlive the server, which hands work over; slow: whole folders, minutes.
  WorkerPool light{kLightThreads, kMaxWaiting}, heavy{kHeavyThreads, kMaxWaiting},
      slow{kSlowThreads, kMaxWaiting};
  Results results;
  PhotoProblems problems;
  std::unique_ptr<HttpServer> server;  // outlives whoever pushes or replies
  Jobs jobs;
  std::unique_ptr<LogWatcher> watcher;
  BoardContext context;
  std::string told_problems;  // of the watcher's thread
  enum class Phase { kStarting, kRunning, kEnding };
  std::atomic<Phase> phase{Phase::kStarting};

  // Whoever waits for the start must not be waited for.
  ~State() { enter(Phase::kEnding); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void enter(Phase next) {
    phase = next;
    phase.notify_all();
  }
  Result<void> listen();
  void handle(HttpRequest request, const HttpServer::Reply& reply);
  void tell(const StoreChanges& changes);
  void tell_points(const StoreChanges& changes);
  void tell_job(const Json& job, const Json& lines);
  void push(std::string_view event, const Json& data) {
    server->events().push(event, dump_json(data, -1));
  }
};

Result<void> Board::State::listen() {
  HttpServer::Options serve;
  serve.address = options.host == "localhost" ? "127.0.0.1" : options.host;
  serve.epoch = random_text().substr(0, 8);
  serve.hello = [] { return dump_json({{"version", GRAFT_VERSION}, {"time", unix_now()}}, -1); };
  serve.guard.token = token;
  serve.guard.hosts = {to_lower_ascii(options.host)};
  if (!is_loopback(options.host)) {
    key = random_text();
    serve.guard.key = key;
    serve.guard.any_address = options.host == "0.0.0.0" || options.host == "::";
  }
  const int tries = options.port == 0 ? 1 : std::max(1, options.ports_to_try);
  for (int i = 0; i < tries; ++i) {
    serve.port = static_cast<std::uint16_t>(options.port + i);
    bool in_use = false;
    auto begun = HttpServer::start(
        serve,
        [this](HttpRequest request, const HttpServer::Reply& reply) {
          handle(std::move(request), reply);
        },
        &in_use);
    if (begun.ok()) {
      server = std::move(begun).value();
      return {};
    }
    if (!in_use || i + 1 == tries || options.port + i == 65535) return std::move(begun).error();
  }
  return {};
}

void Board::State::handle(HttpRequest request, const HttpServer::Reply& reply) {
  std::string id;
  const Route& route = find_route(request, id);
  if (route.lane == Lane::kNow) return reply(route.answer(context, request, id));
  WorkerPool& pool = route.lane == Lane::kLight ? light : heavy;
  const bool posted = pool.post([this, &route, id, reply, request = std::move(request)]() mutable {
    // The port is open some milliseconds before all that answers need is there.
    phase.wait(Phase::kStarting);
    if (phase == Phase::kEnding) {
      return reply(error_response(io_error("board: is ending: start it again"), 503));
    }
    HttpResponse response;
    try {
      response = route.answer(context, request, id);
    } catch (const std::exception&) {  // memory can end anywhere
      response =
          error_response(io_error("memory: none left for this answer: ask for less at once"), 500);
    }
    reply(std::move(response));
  });
  if (!posted) {
    reply(error_response(io_error("board: too much is asked for at once: ask again in a moment"),
                         503));
  }
}

void Board::State::tell_points(const StoreChanges& changes) {
  std::map<std::string, PointsOfRun> runs;
  for (const auto& fresh : changes.points) {
    PointsOfRun& of_run = runs[fresh.run];
    Json list = Json::array();
    for (std::size_t i = 0; i < fresh.points.steps.size(); ++i) {
      list.push_back({fresh.points.steps[i], json_number(fresh.points.walls[i]),
                      json_number(static_cast<double>(fresh.points.values[i]))});
      of_run.step = std::max(of_run.step, fresh.points.steps[i]);
    }
    of_run.series[fresh.tag] = std::move(list);
  }
  for (const auto& fresh : changes.histograms) {
    runs[fresh.run].histograms.push_back(fresh.tag);
    runs[fresh.run].step = std::max(runs[fresh.run].step, fresh.step);
  }
  for (auto& [run, points] : runs) {
    push("points", {{"run", run},
                    {"step", points.step},
                    {"series", std::move(points.series)},
                    {"histograms", std::move(points.histograms)}});
  }
}

// Of the watcher's thread: what was read, to whoever listens.
void Board::State::tell(const StoreChanges& changes) {
  if (changes.records) {
    const auto fresh = trainings.refresh(store.record_files());
    for (const std::string& id : fresh) {
      const auto training = trainings.find(id);
      if (!training) continue;
      jobs.note_training(id, training->directory);
      push("training", to_json(*training, classifiers.of_training(id)));
    }
  }
  for (const std::string& id : changes.changed) {
    if (const auto run = store.run(id)) push("run", to_json(*run));
  }
  for (const std::string& id : changes.reset) push("reset", {{"run", id}});
  for (const std::string& id : changes.gone) push("gone", {{"run", id}});
  tell_points(changes);
  if (!changes.problems && changes.changed.empty()) return;
  constexpr std::size_t kRemembered = std::size_t{1} << 20;
  if (told_problems.size() > kRemembered) told_problems.clear();
  for (const auto& list : {store.problems(), trainings.problems()}) {
    for (const LogProblem& problem : list) {
      const std::string line = dump_json(to_json(problem), -1) + "\n";
      if (told_problems.find(line) != std::string::npos) continue;
      told_problems += line;
      push("problem", to_json(problem));
    }
  }
}

void Board::State::tell_job(const Json& job, const Json& lines) {
  Json event = job;
  event["lines"] = lines;
  push("job", event);
}

Board::Board(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Board>> Board::start(BoardOptions options) {
  allow_descriptors();
  auto state = std::make_unique<State>(std::move(options));
  State& board = *state;
  GRAFT_TRY(board.listen());
  LogWatcher::Settings settings;
  settings.force_polling = board.options.poll;
  board.watcher = std::make_unique<LogWatcher>(
      board.store, [&board](const StoreChanges& changes) { board.tell(changes); }, settings);
  board.enter(State::Phase::kRunning);
  return std::unique_ptr<Board>(new Board(std::move(state)));
}

// First those who reply, then who pushes; the server last, with its pools' objects behind it.
Board::~Board() {
  state_->enter(State::Phase::kEnding);
  state_->results.stop();
  state_->problems.stop();
  for (WorkerPool* pool : {&state_->light, &state_->heavy, &state_->slow}) pool->stop();
  state_->watcher.reset();
}

std::uint16_t Board::port() const {
  return state_->server->port();
}

std::string Board::address() const {
  const std::string& host = state_->options.host;
  const bool any = host == "0.0.0.0" || host == "::";
  std::string shown = any ? "127.0.0.1" : host;
  if (shown.find(':') != std::string::npos) shown = "[" + shown + "]";
  return "http://" + shown + ":" + std::to_string(port()) + "/" +
         (state_->key.empty() ? "" : "?key=" + state_->key);
}

bool Board::page_is_built() const {
  return find_asset("/index.html").has_value();
}

}  // namespace graft
