// The whole job from drawn photos through a real network's structure (built in, untrained).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/test_directory.h"
#include "model/builtin.h"
#include "model/classifier.h"
#include "model/export.h"
#include "train/retrain.h"
#include "train/test_photos.h"
#include "wire/serialize.h"

namespace graft {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class RetrainPhotosTest : public testing::Test {
 protected:
  void SetUp() override { options_ = test::drawn_training(dir_); }
  Result<RetrainResult> run(std::stop_token stop = {}) {
    return retrain(options_, Json::object(), observer_, std::move(stop));
  }
  std::string graph() const { return *read_text_file(options_.output_graph); }
  std::string photo(int k, int i) const {
    return options_.image_dir + "/class" + std::to_string(k) + "/photo" + std::to_string(i) +
           ".png";
  }

  // Trains eight steps undisturbed, then once more in other logs on one thread, stopped at step 4
  // and gone on with: the same bytes. Returns them.
  std::string trained_through_a_stop() {
    options_.train_batch_size = 6;
    options_.how_many_training_steps = 8;
    options_.eval_step_interval = 2;
    const auto through = run();
    EXPECT_TRUE(through.ok());
    std::string undisturbed = graph();

    const RetrainOptions before = options_;
    options_.summaries_dir += "_stopped";
    options_.threads = 1;
    std::stop_source stop;
    observer_.when_evaluation = [&](const EvaluationReport& report) {
      if (report.step == 4) stop.request_stop();
    };
    const auto stopped = run(stop.get_token());
    observer_.when_evaluation = nullptr;
    EXPECT_TRUE(!stopped.ok() && stopped.error().kind == ErrorKind::kCancelled);
    const auto resumed = run();
    EXPECT_TRUE(resumed.ok() && resumed->resumed);
    EXPECT_TRUE(graph() == undisturbed);
    options_ = before;
    return undisturbed;
  }

  TestDirectory dir_;
  RetrainOptions options_;
  test::Recorder observer_;
};

TEST_F(RetrainPhotosTest, PhotosToAClassifierThatAnswersAsTrained) {
  const auto result = run();
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_TRUE(result->has_backbone);
  EXPECT_EQ(result->features.computed, 30U);
  EXPECT_THAT(result->labels, testing::ElementsAre("class0", "class1", "class2"));

  ClassifierOptions load;
  load.graph_path = options_.output_graph;
  const auto classifier = Classifier::load(load);
  ASSERT_TRUE(classifier.ok()) << classifier.error().message;
  EXPECT_EQ(classifier->labels(), result->labels);
  // What the test said of its mistakes is what the written graph says of the same photos.
  for (const ScoredExample& mistake : result->test.mistakes) {
    Bytes bytes;
    ASSERT_TRUE(read_file(mistake.path, bytes).ok());
    const auto scores = classifier->make_session()->scores(bytes);
    ASSERT_TRUE(scores.ok());
    EXPECT_EQ(top_k(*scores, 1)[0].label, mistake.predicted);
  }
}

// The same photos under two features of one network: two keys in one cache, two widths, and each
// written graph checks out. The untouched network under --graph has the pooled feature, too.
TEST_F(RetrainPhotosTest, PooledFeaturesAreKeptApartFromLogits) {
  const auto logits = run();
  ASSERT_TRUE(logits.ok()) << logits.error().message;
  options_.feature = FeatureKind::kPooled;
  const auto pooled = run();
  ASSERT_TRUE(pooled.ok()) << pooled.error().message;
  EXPECT_EQ(pooled->features.computed, 30U);
  EXPECT_EQ(run()->features.from_store, 30U);
  EXPECT_EQ(read_side_file(options_.output_graph)->feature_tensor,
            "MobilenetV1/Logits/AvgPool_1a/AvgPool:0");
  ClassifierOptions load;
  load.graph_path = options_.output_graph;
  EXPECT_TRUE(Classifier::load(load).ok());

  options_.bottleneck_format = CacheFormat::kText;
  const auto text = run();
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("--bottleneck_format=text"));
  options_.bottleneck_format = CacheFormat::kStore;

  options_.custom.graph = dir_ / "models/mobilenet_v1_0.25_128/frozen_graph.pb";
  const auto with_both = run();
  ASSERT_FALSE(with_both.ok());
  EXPECT_THAT(with_both.error().message, HasSubstr("--bottleneck_layer"));
  options_.feature = FeatureKind::kOriginal;
  const auto custom = run();
  ASSERT_TRUE(custom.ok()) << custom.error().message;
  EXPECT_EQ(custom->features.from_store, 30U);  // one network, one tensor: one key
  EXPECT_EQ(read_side_file(options_.output_graph)->architecture, "frozen_graph.pb");
  EXPECT_THAT(observer_.messages, Contains(HasSubstr("AvgPool_1a/AvgPool (256 values)")));
}

// Calibrated once, cached apart from float32, and the written graph answers as it was trained
// (which every run checks on photos of the test split).
TEST_F(RetrainPhotosTest, Int8IsCalibratedOnceAndKeptApartFromFloat32) {
  ASSERT_TRUE(run().ok());
  const std::string in_float32 = graph();
  EXPECT_TRUE(read_side_file(options_.output_graph)->int8_ranges.empty());

  options_.precision = Precision::kInt8;
  const auto cold = run();
  ASSERT_TRUE(cold.ok()) << cold.error().message;
  EXPECT_EQ(cold->features.computed, 30U);
  EXPECT_THAT(observer_.messages, Contains(HasSubstr("Calibrated int8 on")));
  EXPECT_EQ(read_side_file(options_.output_graph)->int8_ranges.size(), 26U);
  EXPECT_THAT(*read_text_file(cold->run_json), HasSubstr("\"precision\": \"int8\""));
  const std::string in_int8 = graph();
  EXPECT_FALSE(in_int8 == in_float32);

  // Where the network looks is shown of the int8 network, too, and changes no score.
  ClassifierOptions load;
  load.graph_path = options_.output_graph;
  const auto plain = Classifier::load(load);
  load.class_maps = true;
  const auto with_maps = Classifier::load(load);
  ASSERT_TRUE(plain.ok() && with_maps.ok());
  EXPECT_THAT(with_maps->preprocessing(), HasSubstr("int8"));
  Bytes bytes;
  ASSERT_TRUE(read_file(photo(1, 3), bytes).ok());
  const auto look = with_maps->make_session()->look(bytes, std::nullopt);
  ASSERT_TRUE(look.ok());
  EXPECT_EQ(look->scores, *plain->make_session()->scores(bytes));
  EXPECT_EQ(look->values.size(), 16U);

  observer_.messages.clear();
  const auto warm = run();
  ASSERT_TRUE(warm.ok()) << warm.error().message;
  EXPECT_EQ(warm->features.from_store, 30U);
  EXPECT_THAT(observer_.messages, Not(Contains(HasSubstr("Calibrated"))));
  EXPECT_TRUE(graph() == in_int8);

  // Photos that come later are computed by the ranges that are there.
  test::put_file(photo(0, 10), test::drawn_photo(0, 77));
  const auto more = run();
  ASSERT_TRUE(more.ok()) << more.error().message;
  EXPECT_EQ(more->features.from_store, 30U);
  EXPECT_EQ(more->features.computed, 1U);
  std::filesystem::remove(photo(0, 10));

  options_.precision = Precision::kFloat32;
  const auto again = run();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->features.from_store, 30U);
  EXPECT_TRUE(graph() == in_float32);

  options_.precision = Precision::kInt8;
  options_.bottleneck_format = CacheFormat::kText;
  const auto text = run();
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("--bottleneck_format=text"));
}

TEST_F(RetrainPhotosTest, Int8GivesTheSameBytesForAnyThreadsAndADamagedCalibration) {
  options_.precision = Precision::kInt8;
  ASSERT_TRUE(run().ok());
  const std::string first = graph();
  std::vector<std::string> calibrations;
  for (const auto& entry : std::filesystem::directory_iterator(options_.bottleneck_dir)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("int8-")) calibrations.push_back(entry.path().string());
  }
  ASSERT_EQ(calibrations.size(), 1U);
  const std::string calibration = *read_text_file(calibrations[0]);
  test::put_file(calibrations[0], as_bytes(calibration.substr(0, calibration.size() / 2)));
  options_.threads = 1;
  const auto measured_anew = run();
  ASSERT_TRUE(measured_anew.ok()) << measured_anew.error().message;
  EXPECT_THAT(observer_.warnings, Contains(HasSubstr("is not a calibration")));
  EXPECT_EQ(measured_anew->features.from_store, 30U);
  EXPECT_EQ(*read_text_file(calibrations[0]), calibration);
  EXPECT_TRUE(graph() == first);
}

TEST_F(RetrainPhotosTest, Int8TrainsOnDistortedPhotosToo) {
  options_.precision = Precision::kInt8;
  options_.distortion = {true, 10, 10, 10};
  trained_through_a_stop();
}

TEST_F(RetrainPhotosTest, SameBytesForAnyThreadsColdOrWarm) {
  ASSERT_TRUE(run().ok());
  const std::string cold = graph();
  const auto warm = run();
  ASSERT_TRUE(warm.ok());
  EXPECT_EQ(warm->features.from_store, 30U);
  EXPECT_TRUE(graph() == cold);
  std::filesystem::remove_all(options_.bottleneck_dir);
  options_.threads = 1;
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(graph() == cold);
}

TEST_F(RetrainPhotosTest, BadPhotosAreNamedAndTheRestTrains) {
  test::put_file(photo(0, 10), as_bytes("not a photo"));
  test::put_file(photo(1, 11), {});
  const auto result = run();
  ASSERT_TRUE(result.ok()) << result.error().message;
  std::vector<std::string> paths;
  for (const Skipped& s : result->skipped) paths.push_back(s.path);
  EXPECT_THAT(paths, testing::IsSupersetOf({photo(0, 10), photo(1, 11)}));
  EXPECT_THAT(*read_text_file(result->run_json), HasSubstr("photo11.png"));
}

TEST_F(RetrainPhotosTest, PhotosThatChangeWhileItTrainsSayNothingAboutTheGraph) {
  // Scores far apart, though the network is untrained.
  options_.how_many_training_steps = 200;
  options_.learning_rate = 0.5F;
  observer_.when_evaluation = [&](const EvaluationReport&) {
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < 10; ++i) test::put_file(photo(k, i), test::drawn_photo((k + 1) % 3, 99));
    }
  };
  const auto trained = run();
  EXPECT_TRUE(trained.ok()) << trained.error().message;
}

TEST_F(RetrainPhotosTest, DistortedTrainingRepeatsItselfAndGoesOn) {
  options_.distortion = {true, 10, 10, 10};
  const std::string undisturbed = trained_through_a_stop();

  options_.distortion = {};
  options_.summaries_dir = dir_ / "out/plain_logs";
  ASSERT_TRUE(run().ok());
  EXPECT_FALSE(graph() == undisturbed);
}

// What was kept is gone after a stop; the same is computed again.
TEST_F(RetrainPhotosTest, KeptDistortionsRepeatThemselvesAndGoOn) {
  options_.distortion = {true, 10, 10, 10};
  const std::string always_new = trained_through_a_stop();
  options_.augment_cache = 2;
  options_.summaries_dir = dir_ / "out/kept_logs";
  EXPECT_FALSE(trained_through_a_stop() == always_new);

  options_.distortion = {};
  const auto nothing = run();
  ASSERT_FALSE(nothing.ok());
  EXPECT_THAT(nothing.error().message, HasSubstr("--augment_cache: there is nothing to vary"));
}

// A photo that goes away while distorted training runs is used as it was known.
TEST_F(RetrainPhotosTest, DistortedTrainingSurvivesAVanishingPhoto) {
  options_.distortion = {true, 0, 0, 0};
  options_.how_many_training_steps = 4;
  ASSERT_TRUE(run().ok());
  options_.summaries_dir = dir_ / "out/more_logs";
  observer_.when_evaluation = [&](const EvaluationReport& report) {
    if (report.step != 0) return;
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < 10; ++i) std::filesystem::remove(photo(k, i));
    }
  };
  options_.train_batch_size = 2;  // most photos are not yet decoded after the first step
  options_.how_many_training_steps = 12;
  const auto result = run();
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_THAT(observer_.warnings, Contains(HasSubstr("used undistorted")));
}

TEST_F(RetrainPhotosTest, AWrongNetworkFileIsFoundBeforeTheWork) {
  const auto other = wire::serialize(build_mobilenet_v1(0.25, 160, 1));
  ASSERT_TRUE(other.ok());
  test::put_file(dir_ / "models/mobilenet_v1_0.25_128/frozen_graph.pb",
                 as_bytes(*other).first(other->size() / 2));
  const auto truncated = run();
  ASSERT_FALSE(truncated.ok());
  EXPECT_THAT(truncated.error().message, HasSubstr("frozen_graph.pb"));
  EXPECT_FALSE(exists(options_.summaries_dir));
}

}  // namespace
}  // namespace graft
