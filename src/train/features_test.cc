#include "train/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/test_directory.h"
#include "data/text_cache.h"
#include "model/test_network.h"
#include "train/test_photos.h"

namespace graft {
namespace {

using testing::Contains;
using testing::HasSubstr;
using Row = std::vector<float>;

constexpr const char* kArchitecture = "tiny";

class FeaturesTest : public testing::Test {
 protected:
  void SetUp() override { test::draw_photos(images_, 3, 8); }

  Dataset scan() {
    auto scanned = scan_image_folder({images_, {}, LabelRule::kOriginal});
    EXPECT_TRUE(scanned.ok());
    // Splits by hand: few photos would leave some empty by hash.
    for (Example& e : scanned->examples) {
      e.split = e.file == "photo0.png"   ? Split::kTesting
                : e.file == "photo1.png" ? Split::kValidation
                                         : Split::kTraining;
    }
    return *scanned;
  }
  static Backbone network() {
    return Backbone::create(test::tiny_spec(), test::bytes_of(test::tiny_graph()), {});
  }
  FeatureOptions options(int threads = 2) const { return {cache_, format_, threads}; }

  Result<Features> extract(Dataset& dataset, int threads = 2) {
    Backbone backbone = network();
    return extract_features(dataset, &backbone, kArchitecture, options(threads), observer_, {});
  }
  // Of a whole, successful extraction: path → row.
  std::map<std::string, Row> rows(Dataset& dataset, FeatureStats* stats = nullptr,
                                  int threads = 2) {
    const auto features = extract(dataset, threads);
    EXPECT_TRUE(features.ok()) << features.error().message;
    std::map<std::string, Row> out;
    if (!features.ok()) return out;
    EXPECT_EQ(features->table.rows(), dataset.examples.size());
    for (std::size_t i = 0; i < dataset.examples.size(); ++i) {
      const auto row = features->table.row(i);
      out[dataset.examples[i].path] = Row(row.begin(), row.end());
    }
    if (stats != nullptr) *stats = features->stats;
    return out;
  }
  std::map<std::string, Row> rows(FeatureStats* stats = nullptr, int threads = 2) {
    Dataset dataset = scan();
    return rows(dataset, stats, threads);
  }
  std::string photo(int k, int i) const {
    return images_ + "/class" + std::to_string(k) + "/photo" + std::to_string(i) + ".png";
  }
  std::string text(int k, int i) const {
    return text_cache_path(cache_, "class" + std::to_string(k),
                           "photo" + std::to_string(i) + ".png", kArchitecture);
  }
  static Row strange() { return Row(test::kTinyFeatures, 7.5F); }
  static constexpr std::string_view kStrangeText =
      "7.5,7.5,7.5,7.5,7.5,7.5,7.5,7.5,7.5,7.5,7.5,7.5";
  // A complete set of text files, as someone else would hand them over.
  void put_strange_texts() {
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < 8; ++i) test::put_file(text(k, i), as_bytes(kStrangeText));
    }
  }

  TestDirectory dir_;
  const std::string images_ = dir_ / "photos", cache_ = dir_ / "cache";
  CacheFormat format_ = CacheFormat::kStore;
  test::Recorder observer_;
};

TEST_F(FeaturesTest, ComputesOnceThenFindsTheSame) {
  FeatureStats first, second;
  const auto computed = rows(&first);
  EXPECT_EQ(first.computed, 24U);
  EXPECT_EQ(first.from_store, 0U);
  // The network's feature is the photo itself, resized to 2x2 and normalised.
  auto backbone = network();
  ASSERT_TRUE(backbone.compile().ok());
  Row expected(test::kTinyFeatures);
  ASSERT_TRUE(backbone.make_extractor()->run(test::drawn_photo(1, 1003), expected).ok());
  EXPECT_EQ(computed.at(photo(1, 3)), expected);

  const auto found = rows(&second);
  EXPECT_EQ(second.from_store, 24U);
  EXPECT_EQ(second.computed, 0U);
  EXPECT_EQ(found, computed);
}

// By this process since it began (proc(5), io).
std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  io >> name >> bytes;
  EXPECT_EQ(name, "rchar:");
  return bytes;
}

TEST_F(FeaturesTest, NoPhotoIsReadInVainWhereNothingIsCached) {
  const Bytes large = test::drawn_photo(0, 9, 512);
  test::put_file(photo(0, 2), large);
  const std::uint64_t before = bytes_read();
  const auto computed = rows();
  const std::uint64_t read = bytes_read() - before;
  EXPECT_GE(read, large.size());
  EXPECT_LT(read, 2 * large.size());
  EXPECT_EQ(rows(), computed);
}

TEST_F(FeaturesTest, ThreadsDoNotChangeTheResult) {
  const auto one = rows(nullptr, 1);
  std::filesystem::remove_all(cache_);
  EXPECT_EQ(rows(nullptr, 4), one);
}

TEST_F(FeaturesTest, AnEditedPhotoIsNeverStale) {
  const auto before = rows();
  test::put_file(photo(0, 2), test::drawn_photo(2, 77));
  FeatureStats stats;
  const auto after = rows(&stats);
  EXPECT_EQ(stats.computed, 1U);
  EXPECT_NE(after.at(photo(0, 2)), before.at(photo(0, 2)));
  EXPECT_EQ(after.at(photo(0, 3)), before.at(photo(0, 3)));
}

TEST_F(FeaturesTest, BadPhotosAreSkippedWithTheirReason) {
  test::put_file(photo(0, 3), {});
  test::put_file(photo(1, 4), as_bytes("not a photo"));
  Bytes cut = test::drawn_photo(2, 5);
  cut.resize(cut.size() / 2);
  test::put_file(photo(2, 5), cut);
  Dataset dataset = scan();
  FeatureStats stats;
  const auto good = rows(dataset, &stats);
  EXPECT_EQ(stats.failed, 3U);
  EXPECT_EQ(good.size(), 21U);
  ASSERT_EQ(dataset.skipped.size(), 3U);
  std::vector<std::string> paths;
  for (const Skipped& s : dataset.skipped) {
    paths.push_back(s.path);
    EXPECT_FALSE(s.reason.empty());
  }
  EXPECT_THAT(paths, testing::UnorderedElementsAre(photo(0, 3), photo(1, 4), photo(2, 5)));
}

// The lookup has passed when the message comes: both photos are known as they were.
TEST_F(FeaturesTest, PhotosThatChangeMeanwhileAreWhatTheyAreWhenComputed) {
  const Bytes other = test::drawn_photo(2, 99);
  observer_.when_message = [&](const std::string& line) {
    if (line.find("Computing") == std::string::npos) return;
    std::filesystem::remove(photo(0, 4));
    test::put_file(photo(1, 4), other);
  };
  Dataset dataset = scan();
  const auto first = rows(dataset);
  EXPECT_FALSE(first.contains(photo(0, 4)));
  EXPECT_THAT(dataset.skipped, testing::SizeIs(1));
  observer_.when_message = nullptr;
  FeatureStats stats;
  const auto again = rows(&stats);
  EXPECT_EQ(stats.computed, 0U);
  EXPECT_EQ(again.at(photo(1, 4)), first.at(photo(1, 4)));
}

TEST_F(FeaturesTest, AStopKeepsWhatWasComputed) {
  for (int i = 8; i < 150; ++i) test::put_file(photo(0, i), test::drawn_photo(0, 5000U + i));
  std::stop_source stop;
  observer_.when_message = [&](const std::string& line) {
    if (line.find("100 bottleneck") != std::string::npos) stop.request_stop();
  };
  Dataset dataset = scan();
  Backbone backbone = network();
  const auto stopped =
      extract_features(dataset, &backbone, kArchitecture, options(), observer_, stop.get_token());
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
  observer_.when_message = nullptr;
  FeatureStats stats;
  rows(&stats);
  EXPECT_GE(stats.from_store, 100U);
  EXPECT_GE(stats.computed, 1U);
}

TEST_F(FeaturesTest, SomeoneElsesTextFilesAreUsedUntilThePhotoChanges) {
  put_strange_texts();
  FeatureStats stats;
  EXPECT_EQ(rows(&stats).at(photo(1, 1)), strange());
  EXPECT_EQ(stats.from_text, 24U);
  EXPECT_EQ(stats.computed, 0U);

  test::put_file(photo(1, 1), test::drawn_photo(1, 4711));
  const auto after = rows(&stats);
  EXPECT_EQ(stats.from_text, 23U);
  EXPECT_EQ(stats.computed, 1U);
  EXPECT_NE(after.at(photo(1, 1)), strange());
  // From text files into the store's own space nothing has come.
  for (int k = 0; k < 3; ++k) std::filesystem::remove_all(cache_ + "/class" + std::to_string(k));
  rows(&stats);
  EXPECT_EQ(stats.from_store, 1U);
  EXPECT_EQ(stats.computed, 23U);
}

// TensorFlow's files hold the feature that its script takes, and no other.
TEST_F(FeaturesTest, AnotherFeatureNeverComesFromTextFiles) {
  const auto computed = rows();
  std::filesystem::remove_all(cache_);
  put_strange_texts();
  ModelSpec spec = test::tiny_spec();
  spec.has_text_caches = false;
  Backbone backbone = Backbone::create(spec, test::bytes_of(test::tiny_graph()), {});
  Dataset dataset = scan();
  const auto features =
      extract_features(dataset, &backbone, kArchitecture, options(), observer_, {});
  ASSERT_TRUE(features.ok()) << features.error().message;
  EXPECT_EQ(features->stats.from_text, 0U);
  EXPECT_EQ(features->stats.computed, dataset.examples.size());
  for (std::size_t i = 0; i < dataset.examples.size(); ++i) {
    const auto row = features->table.row(i);
    EXPECT_EQ(Row(row.begin(), row.end()), computed.at(dataset.examples[i].path));
  }
}

TEST_F(FeaturesTest, ATextFileThatSomeoneRenewsIsUsedAgain) {
  put_strange_texts();
  rows();
  test::put_file(photo(1, 1), test::drawn_photo(1, 4711));
  const Row renewed(test::kTinyFeatures, 8.25F);
  ASSERT_TRUE(write_text_cache(text(1, 1), renewed).ok());
  EXPECT_EQ(rows().at(photo(1, 1)), renewed);
}

TEST_F(FeaturesTest, TextFormatWritesWhatTheStoreHolds) {
  rows();  // into the store alone
  format_ = CacheFormat::kText;
  test::put_file(photo(2, 2),
                 test::drawn_photo(2, 31));  // one to compute, the others from the store
  const auto first = rows();
  for (const auto& [path, row] : first) {
    const std::string name = path.substr(images_.size() + 1);
    const auto written = read_text_cache(cache_ + "/" + name + "_tiny.txt", 0);
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_EQ(*written, row);
  }
  // An edited photo's text file is written anew; the others are left as they are.
  test::put_file(photo(0, 0), test::drawn_photo(0, 4712));
  const auto untouched = std::filesystem::last_write_time(text(0, 1));
  const auto second = rows();
  EXPECT_EQ(*read_text_cache(text(0, 0), 0), second.at(photo(0, 0)));
  EXPECT_NE(second.at(photo(0, 0)), first.at(photo(0, 0)));
  EXPECT_EQ(std::filesystem::last_write_time(text(0, 1)), untouched);
}

TEST_F(FeaturesTest, DamagedTextFilesAreRecomputed) {
  put_strange_texts();
  std::ofstream(text(0, 2)) << "1,2,nan";
  std::ofstream(text(0, 3)) << "1,2,3";
  FeatureStats stats;
  rows(&stats);
  EXPECT_EQ(stats.damaged, 2U);
  EXPECT_EQ(stats.computed, 2U);
  EXPECT_EQ(stats.from_text, 22U);
}

// The codelab's step 3.4: an archive of features in a place that is not ours, no network at hand.
TEST_F(FeaturesTest, AWriteProtectedFolderOfTextFilesIsEnough) {
  put_strange_texts();
  std::filesystem::permissions(cache_, static_cast<std::filesystem::perms>(0555));
  Dataset dataset = scan();
  const auto features = extract_features(dataset, nullptr, kArchitecture, options(), observer_, {});
  ASSERT_TRUE(features.ok()) << features.error().message;
  EXPECT_EQ(features->table.width(), static_cast<std::size_t>(test::kTinyFeatures));
  EXPECT_EQ(features->stats.from_text, 24U);
  for (const auto& entry : std::filesystem::directory_iterator(cache_)) {
    EXPECT_TRUE(entry.is_directory()) << entry.path();
  }
  // One is missing: that must be computed, and there is no place for it.
  std::filesystem::remove(text(1, 1));
  Dataset again = scan();
  const auto failed = extract(again);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kIo);
  EXPECT_THAT(failed.error().message, HasSubstr(cache_));
  EXPECT_THAT(observer_.messages, testing::Not(Contains(HasSubstr("Computing"))));
  std::filesystem::permissions(cache_, static_cast<std::filesystem::perms>(0755));
}

TEST_F(FeaturesTest, WithoutANetworkUncachedPhotosAreNamed) {
  put_strange_texts();
  std::filesystem::remove(text(1, 5));
  Dataset dataset = scan();
  const auto features = extract_features(dataset, nullptr, kArchitecture, options(), observer_, {});
  ASSERT_TRUE(features.ok());
  ASSERT_EQ(dataset.skipped.size(), 1U);
  EXPECT_EQ(dataset.skipped[0].path, photo(1, 5));
  EXPECT_THAT(dataset.skipped[0].reason, HasSubstr("no cached feature"));
  EXPECT_EQ(features->table.rows(), 23U);
}

TEST_F(FeaturesTest, CopiesInTwoSplitsAreNamed) {
  test::put_file(photo(0, 0), test::drawn_photo(0, 5));  // photo5 of class0, in the training set
  FeatureStats stats;
  rows(&stats);
  EXPECT_EQ(stats.duplicates_across_splits, 1U);
  EXPECT_THAT(observer_.warnings,
              Contains(testing::AllOf(HasSubstr(photo(0, 0)), HasSubstr(photo(0, 5)))));
}

TEST_F(FeaturesTest, TwoRunsShareOneCache) {
  std::vector<std::map<std::string, Row>> results(2);
  {
    std::vector<std::jthread> runs;
    for (auto& result : results) {
      runs.emplace_back([&] {
        Dataset dataset = scan();
        Backbone backbone = network();
        test::Recorder observer;
        const auto features =
            extract_features(dataset, &backbone, kArchitecture, options(), observer, {});
        ASSERT_TRUE(features.ok()) << features.error().message;
        for (std::size_t i = 0; i < dataset.examples.size(); ++i) {
          const auto row = features->table.row(i);
          result[dataset.examples[i].path] = Row(row.begin(), row.end());
        }
      });
    }
  }
  EXPECT_EQ(results[0].size(), 24U);
  EXPECT_EQ(results[0], results[1]);
  FeatureStats stats;
  EXPECT_EQ(rows(&stats), results[0]);
  EXPECT_EQ(stats.from_store, 24U);
}

TEST_F(FeaturesTest, ADamagedRecordIsRecomputed) {
  const auto before = rows();
  const std::string file = cache_ + "/features.cache";
  Bytes bytes;
  ASSERT_TRUE(read_file(file, bytes).ok());
  // A value in the middle of a vector that is known to be there.
  const Row& row = before.at(photo(1, 3));
  const auto wanted = std::as_bytes(std::span(row));
  const auto at = std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end());
  ASSERT_NE(at, bytes.end());
  *(at + 17) ^= std::byte{4};
  std::ofstream(file, std::ios::binary) << as_text(bytes);
  FeatureStats stats;
  EXPECT_EQ(rows(&stats), before);
  EXPECT_EQ(stats.computed, 1U);
  EXPECT_EQ(stats.damaged, 1U);
}

}  // namespace
}  // namespace graft
