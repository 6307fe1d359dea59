// Any bytes that a connection brings are refused with one line, or are requests that the guard lets
// pass and of which the body is as long as the header says; in whatever pieces they arrive, they
// are the same requests. Every one is answered, whatever its parameters and its body.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/test_directory.h"
#include "base/text.h"
#include "board/request_parser.h"
#include "board_routes.h"
#include "event_files.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

namespace http = boost::beast::http;

const Guard& guard() {
  static const Guard guard{{"board.example"}, false, "token", ""};
  return guard;
}

HttpLimits limits() {
  HttpLimits limits;
  limits.header_bytes = 2048;
  limits.target_bytes = 1024;
  limits.body_bytes = 2048;
  return limits;
}

using Requests = std::vector<HttpRequest>;

void check_refusal(const HttpResponse& refusal) {
  require(refusal.status >= 400 && refusal.status < 600 && refusal.status != 500,
          "a refusal of another status");
  const auto json = parse_json(refusal.body);
  require(json.ok(), "a refusal that is no JSON");
  require_refusal(invalid_argument((*json)["error"]["message"]));
}

// As HttpServer's sessions read, from memory. rng: where to cut; null: all at once.
class Connection {
 public:
  Connection(std::string_view bytes, Rng* rng) : coming_(bytes), rng_(rng) {}

  Requests read() {
    Requests arrived;
    for (bool more = true; more;) more = read_one(arrived);
    return arrived;
  }

 private:
  // False: the connection ends.
  bool read_one(Requests& arrived) {
    RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits().header_bytes));
    parser.body_limit(limits().body_bytes);
    const auto header_done = [&] { return parser.is_header_done(); };
    if (!feed(parser, header_done)) return false;
    HttpRequest request;
    if (const auto refusal = take_header(parser, limits(), guard(), request)) {
      check_refusal(*refusal);
      return false;
    }
    parser.eager(true);
    if (!feed(parser, [&] { return parser.is_done(); })) return false;
    request.body = parser.get().body();
    arrived.push_back(std::move(request));
    return parser.get().keep_alive();
  }

  template <typename Done>
  bool feed(RequestParser& parser, const Done& done) {
    while (!done()) {
      boost::system::error_code failure;
      const std::size_t used = parser.put(boost::asio::buffer(here_), failure);
      here_.erase(0, used);
      if (failure == http::error::need_more || (!failure && used == 0)) {
        if (coming_.empty()) return false;
        arrive();
      } else if (failure) {
        if (const auto refusal = refusal_of(failure)) check_refusal(*refusal);
        return false;
      }
    }
    return true;
  }

  void arrive() {
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(coming_.size(), 64));
    const std::size_t piece = rng_ == nullptr ? coming_.size() : 1 + rng_->below(size);
    here_ += coming_.substr(0, piece);
    coming_.remove_prefix(piece);
  }

  std::string here_;
  std::string_view coming_;
  Rng* rng_;
};

bool same(const HttpRequest& a, const HttpRequest& b) {
  return a.method == b.method && a.path == b.path && a.query == b.query && a.headers == b.headers &&
         a.body == b.body;
}

void check_request(const HttpRequest& request) {
  require(request.path.starts_with('/'), "a path that begins with something else");
  require(
      std::ranges::none_of(
          request.path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }),
      "a control character in a path");
  require(request.count_headers("host") == 1, "not one Host");
  const std::string host = to_lower_ascii(request.header("host"));
  require(std::ranges::any_of(std::array{"localhost", "127.0.0.1", "[::1]", "board.example"},
                              [&](std::string_view own) {
                                return host.starts_with(own) &&
                                       (host.size() == own.size() || host[own.size()] == ':');
                              }),
          "a Host that is not served: " + host);
  const bool changes = request.method == Method::kPost || request.method == Method::kDelete;
  require(!changes || request.header("x-graft-token") == "token", "a change without the token");
  require(request.count_headers("transfer-encoding") == 0, "an encoding that is not taken");
  require(request.body.empty() || request.method == Method::kPost, "a body that is not taken");
  require(request.body.size() <= limits().body_bytes, "a body beyond the limit");
  const std::string length = request.header("content-length");
  require(request.body.size() == (length.empty() ? 0 : std::stoull(length)),
          "a body of another length than the header says");
  for (const auto& [name, value] : request.query) {
    const auto whole = request.integer(name, -3, 1000);
    require(!whole.ok() || !*whole || (**whole >= -3 && **whole <= 1000), "beyond its limits");
    const auto number = request.number(name);
    require(!number.ok() || !*number || std::isfinite(**number), "a number that is not finite");
    if (!whole.ok()) require_refusal(whole.error());
    if (!number.ok()) require_refusal(number.error());
  }
}

// Runs, a training and two photos to ask for.
struct Folder {
  TestDirectory dir;
  Folder() {
    int number = 0;
    for (const std::string& log : event_files()) {
      const std::string run = dir / "logs/run" + std::to_string(number++);
      std::filesystem::create_directories(run);
      std::ofstream(run + "/events.out.tfevents.1.host", std::ios::binary) << log;
    }
    std::ofstream(dir / "logs/run.json") << full_record();
    for (const char* label : {"daisy", "roses"}) {
      std::filesystem::create_directories(dir / "logs/photos/" + label);
      std::ofstream(dir / "logs/photos/" + label + "/1.png", std::ios::binary)
          << source_files("tests/golden/files", ".png").front();
    }
  }
};

// Ids are made of the folder's name, which is another in every process: what stands for them in the
// inputs, "id0" and so on of the runs and "id9" of the training, is put right.
HttpRequest with_ids(HttpRequest request,
                     const std::vector<std::pair<std::string, std::string>>& ids) {
  for (const auto& [name, id] : ids) {
    const std::size_t at = request.path.find(name);
    if (at != std::string::npos) request.path.replace(at, name.size(), id);
    for (auto& [key, value] : request.query) {
      if (value == name) value = id;
    }
  }
  return request;
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  static const Folder folder;
  static BoardRoutes board(folder.dir / "logs", folder.dir / "logs/photos");
  static const auto ids = [] {
    std::vector<std::pair<std::string, std::string>> all;
    for (const RunInfo& run : board.store().runs()) {
      all.emplace_back("id" + std::to_string(all.size()), run.id);
    }
    all.emplace_back("id9", board.trainings().front());
    return all;
  }();
  Rng rng(xxh3_64(bytes));
  const Requests whole = Connection(as_text(bytes), nullptr).read();
  const Requests pieces = Connection(as_text(bytes), &rng).read();
  require(std::ranges::equal(whole, pieces, same), "other requests in pieces");
  for (const HttpRequest& request : whole) {
    check_request(request);
    (void)board.answer(with_ids(request, ids));
  }
}

std::vector<std::string> seeds() {
  const std::string head = " HTTP/1.1\r\nHost: 127.0.0.1:6006\r\n";
  std::vector<std::string> all;
  const auto get = [&](const std::string& target) {
    all.push_back("GET " + target + head + "\r\n");
  };
  for (const char* target : {"/",
                             "/?key=abc",
                             "/index.html",
                             "/api/events",
                             "/api/status",
                             "/api/runs",
                             "/api/tags?run=id0",
                             "/api/graph?run=id2&scope=a",
                             "/api/graph?classifier=0",
                             "/api/dataset?training=id9",
                             "/api/dataset/images?class=0&split=testing&limit=5&cursor=c1",
                             "/api/dataset/problems",
                             "/api/thumb/0?s=64",
                             "/api/eval/id9",
                             "/api/eval/id9/samples?true=1&pred=0&order=unsure",
                             "/api/eval/id9/suspects?limit=1",
                             "/api/compare?a=id9&b=id9",
                             "/api/zoo",
                             "/api/jobs",
                             "/api/jobs/j1",
                             "/data/environment",
                             "/data/logdir",
                             "/data/runs",
                             "/data/plugins_listing",
                             "/data/plugin/scalars/tags",
                             "/data/plugin/histograms/tags",
                             "/assets/app.js",
                             "/%252e%252e/etc/passwd"}) {
    get(target);
  }
  get("/data/plugin/scalars/scalars?run=run0&tag=cross_entropy_1&format=csv");
  get("/data/plugin/histograms/histograms?run=run2&tag=tag_1");
  get("/api/"
      "series?run=id1&tag=cross_entropy_1&px=10&smooth=0.6&axis=wall&x0=1&x1=2&all=1&format=json");
  get("/api/hist?run=id2&tag=tag_1&steps=10&bins=30");
  get("/api/blob?run=id2&tag=tag_5&index=0&sample=1");
  get("/api/texts?run=id2&tag=tag_6");
  const std::string token = "X-Graft-Token: token\r\n";
  const std::string form = R"({"options":{"image_dir":"/","how_many_training_steps":5}})";
  all.push_back("POST /api/jobs?preview=1" + head + token +
                "Content-Length: " + std::to_string(form.size()) + "\r\n\r\n" + form);
  all.push_back("POST /api/classify?classifier=0&class=1&cam=1" + head + token +
                "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  all.push_back("DELETE /api/jobs/j1" + head + token + "\r\nGET /api/folders?path=." + head +
                token + "Connection: close\r\n\r\n");
  all.push_back("HEAD /" + head +
                "Origin: http://127.0.0.1:6006\r\nSec-Fetch-Site: same-origin\r\n"
                "Cookie: a=b; graft_key=c\r\nIf-None-Match: \"1\"\r\n\r\n");
  return all;
}

}  // namespace graft::fuzz
