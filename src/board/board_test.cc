// The whole board over a real (small) training, through its HTTP interface.
#include "board/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/test_directory.h"
#include "board/classifiers.h"
#include "board/client_testing.h"
#include "board/photo_problems.h"
#include "board/photos.h"
#include "board/results.h"
#include "board/trainings.h"
#include "board/worker_pool.h"
#include "data/dataset.h"
#include "model/builtin.h"
#include "model/classifier.h"
#include "summary/event_writer.h"
#include "train/retrain.h"
#include "train/test_photos.h"
#include "wire/serialize.h"

namespace graft {
namespace {

using test::Answer;
using test::Connection;
using test::request_text;
using testing::HasSubstr;

constexpr int kSteps = 20;

// One training for all tests of this file: three classes, of which one photo stands in two.
struct Trained {
  TestDirectory dir;
  RetrainOptions options;
  Trained() {
    options = test::drawn_training(dir);
    test::put_file(dir / "photos/class1/same.png", test::drawn_photo(0, 0));
    test::put_file(dir / "photos/class2/<b>&\"'.png", test::drawn_photo(2, 99));
    options.summaries_dir = dir / "logs/first";
    options.how_many_training_steps = kSteps;
    train();
    // A second one, of which the graph is another file.
    options.summaries_dir = dir / "logs/second";
    options.output_graph = dir / "out/graph2.pb";
    options.learning_rate = 0.001F;
    train();
  }
  void train() {
    const Json values = {{"image_dir", options.image_dir},
                         {"bottleneck_dir", options.bottleneck_dir},
                         {"testing_percentage", options.testing_percentage},
                         {"validation_percentage", options.validation_percentage},
                         {"split_key", "relative"},
                         {"learning_rate", options.learning_rate},
                         {"how_many_training_steps", options.how_many_training_steps}};
    test::Recorder observer;
    const auto result = retrain(options, values, observer, {});
    ASSERT_TRUE(result.ok()) << result.error().message;
  }
};

class BoardTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { trained_ = new Trained(); }
  static void TearDownTestSuite() {
    delete trained_;
    trained_ = nullptr;
  }
  void SetUp() override {
    options_.logdirs = {{"", trained_->dir / "logs"}};
    options_.port = 0;
    options_.model_dir = trained_->dir / "models";
    start();
    // The first reading is the watcher's: it takes a moment.
    ASSERT_TRUE(comes_true([this] { return json("/api/trainings")["trainings"].size() == 2; }));
  }
  void start() {
    auto begun = Board::start(options_);
    ASSERT_TRUE(begun.ok()) << begun.error().message;
    board_ = std::move(begun).value();
  }
  static bool comes_true(const std::function<bool()>& done) {
    for (int i = 0; i < 6000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  Answer get(const std::string& target, const std::string& headers = "") {
    return test::get(board_->port(), target, headers);
  }
  Json json(const std::string& target) {
    const Answer answer = get(target);
    EXPECT_EQ(answer.status, 200) << target << "\n" << answer.body;
    return answer.status == 200 ? answer.json() : Json::object();
  }
  std::string token() {
    // The plain page has no token: it is read where the built page would have it.
    return token_of_page(get("/").body);
  }
  static std::string token_of_page(const std::string& page) {
    const std::size_t at = page.find("name=\"graft-token\" content=\"");
    return at == std::string::npos ? "" : page.substr(at + 28, 32);
  }
  std::string run(const std::string& name) {
    const Json all = json("/api/runs");
    for (const Json& run : all["runs"]) {
      if (run["name"] == name) return run["id"];
    }
    return "";
  }
  std::string training(const std::string& name) {
    const Json all = json("/api/trainings");
    for (const Json& training : all["trainings"]) {
      if (training["name"] == name) return training["id"];
    }
    return "";
  }

  static Trained* trained_;
  BoardOptions options_;
  std::unique_ptr<Board> board_;
};
Trained* BoardTest::trained_ = nullptr;

// Where `real` is not of `example`'s shape: same keys, same kinds of values; null stands for any
// kind, and of a list the first elements are compared.
void same_shape(const Json& example, const Json& real, const std::string& where) {
  if (example.is_null() || real.is_null()) return;
  if (example.is_object()) {
    ASSERT_TRUE(real.is_object()) << where;
    for (const auto& [key, value] : example.items()) {
      ASSERT_TRUE(real.contains(key)) << where << "." << key << " is missing";
      same_shape(value, real[key], where + "." + key);
    }
    for (const auto& [key, value] : real.items()) {
      EXPECT_TRUE(example.contains(key)) << where << "." << key << " is not in the example";
    }
  } else if (example.is_array()) {
    ASSERT_TRUE(real.is_array()) << where;
    if (!example.empty() && !real.empty()) same_shape(example[0], real[0], where + "[0]");
  } else {
    EXPECT_TRUE(example.is_number() ? real.is_number() : example.type() == real.type()) << where;
  }
}

TEST_F(BoardTest, AnswersAsTheExamplesOfTheContractDo) {
  const std::string id = training("first"), train = run("first/train");
  ASSERT_FALSE(id.empty());
  ASSERT_FALSE(train.empty());
  const std::string histogram = "final_training_ops%2Fweights%2Fsummaries%2Fhistogram";
  ASSERT_TRUE(comes_true([&] {
    return json("/api/dataset/problems?training=" + id)["state"] == "ready" &&
           json("/api/eval/" + id + "/suspects")["state"] == "ready";
  }));
  for (const auto& [example, target] : std::vector<std::pair<std::string, std::string>>{
           {"status", "/api/status"},
           {"runs", "/api/runs"},
           {"trainings", "/api/trainings"},
           {"tags", "/api/tags?run=" + train},
           {"hist", "/api/hist?run=" + train + "&tag=" + histogram},
           {"graph", "/api/graph?run=" + train},
           {"dataset", "/api/dataset?training=" + id},
           {"images", "/api/dataset/images?training=" + id},
           {"problems", "/api/dataset/problems?training=" + id},
           {"eval", "/api/eval/" + id},
           {"samples", "/api/eval/" + id + "/samples"},
           {"samples", "/api/eval/" + id + "/suspects"},
           {"compare", "/api/compare?a=" + id + "&b=" + training("second")},
           {"zoo", "/api/zoo"},
       }) {
    const auto text = read_text_file(std::string(GRAFT_SOURCE_DIR) + "/docs/board_api/examples/" +
                                     example + ".json");
    ASSERT_TRUE(text.ok());
    Json wanted = *parse_json(*text);
    // An option's value is of whatever kind the option is.
    if (example == "compare") wanted["options"][0]["a"] = wanted["options"][0]["b"] = nullptr;
    same_shape(wanted, json(target), example);
  }
}

// One answer with what the others say apart; the page has it, and misses nothing from there on.
TEST_F(BoardTest, ThePageComesWithWhatItBeginsWith) {
  const Json start = json("/api/start");
  EXPECT_EQ(start["status"], json("/api/status"));
  EXPECT_EQ(start["runs"], json("/api/runs")["runs"]);
  EXPECT_EQ(start["trainings"], json("/api/trainings")["trainings"]);
  const Json jobs = json("/api/jobs")["jobs"];
  EXPECT_EQ(start["job"].is_null(), jobs.empty());
  EXPECT_EQ(start["tags"].size(), start["runs"].size());
  for (const auto& [run, tags] : start["tags"].items()) {
    EXPECT_EQ(tags, json("/api/tags?run=" + run));
  }
  constexpr std::string_view kMark = "name=\"graft-start\" content=\"";
  const std::string page = get("/").body;
  if (const std::size_t at = page.find(kMark); at != std::string::npos) {  // it was built
    const std::size_t begin = at + kMark.size();
    std::string text = page.substr(begin, page.find('"', begin) - begin);
    for (const auto& [name, letter] : std::vector<std::pair<std::string, std::string>>{
             {"&quot;", "\""}, {"&#39;", "'"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}}) {
      for (std::size_t i = text.find(name); i != std::string::npos; i = text.find(name, i + 1)) {
        text.replace(i, name.size(), letter);
      }
    }
    Json in_page = *parse_json(text);
    in_page["event"] = start["event"];
    EXPECT_EQ(in_page, start);
  }
  const std::string folder = trained_->dir / "logs/later";
  auto writer = EventWriter::create(folder);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->flush().ok());
  ASSERT_TRUE(comes_true([this] { return json("/api/runs")["runs"].size() == 5; }));
  test::Connection viewer(board_->port());
  std::string pushed;
  viewer.send(test::request_text(board_->port(), "GET",
                                 "/api/events?after=" + start["event"].get<std::string>()));
  EXPECT_TRUE(viewer.receive_until(pushed, "\"name\":\"later\"")) << pushed;
  EXPECT_EQ(pushed.find("event: reset"), std::string::npos);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(comes_true([this] { return json("/api/runs")["runs"].size() == 4; }));
}

TEST_F(BoardTest, ShowsTheRunsAndTheirNumbers) {
  const Json runs = json("/api/runs")["runs"];
  ASSERT_EQ(runs.size(), 4U);
  EXPECT_EQ(runs[0]["name"], "first/train");
  EXPECT_EQ(runs[0]["group"], "first");
  EXPECT_EQ(runs[0]["last_step"], kSteps - 1);
  const std::string train = runs[0]["id"];
  const Answer series = get("/api/series?run=" + train + "&tag=accuracy_1");
  ASSERT_EQ(series.status, 200);
  ASSERT_EQ(series.body.size(), 16U + 24 * kSteps);
  const Json points = json("/api/series?run=" + train + "&tag=accuracy_1&format=json");
  ASSERT_EQ(points.size(), static_cast<std::size_t>(kSteps));
  float value = 0;
  std::memcpy(&value, series.body.data() + 16 + 16 * kSteps, 4);
  EXPECT_EQ(static_cast<double>(value), points[0][2].get<double>());
  EXPECT_EQ(get("/api/series?run=" + train + "&tag=none").status, 404);
  EXPECT_EQ(get("/api/series?run=none&tag=accuracy_1").status, 404);
  EXPECT_EQ(get("/api/series?run=" + train + "&tag=accuracy_1&smooth=1").status, 400);
  EXPECT_EQ(get("/api/series?run=" + train + "&tag=accuracy_1&x0=nan").status, 400);
  const Json hist = json("/api/hist?run=" + train + "&tag=activations&steps=5&bins=4");
  EXPECT_EQ(hist["steps"].size(), 5U);
  // Each step's photos and classes: all of its counts are there.
  double sum = 0;
  for (const Json& count : hist["counts"][0]) sum += count.get<double>();
  EXPECT_NEAR(sum, 300, 1e-9);  // 100 photos a batch, 3 scores each
}

TEST_F(BoardTest, ShowsPhotosByIdAlone) {
  const std::string id = training("first");
  const Json dataset = json("/api/dataset?training=" + id);
  EXPECT_EQ(dataset["photos"], 32);
  ASSERT_EQ(dataset["classes"].size(), 3U);
  const Json images = json("/api/dataset/images?training=" + id + "&limit=20");
  EXPECT_EQ(images["images"].size(), 20U);
  EXPECT_EQ(images["total"], 32);
  const Json rest = json("/api/dataset/images?training=" + id +
                         "&limit=20&cursor=" + images["next"].get<std::string>());
  EXPECT_EQ(rest["images"].size(), 12U);
  EXPECT_TRUE(rest["next"].is_null());
  const std::string thumb = "/api/thumb/" + images["images"][0]["id"].get<std::string>();
  const Answer small = get(thumb + "?s=32");
  EXPECT_EQ(small.status, 200);
  EXPECT_TRUE(small.body.starts_with("\xFF\xD8\xFF"));
  const std::size_t etag = small.head.find("ETag: ");
  ASSERT_NE(etag, std::string::npos);
  const std::string tag = small.head.substr(etag + 6, small.head.find("\r\n", etag) - etag - 6);
  EXPECT_EQ(get(thumb + "?s=32", "If-None-Match: " + tag + "\r\n").status, 304);
  EXPECT_EQ(get(thumb + "?s=5").status, 400);
}

// Fault 32: nothing but the table of photos leads to a file.
TEST_F(BoardTest, Fault32HandsOutNoOtherFile) {
  for (const char* target :
       {"/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%252e%252e/etc/passwd",
        "/api/thumb/..%2f..%2fetc%2fpasswd", "/api/thumb/%2e%2e", "/api/thumb//etc/passwd",
        "/api/thumb/0123456789abcdef", "/etc/passwd", "//etc/passwd", "/api/eval/../status",
        "/api/thumb/", "/assets/../../etc/passwd"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
  EXPECT_EQ(get("/api/thumb/a%00b").status, 400);
}

// Fault 32: a link among the photos is what it leads to: a photo, or nothing.
TEST_F(BoardTest, Fault32LinksLeadToPhotosAlone) {
  const std::string folder = trained_->dir / "linked";
  for (const char* label : {"one", "two"}) {
    test::put_file(folder + "/" + label + "/photo.png", test::drawn_photo(0, 7));
    std::filesystem::create_symlink("/etc/passwd", folder + "/" + label + "/secret.jpg");
    std::filesystem::create_symlink(trained_->dir / "photos/class1/photo3.png",
                                    folder + "/" + label + "/link.png");
  }
  BoardOptions options;
  options.port = 0;
  options.logdirs = {{"", trained_->dir / "nowhere"}};
  options.image_dir = folder;
  auto board = Board::start(options);
  ASSERT_TRUE(board.ok());
  const auto ask = [&](const std::string& target) { return test::get((*board)->port(), target); };
  ASSERT_TRUE(comes_true([&] { return ask("/api/dataset").json()["state"] == "ready"; }));
  const Json images = ask("/api/dataset/images").json()["images"];
  std::set<std::string> shown;
  for (const Json& image : images) {
    const Answer thumb = ask("/api/thumb/" + image["id"].get<std::string>());
    EXPECT_THAT(thumb.body, testing::Not(HasSubstr("root:"))) << image["file"];
    if (thumb.status == 200) shown.insert(image["file"]);
  }
  EXPECT_THAT(shown, testing::ElementsAre("one/link.png", "one/photo.png", "two/link.png",
                                          "two/photo.png"));
}

// Fault 34: labels and file names are data in JSON and escaped in HTML.
TEST_F(BoardTest, Fault34NamesStayText) {
  const Json images = json("/api/dataset/images?training=" + training("first"));
  bool found = false;
  for (const Json& image : images["images"]) {
    found = found || image["file"] == "class2/<b>&\"'.png";
  }
  EXPECT_TRUE(found);
  const Answer answer = get("/api/status");
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(answer.head, HasSubstr("nosniff"));
  auto writer = EventWriter::create(trained_->dir / "logs/<script>alert(1)</script>");
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->flush().ok());
  ASSERT_TRUE(comes_true([this] { return json("/api/runs")["runs"].size() == 5; }));
  EXPECT_EQ(get("/").body.find("<script>alert"), std::string::npos);
  std::filesystem::remove_all(trained_->dir / "logs/<script>alert(1)<");
  ASSERT_TRUE(comes_true([this] { return json("/api/runs")["runs"].size() == 4; }));
}

// The key of an address becomes a cookie: nothing in it may end that header and begin another.
TEST_F(BoardTest, AKeyCannotBeginAnotherHeader) {
  const Answer answer = get("/?key=0a%0d%0aX-Other:%201%0d%0a%0d%0a<script>");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.head.find("X-Other"), std::string::npos) << answer.head;
  EXPECT_EQ(answer.head.find("Set-Cookie"), std::string::npos) << answer.head;
  EXPECT_THAT(get("/?key=0af9").head, HasSubstr("Set-Cookie: graft_key=0af9; HttpOnly"));
}

TEST_F(BoardTest, ExplainsTheResults) {
  const std::string id = training("first");
  const Json eval = json("/api/eval/" + id);
  EXPECT_EQ(eval["state"], "ready");
  std::size_t photos = 0;
  for (const Json& row : eval["confusion"]) {
    for (const Json& cell : row) photos += cell.get<std::size_t>();
  }
  EXPECT_EQ(photos, eval["photos"].get<std::size_t>());
  ASSERT_TRUE(
      comes_true([&] { return json("/api/eval/" + id + "/samples")["state"] != "working"; }));
  // Cell by cell, as many samples as the matrix counts: the mistakes are run.json's, what was right
  // is computed from the cached features through the written graph.
  for (std::size_t t = 0; t < eval["labels"].size(); ++t) {
    for (std::size_t p = 0; p < eval["labels"].size(); ++p) {
      const Json samples = json("/api/eval/" + id + "/samples?true=" + std::to_string(t) +
                                "&pred=" + std::to_string(p));
      EXPECT_EQ(samples["total"], eval["confusion"][t][p]) << t << " " << p;
      for (const Json& sample : samples["samples"]) {
        EXPECT_EQ(get("/api/thumb/" + sample["id"].get<std::string>()).status, 200);
      }
    }
  }
  EXPECT_EQ(get("/api/eval/none").status, 404);
  EXPECT_EQ(get("/api/eval/" + id + "/samples?true=99").status, 400);
  EXPECT_EQ(get("/api/eval/" + id + "/samples?cursor=zzz").status, 400);
}

// What was made for a training goes with it, or with the graph that it was made of: at the next one
// that is asked for.
TEST_F(BoardTest, KeepsNothingOfTrainingsThatAreGone) {
  const std::string logs = trained_->dir / "logs";
  const std::string first = logs + "/first/run.json", second = logs + "/second/run.json";
  Trainings trainings({{"", logs}});
  WorkerPool pool(1, 10);
  Photos photos(trainings, "");
  Classifiers classifiers(trainings, "");
  Results results(trainings, photos, classifiers, pool);
  PhotoProblems problems(trainings, pool);
  struct Made {
    std::weak_ptr<const PhotoSet> photos;
    std::weak_ptr<const std::vector<Sample>> samples;
  };
  const auto made_for = [&](const std::shared_ptr<const Training>& training) {
    Made made;
    const auto set = *photos.set(training->id);
    made.photos = set;
    EXPECT_TRUE(comes_true([&] { return problems.of(set).ready; }));
    EXPECT_TRUE(comes_true([&] {
      made.samples = results.scores(training).samples;
      return !made.samples.expired();
    }));
    return made;
  };
  trainings.refresh({first});
  const Made gone = made_for(trainings.newest());
  EXPECT_FALSE(gone.photos.expired());
  trainings.refresh({second});
  const auto there = trainings.newest();
  const Made kept = made_for(there);
  EXPECT_TRUE(comes_true([&] { return gone.photos.expired(); }));
  EXPECT_TRUE(gone.samples.expired());
  auto other_graph = std::make_shared<Training>(*there);
  other_graph->graph_sha256 = "another";
  EXPECT_TRUE(
      comes_true([&] { return results.scores(other_graph).state != Results::State::kWorking; }));
  EXPECT_FALSE(kept.photos.expired());
  EXPECT_FALSE(kept.samples.expired());
}

// Of the record of a training that others may have written, only what it should be is used.
TEST_F(BoardTest, ComparesWhateverTheRecordsSay) {
  const TestDirectory dir;
  int number = 0;
  for (const char* confusion : {"[[1, 2], [3, 4]]", R"({"a": [1], "b": 2})", "7", "[7, [1, \"x\"]]",
                                "[[1e300, -9223372036854775808], [18446744073709551615, 0]]"}) {
    const std::string folder = dir / std::to_string(number++);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/run.json")
        << R"({"format": "graft-run-1", "labels": ["a", "b"], "result": {"test": {"confusion": )"
        << confusion << "}}}";
  }
  options_.logdirs = {{"", dir.path()}};
  start();
  ASSERT_TRUE(comes_true([this] { return json("/api/trainings")["trainings"].size() == 5; }));
  const std::string first = training("0");
  for (int other = 0; other < number; ++other) {
    const std::string target = "/api/compare?a=" + training(std::to_string(other)) + "&b=" + first;
    const Json difference = json(target)["difference"];
    ASSERT_EQ(difference.size(), 2U) << other;
    EXPECT_EQ(difference[1].size(), 2U) << other;
  }
}

// The page's way: a photo's bytes in, scores and the map out, number for number those of the
// classifier's file, as `graft label` loads it. That the map and its bias sum to the logit is
// model/class_map_test.cc's.
TEST_F(BoardTest, TriesAClassifier) {
  const Json status = json("/api/status");
  ASSERT_EQ(status["classifiers"].size(), 2U);
  const std::string target =
      "/api/classify?cam=1&classifier=" + status["classifiers"][0]["id"].get<std::string>();
  const std::string secret = "X-Graft-Token: " + token() + "\r\n";
  const auto photo = read_text_file(trained_->dir / "photos/class1/photo3.png");
  ASSERT_TRUE(photo.ok());
  const auto post = [&](const std::string& where, const std::string& headers,
                        const std::string& body) {
    return test::say(board_->port(), request_text(board_->port(), "POST", where, headers, body));
  };
  EXPECT_EQ(post(target, "", *photo).status, 403);
  const Answer answer = post(target, secret, *photo);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json tried = answer.json();
  const auto example =
      read_text_file(std::string(GRAFT_SOURCE_DIR) + "/docs/board_api/examples/classify.json");
  ASSERT_TRUE(example.ok());
  same_shape(*parse_json(*example), tried, "classify");
  EXPECT_EQ(tried["width"], 24);
  ClassifierOptions file;
  file.graph_path = status["classifiers"][0]["file"];
  const auto classifier = Classifier::load(file);
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  const auto scores = classifier->make_session()->scores(as_bytes(*photo));
  ASSERT_TRUE(scores.ok());
  const std::vector<Prediction> best = top_k(*scores, 3);
  ASSERT_EQ(tried["scores"].size(), best.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto label = static_cast<std::size_t>(best[i].label);
    EXPECT_EQ(tried["scores"][i]["label"], classifier->labels()[label]);
    EXPECT_EQ(tried["scores"][i]["score"], static_cast<double>(best[i].score));
  }
  file.class_maps = true;
  const auto with_maps = Classifier::load(file);
  ASSERT_TRUE(with_maps.ok());
  const auto look = with_maps->make_session()->look(as_bytes(*photo), std::nullopt);
  ASSERT_TRUE(look.ok());
  const Json& map = tried["cam"];
  EXPECT_EQ(map["class"], look->label);
  EXPECT_EQ(map["bias"], look->bias);
  EXPECT_EQ(map["logit"], look->logit);
  ASSERT_EQ(map["values"].size(), static_cast<std::size_t>(look->rows));
  std::vector<double> values;
  for (const Json& row : map["values"]) {
    EXPECT_EQ(row.size(), static_cast<std::size_t>(look->columns));
    for (const Json& value : row) values.push_back(value);
  }
  EXPECT_EQ(values, look->values);
  EXPECT_EQ(post(target + "&class=1", secret, *photo).json()["cam"]["class"], 1);
  EXPECT_EQ(post(target + "&class=7", secret, *photo).status, 400);
  EXPECT_EQ(post(target, secret, "no photo").status, 422);
  EXPECT_EQ(post("/api/classify?classifier=none", secret, *photo).status, 404);
}

TEST_F(BoardTest, DrawsPhotosForWhoHasNone) {
  options_.sample_dir = trained_->dir / "drawn";
  options_.sample_photos = 2;
  board_.reset();
  start();
  const auto post = [&](const std::string& headers) {
    return test::say(board_->port(), request_text(board_->port(), "POST", "/api/sample", headers));
  };
  EXPECT_EQ(post("").status, 403);
  const Answer answer = post("X-Graft-Token: " + token() + "\r\n");
  ASSERT_EQ(answer.status, 201) << answer.body;
  const auto example =
      read_text_file(std::string(GRAFT_SOURCE_DIR) + "/docs/board_api/examples/sample.json");
  ASSERT_TRUE(example.ok());
  same_shape(*parse_json(*example), answer.json(), "sample");
  EXPECT_EQ(answer.json()["path"], options_.sample_dir);
  // They are what a training takes.
  ScanOptions scan;
  scan.image_dir = options_.sample_dir;
  const auto dataset = scan_image_folder(scan);
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->classes.size(), answer.json()["classes"].get<std::size_t>());
  EXPECT_EQ(dataset->examples.size(), answer.json()["photos"].get<std::size_t>());
}

// A job is a process: here one that stands for graft, prints as it does and waits for its Ctrl-C.
TEST_F(BoardTest, StartsFollowsAndStopsAJob) {
  const std::string script = trained_->dir / "graft.sh";
  std::ofstream(script) << "#!/bin/sh\n"
                           "trap 'echo stopped >&2; exit 130' INT\n"
                           "echo \"started with $*\"\n"
                           "echo \"niceness $(nice)\"\n"
                           "echo 'Features: 7 of 30 photos, 5 a second, 3 s left' >&2\n"
                           "while :; do sleep 0.05; done\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  options_.program = script;
  board_.reset();
  start();
  const std::string secret = "X-Graft-Token: " + token() + "\r\n";
  const auto ask = [&](const std::string& method, const std::string& target,
                       const std::string& body) {
    return test::say(board_->port(), request_text(board_->port(), method, target, secret, body));
  };
  const std::string form = dump_json({{"options", {{"image_dir", trained_->dir / "photos"}}}}, -1);
  const Answer preview = ask("POST", "/api/jobs?preview=1", form);
  EXPECT_EQ(preview.status, 200);
  EXPECT_TRUE(preview.json()["problems"].empty()) << preview.body;
  EXPECT_EQ(ask("POST", "/api/jobs", "{\"options\": {\"image_dir\": \"/nowhere\"}}").status, 400);
  EXPECT_EQ(ask("POST", "/api/jobs", "no json").status, 422);
  const Answer started = ask("POST", "/api/jobs", form);
  ASSERT_EQ(started.status, 201) << started.body;
  const std::string job = "/api/jobs/" + started.json()["id"].get<std::string>();
  EXPECT_EQ(ask("POST", "/api/jobs", form).status, 409);
  ASSERT_TRUE(comes_true([&] { return json(job)["done"] == 7; }));
  const Json running = json(job);
  EXPECT_EQ(running["state"], "running");
  EXPECT_EQ(running["stage"], "features");
  EXPECT_THAT(running["log"][0].get<std::string>(), HasSubstr("started with retrain --image_dir="));
  EXPECT_EQ(running["log"][1], "niceness " + std::to_string(::getpriority(PRIO_PROCESS, 0)));
  const auto example =
      read_text_file(std::string(GRAFT_SOURCE_DIR) + "/docs/board_api/examples/job.json");
  ASSERT_TRUE(example.ok());
  same_shape(*parse_json(*example), running, "job");
  EXPECT_EQ(json("/api/status")["job"], running["id"]);
  // The training that appears in its folder is the job's.
  const std::string record = trained_->dir / "logs/mobilenet_0.50_224/run.json";
  ASSERT_TRUE(write_atomically(record, as_bytes("{\"format\": \"graft-run-1\"}")).ok());
  ASSERT_TRUE(comes_true([&] { return json(job)["training"].is_string(); }));
  std::filesystem::remove_all(trained_->dir / "logs/mobilenet_0.50_224");
  ASSERT_TRUE(comes_true([&] { return json("/api/trainings")["trainings"].size() == 2; }));
  EXPECT_EQ(ask("DELETE", job, "").status, 202);
  ASSERT_TRUE(comes_true([&] { return json(job)["state"] == "stopped"; }));
  EXPECT_EQ(json(job)["exit_code"], 130);
  EXPECT_EQ(ask("DELETE", "/api/jobs/j99", "").status, 404);
}

TEST_F(BoardTest, FindsTheSamePhotoInTwoClasses) {
  const std::string target = "/api/dataset/problems?training=" + training("first");
  ASSERT_TRUE(comes_true([&] { return json(target)["state"] == "ready"; }));
  bool found = false;
  const Json account = json(target);
  for (const Json& problem : account["problems"]) {
    if (problem["kind"] != "duplicate") continue;
    found = true;
    EXPECT_EQ(problem["images"].size(), 2U);
    EXPECT_THAT(problem["message"].get<std::string>(), HasSubstr("more than one class"));
  }
  EXPECT_TRUE(found);
}

TEST_F(BoardTest, SpeaksTensorBoard) {
  const Json names = json("/data/runs");
  EXPECT_THAT(names.dump(), HasSubstr("first/train"));
  const Json tags = json("/data/plugin/scalars/tags");
  EXPECT_TRUE(tags["first/train"].contains("accuracy_1"));
  const Json points = json("/data/plugin/scalars/scalars?run=first%2Ftrain&tag=accuracy_1");
  ASSERT_EQ(points.size(), static_cast<std::size_t>(kSteps));
  EXPECT_EQ(points[kSteps - 1][1], kSteps - 1);
  EXPECT_EQ(json("/data/plugin/histograms/histograms?run=first%2Ftrain&tag=activations").size(),
            static_cast<std::size_t>(kSteps));
  EXPECT_EQ(get("/data/plugin/scalars/scalars?run=none&tag=accuracy_1").status, 404);
}

// Written to the file, read, pushed: without asking.
TEST_F(BoardTest, PushesWhatATrainerWrites) {
  Connection page(board_->port());
  ASSERT_TRUE(page.send(request_text(board_->port(), "GET", "/api/events")));
  std::string text;
  ASSERT_TRUE(page.receive_until(text, "event: hello"));
  auto writer = EventWriter::create(trained_->dir / "logs/live/train");
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->flush().ok());
  ASSERT_TRUE(page.receive_until(text, "live/train"));
  ASSERT_TRUE(comes_true([this] { return !run("live/train").empty(); }));
  SummaryBuilder summary;
  summary.scalar("loss", 0.25F);
  writer->add_summary(summary, 7);
  ASSERT_TRUE(writer->flush().ok());
  ASSERT_TRUE(page.receive_until(text, "event: points"));
  ASSERT_TRUE(page.receive_until(text, "\"loss\":[[7.0,"));
  std::filesystem::remove_all(trained_->dir / "logs/live");
  ASSERT_TRUE(page.receive_until(text, "event: gone"));
}

TEST_F(BoardTest, WithoutLogsSaysWhereItLooked) {
  BoardOptions options;
  options.port = 0;
  options.logdirs = {{"", trained_->dir / "nowhere"}};
  auto empty = Board::start(options);
  ASSERT_TRUE(empty.ok());
  const Answer status = test::get((*empty)->port(), "/api/status");
  ASSERT_EQ(status.status, 200);
  EXPECT_EQ(status.json()["logdirs"][0]["exists"], false);
  EXPECT_EQ(status.json()["logdirs"][0]["path"], trained_->dir / "nowhere");
  const Answer dataset = test::get((*empty)->port(), "/api/dataset");
  EXPECT_EQ(dataset.json()["state"], "none");
}

TEST_F(BoardTest, Fault30FindsOutWhoHoldsAPort) {
  const PortHolder own = port_holder(board_->port());
  EXPECT_TRUE(own.graft);
  ASSERT_EQ(own.logdirs.size(), 1U);
  EXPECT_EQ(own.logdirs[0], trained_->dir / "logs");
  // The next free port is taken.
  BoardOptions options = options_;
  options.port = board_->port();
  auto next = Board::start(options);
  ASSERT_TRUE(next.ok()) << next.error().message;
  EXPECT_NE((*next)->port(), board_->port());
}

// Fault 33: nobody who dawdles or floods keeps others, or the reading of logs, from going on.
TEST_F(BoardTest, Fault33GoesOnUnderAFlood) {
  std::vector<std::unique_ptr<Connection>> flood;
  for (int i = 0; i < 300; ++i) {
    flood.push_back(std::make_unique<Connection>(board_->port()));
    flood.back()->send(i % 2 == 0 ? "GET / HT" : request_text(board_->port(), "GET", "/api/runs"));
  }
  const auto answer = get("/api/status");
  EXPECT_EQ(answer.status, 200);
  auto writer = EventWriter::create(trained_->dir / "logs/flood");
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->flush().ok());
  EXPECT_TRUE(comes_true([this] { return !run("flood").empty(); }));
  flood.clear();
  std::filesystem::remove_all(trained_->dir / "logs/flood");
  EXPECT_TRUE(comes_true([this] { return json("/api/runs")["runs"].size() == 4; }));
}

}  // namespace
}  // namespace graft
