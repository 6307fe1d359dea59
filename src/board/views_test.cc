// The arithmetic behind what is drawn, and the small parsers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>

#include "base/rng.h"
#include "board/curve_view.h"
#include "board/graph_view.h"
#include "board/http.h"
#include "board/job_options.h"
#include "board/jobs.h"
#include "board/photo_problems.h"
#include "board/photos.h"

namespace graft {
namespace {

using testing::ElementsAre;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The plain forms, which are what is meant.
std::vector<float> smoothed(std::span<const float> values, double weight) {
  std::vector<float> out(values.size());
  double last = 0, power = 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      out[i] = values[i];
      continue;
    }
    last = last * weight + (1 - weight) * static_cast<double>(values[i]);
    power *= weight;
    out[i] = static_cast<float>(last / (1 - power));
  }
  return out;
}

std::vector<std::size_t> drawn_plainly(const std::vector<double>& xs,
                                       const std::vector<float>& values, ViewRange range,
                                       std::size_t pixels) {
  std::vector<std::size_t> within;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i] >= range.low && xs[i] <= range.high) within.push_back(i);
  }
  const std::size_t begin = within.front(), end = within.back() + 1;
  const auto [lowest, highest] =
      std::minmax_element(xs.begin() + static_cast<std::ptrdiff_t>(begin),
                          xs.begin() + static_cast<std::ptrdiff_t>(end));
  const double low = std::max(range.low, *lowest), high = std::min(range.high, *highest);
  const auto column = [&](std::size_t i) {
    const double at = (xs[i] - low) * (static_cast<double>(pixels) / (high - low));
    return std::floor(std::clamp(at, -1.0, static_cast<double>(pixels)));
  };
  std::set<std::size_t> kept;
  if (begin > 0) kept.insert(begin - 1);
  if (end < xs.size()) kept.insert(end);
  for (std::size_t i = begin; i < end;) {
    std::vector<std::size_t> finite;
    const std::size_t head = i;
    std::size_t odd = xs.size();
    for (; i < end && column(i) == column(head); ++i) {
      if (std::isfinite(values[i]))
        finite.push_back(i);
      else
        odd = std::min(odd, i);
    }
    kept.insert({head, i - 1});
    if (odd < xs.size()) kept.insert(odd);
    const auto below = [&](std::size_t a, std::size_t b) { return values[a] < values[b]; };
    const auto above = [&](std::size_t a, std::size_t b) { return values[a] > values[b]; };
    if (finite.empty()) continue;
    kept.insert(*std::min_element(finite.begin(), finite.end(), below));
    kept.insert(*std::min_element(finite.begin(), finite.end(), above));
  }
  return {kept.begin(), kept.end()};
}

// By hand, w = 0.5: averages 0.5·1, 0.5·0.5+0.5·3, … divided by 1-0.5^n.
TEST(Smoothed, DividesByWhatTheStartLacks) {
  const std::vector<float> values = {1, 3, kNan, 5};
  const std::vector<float> out = smoothed_at(values, 0.5, std::vector<std::size_t>{0, 1, 2, 3});
  EXPECT_FLOAT_EQ(out[0], 1);
  EXPECT_FLOAT_EQ(out[1], 1.75F / 0.75F);
  EXPECT_TRUE(std::isnan(out[2]));
  EXPECT_FLOAT_EQ(out[3], (0.5F * 1.75F + 2.5F) / 0.875F);
  EXPECT_EQ(smoothed_at(std::vector<float>{4, 2}, 0, std::vector<std::size_t>{0, 1}),
            (std::vector<float>{4, 2}));
}

// A constant stays what it is from the first point on, whatever the weight.
TEST(Smoothed, KeepsAConstant) {
  std::vector<std::size_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  for (const float value : smoothed_at(std::vector<float>(1000, 0.75F), 0.99, all)) {
    EXPECT_FLOAT_EQ(value, 0.75F);
  }
}

std::vector<double> counted(std::size_t n) {
  std::vector<double> xs(n);
  for (std::size_t i = 0; i < n; ++i) xs[i] = static_cast<double>(i);
  return xs;
}

// What decides the drawing of a pixel column is kept: its first, last, lowest and highest value.
TEST(PointsToDraw, KeepsWhatEachPixelColumnShows) {
  constexpr std::size_t kPoints = 10000, kPixels = 100;
  const std::vector<double> xs = counted(kPoints);
  Rng rng(1);
  std::vector<float> values(kPoints);
  for (float& value : values) value = rng.uniform(-1, 1);
  values[1234] = 50;
  values[4321] = -50;
  values[7777] = kNan;
  const auto kept = points_to_draw(xs, values, {-kInfinity, kInfinity}, kPixels);
  EXPECT_LE(kept.size(), 5 * (kPixels + 1));
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  const std::set<std::size_t> set(kept.begin(), kept.end());
  EXPECT_EQ(set.size(), kept.size());
  for (const std::size_t i :
       {std::size_t{0}, kPoints - 1, std::size_t{1234}, std::size_t{4321}, std::size_t{7777}}) {
    EXPECT_TRUE(set.contains(i)) << i;
  }
  // Of every column of the same division, by a plain search.
  const double scale = static_cast<double>(kPixels) / static_cast<double>(kPoints - 1);
  for (std::size_t pixel = 0; pixel < kPixels; ++pixel) {
    float low = kInfinity, high = -kInfinity, low_kept = kInfinity, high_kept = -kInfinity;
    for (std::size_t i = 0; i < kPoints; ++i) {
      if (static_cast<std::size_t>(xs[i] * scale) != pixel || std::isnan(values[i])) continue;
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
      if (!set.contains(i)) continue;
      low_kept = std::min(low_kept, values[i]);
      high_kept = std::max(high_kept, values[i]);
    }
    EXPECT_EQ(low, low_kept) << pixel;
    EXPECT_EQ(high, high_kept) << pixel;
  }
}

// Steps as they are, steps that repeat, and times that jump back and forth; whole curves and parts.
TEST(PointsToDraw, AreThoseOfThePlainForm) {
  constexpr std::size_t kPoints = 5000;
  Rng rng(2);
  for (const char* order : {"counted", "repeated", "jumping"}) {
    std::vector<double> xs = counted(kPoints);
    std::vector<float> values(kPoints);
    for (std::size_t i = 0; i < kPoints; ++i) {
      if (order[0] == 'r') xs[i] = std::floor(xs[i] / 7);
      if (order[0] == 'j') xs[i] += static_cast<double>(rng.uniform(-900, 900));
      values[i] = rng.uniform(0, 1) < 0.02F ? kNan : std::round(rng.uniform(-20, 20));
    }
    for (const ViewRange range : {ViewRange{-kInfinity, kInfinity}, ViewRange{100.5, 650}}) {
      for (const std::size_t pixels : {std::size_t{1}, std::size_t{7}, std::size_t{100}}) {
        if (order[0] == 'r' && pixels == 100 && range.low > 0) continue;  // every point is drawn
        const auto chosen = points_to_draw(xs, values, range, pixels);
        EXPECT_EQ(chosen, drawn_plainly(xs, values, range, pixels)) << order << " " << pixels;
        std::vector<float> wanted;
        const std::vector<float> all = smoothed(values, 0.6);
        for (const std::size_t i : chosen) wanted.push_back(all[i]);
        const std::vector<float> some = smoothed_at(values, 0.6, chosen);
        ASSERT_EQ(some.size(), wanted.size());
        EXPECT_EQ(std::memcmp(some.data(), wanted.data(), some.size() * sizeof(float)), 0);
      }
    }
  }
}

TEST(PointsToDraw, TakesOnePointBeyondTheRange) {
  const std::vector<double> xs = counted(10);
  const std::vector<float> values(10, 1);
  EXPECT_THAT(points_to_draw(xs, values, {3, 5}, 0), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(points_to_draw(xs, values, {3.2, 3.8}, 0), ElementsAre(3, 4));
  EXPECT_THAT(points_to_draw(xs, values, {-9, -5}, 0), ElementsAre(0));
  EXPECT_THAT(points_to_draw(xs, values, {20, 30}, 0), ElementsAre(9));
  EXPECT_THAT(points_to_draw({}, {}, {0, 1}, 100), ElementsAre());
}

TEST(EncodeCurve, LaysTheColumnsOneBehindTheOther) {
  const Curve curve{{0, 1, 2}, {10, 11, 12}, {5, 6, 7}};
  const std::vector<float> smooth = {1, 3};
  const std::vector<std::size_t> indices = {0, 2};
  const std::string bytes = encode_curve({curve.steps, curve.walls, curve.values}, smooth, indices);
  ASSERT_EQ(bytes.size(), 16U + 2 * 24);
  EXPECT_EQ(bytes.substr(0, 4), "GRS1");
  double step = 0, wall = 0;
  float value = 0, smoothed_value = 0;
  std::memcpy(&step, bytes.data() + 16 + 8, 8);
  std::memcpy(&wall, bytes.data() + 16 + 16 + 8, 8);
  std::memcpy(&value, bytes.data() + 16 + 32 + 4, 4);
  std::memcpy(&smoothed_value, bytes.data() + 16 + 40 + 4, 4);
  EXPECT_EQ(bytes[4], 2);
  EXPECT_EQ(bytes[8], 3);
  EXPECT_EQ(step, 2);
  EXPECT_EQ(wall, 12);
  EXPECT_EQ(value, 7);
  EXPECT_EQ(smoothed_value, 3);
}

TEST(CsvOf, IsTensorBoardsDownload) {
  EXPECT_EQ(csv_of({{0, 7}, {1.5, 2}, {0.1F, kNan}}), "Wall time,Step,Value\n1.5,0,0.1\n2,7,nan\n");
}

TEST(EvenlyChosen, HasTheFirstAndTheLast) {
  EXPECT_THAT(evenly_chosen(3, 5), ElementsAre(0, 1, 2));
  EXPECT_THAT(evenly_chosen(11, 3), ElementsAre(0, 5, 10));
  EXPECT_THAT(evenly_chosen(4, 1), ElementsAre(3));
  EXPECT_THAT(evenly_chosen(0, 5), ElementsAre());
}

// A log may hold any number: steps that no double has, and wall times in no order.
TEST(PointsToDraw, TakesTimesInNoOrder) {
  const std::vector<double> xs = {5, -1e300, 6, 1e300, 5.5, 7};
  const std::vector<float> values(xs.size(), 1);
  EXPECT_THAT(points_to_draw(xs, values, {5, 7}, 1), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(WholeStep, IsTheNearestThatThereIs) {
  EXPECT_EQ(whole_step(-3), -3);
  EXPECT_EQ(whole_step(static_cast<double>(std::numeric_limits<std::int64_t>::max())),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(whole_step(static_cast<double>(std::numeric_limits<std::int64_t>::min())),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(whole_step(-kInfinity), std::numeric_limits<std::int64_t>::min());
}

TEST(Histograms, SpreadABucketEvenly) {
  Histogram h;
  h.min = -1;
  h.max = 3;
  h.bucket_limit = {-2, 0, 2, 4, 9};
  h.bucket = {0, 4, 8, 2, 0};
  const std::vector<Bucket> buckets = buckets_of(h);
  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].left, -1);
  EXPECT_EQ(buckets[0].right, 0);
  EXPECT_EQ(buckets[2].left, 2);
  EXPECT_EQ(buckets[2].right, 3);
  const std::vector<double> edges = {-1, 0, 1, 2, 3};
  EXPECT_THAT(rebinned(buckets, edges), ElementsAre(4, 4, 4, 2));
  const std::vector<double> two = {-1, 1, 3};
  EXPECT_THAT(rebinned(buckets, two), ElementsAre(8, 6));
  EXPECT_EQ(percentile(buckets, 0), -1);
  EXPECT_EQ(percentile(buckets, 100), 3);
  EXPECT_DOUBLE_EQ(percentile(buckets, 50), 0.75);  // the 7th of 14: 3 of 8 into [0, 2]
  EXPECT_TRUE(std::isnan(percentile({}, 50)));
}

// Edges that are infinite, none, or further apart than a double can say.
TEST(Histograms, StayNumbersWhateverTheEdges) {
  constexpr double kMost = std::numeric_limits<double>::max();
  for (const auto& [low, middle, high] :
       {std::tuple{-kInfinity, 0.0, kInfinity}, {-kMost, 0.0, kMost}, {-1.0, double{kNan}, 1.0}}) {
    Histogram h;
    h.min = low;
    h.max = high;
    h.bucket_limit = {middle, high};
    h.bucket = {3, 4};
    double left = kInfinity, right = -kInfinity, count = 0;
    const std::vector<Bucket> buckets = buckets_of(h);
    for (const Bucket& bucket : buckets) {
      EXPECT_TRUE(std::isfinite(bucket.right - bucket.left));
      left = std::min(left, bucket.left);
      right = std::max(right, bucket.right);
      count += bucket.count;
    }
    if (buckets.empty()) continue;
    const std::vector<double> edges = {left, left / 2 + right / 2, right};
    double sum = 0;
    for (const double bin : rebinned(buckets, edges)) sum += bin;
    EXPECT_DOUBLE_EQ(sum, count);
    EXPECT_TRUE(std::isfinite(percentile(buckets, 50)));
  }
}

TEST(LayOut, PutsEachBoxBelowWhatLeadsToIt) {
  const std::vector<std::pair<std::size_t, std::size_t>> edges = {
      {0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}};
  const LaidOut out = lay_out(4, edges, 100, 20);
  for (const auto& [from, to] : edges) {
    EXPECT_GT(out.places[to].second, out.places[from].second + 20);
  }
  EXPECT_EQ(out.places[1].second, out.places[2].second);
  EXPECT_GE(std::abs(out.places[1].first - out.places[2].first), 100);
}

TEST(LayOut, EndsOnCyclesAndDeepChains) {
  const std::vector<std::pair<std::size_t, std::size_t>> circle = {{0, 1}, {1, 2}, {2, 0}};
  EXPECT_EQ(lay_out(3, circle, 10, 10).places.size(), 3U);
  constexpr std::size_t kDeep = 50000;
  std::vector<std::pair<std::size_t, std::size_t>> chain;
  for (std::size_t i = 0; i + 1 < kDeep; ++i) chain.emplace_back(i, i + 1);
  const LaidOut out = lay_out(kDeep, chain, 10, 10);
  EXPECT_GT(out.places.back().second, out.places.front().second);
}

TEST(GraphView, ShowsOneScopeAndWhatConnectsItsChildren) {
  GraphSkeleton graph;
  graph.nodes = {{"input", "Placeholder", "[1,2]", {}},
                 {"a/w", "Const", "[2,2]", {}},
                 {"a/mul", "MatMul", "", {"input", "a/w"}},
                 {"out", "Softmax", "", {"a/mul"}}};
  auto view = graph_view(graph, "");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ((*view)["nodes"].size(), 3U);
  EXPECT_EQ((*view)["edges"].size(), 2U);
  EXPECT_EQ((*view)["nodes"][1]["name"], "a");
  EXPECT_EQ((*view)["nodes"][1]["scope"], true);
  EXPECT_EQ((*view)["nodes"][1]["nodes"], 2);
  view = graph_view(graph, "a");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ((*view)["nodes"].size(), 2U);
  EXPECT_EQ((*view)["edges"].size(), 1U);
  EXPECT_EQ(graph_view(graph, "none").error().kind, ErrorKind::kNotFound);
}

TEST(ReadProgress, UnderstandsTheLinesOfRetrain) {
  JobProgress progress;
  EXPECT_TRUE(
      read_progress("Features: 412 of 1,000 photos, 210 a second, 3 s left", 500, progress));
  EXPECT_EQ(progress.stage, "features");
  EXPECT_EQ(progress.done, 412U);
  EXPECT_EQ(progress.total, 1000U);
  EXPECT_TRUE(
      read_progress("2017-06-16 12:00:00.123456: Step 120: Train accuracy = 93.0%", 500, progress));
  EXPECT_EQ(progress.stage, "training");
  EXPECT_EQ(progress.done, 121U);
  EXPECT_EQ(progress.total, 500U);
  for (const char* line : {"", "Features: many", "Step", "a: Step x: y", "Looking for images"}) {
    EXPECT_FALSE(read_progress(line, 500, progress)) << line;
  }
}

TEST(RetrainCommand, IsTheCommandLineThatAPersonWouldType) {
  const RetrainCommand command = retrain_command(Json{{"image_dir", "/"},
                                                      {"how_many_training_steps", 500},
                                                      {"learning_rate", 0.01},
                                                      {"flip_left_right", true},
                                                      {"seed", nullptr}},
                                                 "logs dir", "models");
  EXPECT_TRUE(command.problems.empty()) << command.problems.front();
  EXPECT_EQ(command.text,
            "graft retrain --image_dir=/ --how_many_training_steps=500 --learning_rate=0.01 "
            "--flip_left_right=true --model_dir=models "
            "'--summaries_dir=logs dir/mobilenet_0.50_224'");
  EXPECT_EQ(command.steps, 500U);
  EXPECT_EQ(command.arguments.front(), "retrain");
}

// A form may send 5.0 for 5, and 1e3 for 1000: graft retrain does not read those.
TEST(RetrainCommand, SpellsWholeNumbersWithoutAPoint) {
  const RetrainCommand command = retrain_command(
      Json{{"image_dir", "/"}, {"how_many_training_steps", 1e3}, {"seed", 5.0}, {"random_crop", 7}},
      "logs", "");
  EXPECT_TRUE(command.problems.empty()) << command.problems.front();
  EXPECT_THAT(command.arguments,
              ElementsAre("retrain", "--image_dir=/", "--how_many_training_steps=1000", "--seed=5",
                          "--random_crop=7", "--summaries_dir=logs/mobilenet_0.50_224"));
}

// What a form could be made to send: other options, wrong kinds, words that end options.
TEST(RetrainCommand, RefusesWhatIsNoOption) {
  for (const Json& options :
       {Json{{"image_dir", "/nowhere"}}, Json{{"image_dir", 3}},
        Json{{"image_dir", "/"}, {"how_many_training_steps", 0}},
        Json{{"image_dir", "/"}, {"how_many_training_steps", 1.5}},
        Json{{"image_dir", "/"}, {"how_many_training_steps", 1e300}},
        Json{{"image_dir", "/"}, {"learning_rate", "fast"}},
        Json{{"image_dir", "/"}, {"learning_rate", 1e-13}},
        Json{{"image_dir", "/"}, {"learning_rate", 1e7}},
        Json{{"image_dir", "/"}, {"random_crop", 1001}},
        Json{{"image_dir", "/"}, {"threads", 5000}},
        Json{{"image_dir", "/"}, {"architecture", "mobilenet_9"}},
        Json{{"image_dir", "/"}, {"backend; rm -rf", "x"}},
        Json{{"image_dir", std::string("/\0", 2)}},
        Json{{"image_dir", "/"}, {"testing_percentage", 90}, {"validation_percentage", 20}},
        Json("text"), Json(nullptr), Json::array()}) {
    EXPECT_FALSE(retrain_command(options, "logs", "models").problems.empty()) << options.dump();
  }
}

// Fault 32: what would lead out of a folder is an address that nothing answers to; that a NUL or a
// control character is in it is refused at once.
TEST(ParseTarget, Fault32DecodesOnceAndRefusesControls) {
  HttpRequest request;
  ASSERT_TRUE(parse_target("/%252e%252e/x?a=%20b+c&d", request).ok());
  EXPECT_EQ(request.path, "/%2e%2e/x");
  EXPECT_EQ(request.param("a"), " b c");
  EXPECT_TRUE(request.has_param("d"));
  for (const char* target : {"", "x", "*", "/%", "/%0", "/%gg", "/%00", "/a%0Ab", "/?a=%"}) {
    EXPECT_FALSE(parse_target(target, request).ok()) << target;
  }
}

TEST(Shrink, TakesTheMeanOfWhatAPixelCovers) {
  Image photo{4, 2, {}};
  for (const int v : {0, 2, 10, 30, 4, 6, 20, 40}) {
    for (int c = 0; c < 3; ++c) photo.pixels.push_back(static_cast<std::uint8_t>(v + c));
  }
  Image small;
  shrink(photo, 2, small);
  EXPECT_EQ(small.width, 2);
  EXPECT_EQ(small.height, 1);
  EXPECT_THAT(small.pixels, ElementsAre(3, 4, 5, 25, 26, 27));
  shrink(photo, 100, small);
  EXPECT_EQ(small.pixels, photo.pixels);
}

TEST(DifferenceHash, SurvivesScalingAndTellsPhotosApart) {
  const auto drawn = [](int side, int kind) {
    Image image{side, side, {}};
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        const double u = static_cast<double>(x) / side, v = static_cast<double>(y) / side;
        const double value = kind == 0 ? std::sin(9 * u + 4 * v) : std::cos(3 * u - 11 * v);
        for (int c = 0; c < 3; ++c) {
          image.pixels.push_back(static_cast<std::uint8_t>(128 + 100 * value));
        }
      }
    }
    return image;
  };
  const auto distance = [](std::uint64_t a, std::uint64_t b) { return std::popcount(a ^ b); };
  // 360 → 72: a cell of the hash covers the same part of both, so only rounding can turn a bit.
  Image small;
  shrink(drawn(360, 0), 72, small);
  EXPECT_LE(distance(difference_hash(drawn(360, 0)), difference_hash(small)), 2);
  EXPECT_GT(distance(difference_hash(drawn(360, 0)), difference_hash(drawn(360, 1))), 10);
}

}  // namespace
}  // namespace graft
