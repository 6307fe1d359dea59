#include "sample/sample.h"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/parallel.h"
#include "gtest/gtest.h"
#include "image/decode.h"

namespace graft {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = testing::TempDir() + "graft_sample_XXXXXX";
    path_ = mkdtemp(name.data()) != nullptr ? name : "";
    EXPECT_FALSE(path_.empty());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(DrawSample, IsAPureFunctionOfItsArguments) {
  for (int flower = 0; flower < 5; ++flower) {
    const Image first = draw_sample(flower, 3, 4, 97, 64);
    EXPECT_EQ(first.width, 97);
    EXPECT_EQ(first.height, 64);
    ASSERT_EQ(first.pixels.size(), 97U * 64U * 3U);
    EXPECT_EQ(first.pixels, draw_sample(flower, 3, 4, 97, 64).pixels);
    EXPECT_NE(first.pixels, draw_sample(flower, 3, 5, 97, 64).pixels);
    EXPECT_NE(first.pixels, draw_sample(flower, 4, 4, 97, 64).pixels);
  }
}

TEST(DrawSample, HasLightAndDetailInEveryPhoto) {
  for (int flower = 0; flower < 5; ++flower) {
    for (std::uint64_t index = 0; index < 20; ++index) {
      const Image photo = draw_sample(flower, 1, index, 96, 72);
      double sum = 0;
      double squares = 0;
      for (const std::uint8_t v : photo.pixels) {
        sum += v;
        squares += double{1.0} * v * v;
      }
      const double n = static_cast<double>(photo.pixels.size());
      const double mean = sum / n;
      EXPECT_GT(mean, 8.0) << flower << " " << index;
      EXPECT_LT(mean, 245.0) << flower << " " << index;
      EXPECT_GT(std::sqrt(squares / n - mean * mean), 8.0) << flower << " " << index;
    }
  }
}

using Histogram = std::array<double, 64>;  // 4 × 4 × 4 colours

Histogram histogram_of(const Image& image) {
  Histogram histogram{};
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const std::size_t red = image.pixels[i] / 64U;
    const std::size_t green = image.pixels[i + 1] / 64U;
    const std::size_t blue = image.pixels[i + 2] / 64U;
    histogram[red * 16 + green * 4 + blue] += 1.0;
  }
  // The square root evens out the rare and the common colours.
  for (double& bin : histogram) bin = std::sqrt(bin * 3.0 / double(image.pixels.size()));
  return histogram;
}

struct Labelled {
  Histogram colors;
  std::size_t label = 0;
};

double dot(const Histogram& a, const Histogram& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double accuracy(const std::vector<Labelled>& photos, const std::vector<Histogram>& weights,
                const std::vector<double>& biases) {
  std::size_t right = 0;
  for (const Labelled& photo : photos) {
    std::vector<double> scores;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      scores.push_back(dot(weights[k], photo.colors) + biases[k]);
    }
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    right += static_cast<std::size_t>(best) == photo.label ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(photos.size());
}

// The set must need more than colours: classifiers that see only those stay near chance (0.2).
TEST(SampleSet, ColourHistogramsDoNotTellTheClassesApart) {
  constexpr std::size_t kTrain = 60;
  constexpr std::size_t kTest = 60;
  std::vector<Labelled> train(kTrain * 5);
  std::vector<Labelled> test(kTest * 5);
  parallel_for((kTrain + kTest) * 5, available_cores(), {}, [&](std::size_t item, int) {
    const std::size_t label = item % 5;
    const std::size_t index = item / 5;
    auto& to = index < kTrain ? train[item] : test[item - kTrain * 5];
    to = {histogram_of(draw_sample(static_cast<int>(label), 1, index, 128, 96)), label};
  });

  // Nearest centroid: |x - c|² grows as c² / 2 - x·c.
  std::vector<Histogram> centroids(5, Histogram{});
  for (const Labelled& photo : train) {
    for (std::size_t i = 0; i < 64; ++i) centroids[photo.label][i] += photo.colors[i] / kTrain;
  }
  std::vector<double> offsets;
  offsets.reserve(centroids.size());
  for (const Histogram& c : centroids) offsets.push_back(-0.5 * dot(c, c));
  const double nearest = accuracy(test, centroids, offsets);

  // Softmax regression by plain gradient descent.
  std::vector<Histogram> weights(5, Histogram{});
  std::vector<double> biases(5, 0.0);
  for (int step = 0; step < 400; ++step) {
    std::vector<Histogram> slope(5, Histogram{});
    std::vector<double> bias_slope(5, 0.0);
    for (const Labelled& photo : train) {
      std::array<double, 5> p{};
      double sum = 0;
      for (std::size_t k = 0; k < 5; ++k) {
        p[k] = std::exp(dot(weights[k], photo.colors) + biases[k]);
        sum += p[k];
      }
      for (std::size_t k = 0; k < 5; ++k) {
        const double error = p[k] / sum - (k == photo.label ? 1.0 : 0.0);
        bias_slope[k] += error;
        for (std::size_t i = 0; i < 64; ++i) slope[k][i] += error * photo.colors[i];
      }
    }
    for (std::size_t k = 0; k < 5; ++k) {
      biases[k] -= 2.0 * bias_slope[k] / double(train.size());
      for (std::size_t i = 0; i < 64; ++i)
        weights[k][i] -= 2.0 * slope[k][i] / double(train.size());
    }
  }
  const double softmax = accuracy(test, weights, biases);
  RecordProperty("nearest_centroid_accuracy", std::to_string(nearest));
  RecordProperty("softmax_accuracy", std::to_string(softmax));
  std::printf("colours alone: nearest centroid %.2f, softmax %.2f\n", nearest, softmax);
  EXPECT_LT(nearest, 0.45);
  EXPECT_LT(softmax, 0.45);
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) {
      files.push_back(std::filesystem::relative(entry.path(), directory).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Bytes content(const std::string& path) {
  Bytes bytes;
  EXPECT_TRUE(read_file(path, bytes).ok()) << path;
  return bytes;
}

TEST(WriteSampleSet, WritesTheSameFilesWhateverTheNumberOfThreads) {
  const TemporaryDirectory one;
  const TemporaryDirectory three;
  std::vector<std::uint64_t> progress;
  ASSERT_TRUE(write_sample_set({one.path(), 2, 9, 1}, [&](std::uint64_t done, std::uint64_t total) {
                progress.push_back(done);
                EXPECT_EQ(total, 10U);
              }).ok());
  ASSERT_TRUE(write_sample_set({three.path(), 2, 9, 3}, nullptr).ok());
  EXPECT_EQ(progress, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  const auto files = files_in(one.path());
  ASSERT_EQ(files.size(), 10U);
  EXPECT_EQ(files.front(), "allium/allium_0001.jpg");
  EXPECT_EQ(files.back(), "lily/lily_0002.jpg");
  EXPECT_EQ(files, files_in(three.path()));
  std::set<std::string> distinct;
  for (const std::string& file : files) {
    const Bytes bytes = content(join_path(one.path(), file));
    EXPECT_TRUE(bytes == content(join_path(three.path(), file))) << file;
    distinct.insert(std::string(as_text(bytes)));
    Image photo;
    ASSERT_TRUE(decode_image(bytes, {}, photo).ok()) << file;
    EXPECT_GE(std::max(photo.width, photo.height), 288);
    EXPECT_LE(std::max(photo.width, photo.height), 352);
    EXPECT_GE(std::min(photo.width, photo.height), 216);
    EXPECT_LE(std::min(photo.width, photo.height), 264);
  }
  EXPECT_EQ(distinct.size(), files.size());
}

TEST(WriteSampleSet, KeepsWhatIsThereAndAddsWhatIsMissing) {
  const TemporaryDirectory set;
  const std::string kept = join_path(set.path(), "aster/aster_0001.jpg");
  ASSERT_TRUE(write_atomically(kept, std::string_view("mine")).ok());
  ASSERT_TRUE(write_sample_set({set.path(), 1, 9, 1}, nullptr).ok());
  EXPECT_EQ(as_text(content(kept)), "mine");
  EXPECT_EQ(files_in(set.path()).size(), 5U);
  // More photos of the same seed: the first ones stay the same.
  const Bytes first = content(join_path(set.path(), "lily/lily_0001.jpg"));
  ASSERT_TRUE(write_sample_set({set.path(), 2, 9, 2}, nullptr).ok());
  EXPECT_TRUE(first == content(join_path(set.path(), "lily/lily_0001.jpg")));
  EXPECT_EQ(files_in(set.path()).size(), 10U);
}

TEST(WriteSampleSet, SaysWhereItCannotWrite) {
  const TemporaryDirectory set;
  const std::string file = join_path(set.path(), "file");
  ASSERT_TRUE(write_atomically(file, std::string_view("not a folder")).ok());
  const auto result = write_sample_set({file, 1, 1, 1}, nullptr);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find(file), std::string::npos) << result.error().message;
  EXPECT_FALSE(write_sample_set({set.path(), 0, 1, 1}, nullptr).ok());
}

}  // namespace
}  // namespace graft
