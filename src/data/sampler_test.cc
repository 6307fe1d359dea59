#include "data/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Three classes of 5, 50 and 500 training photos, then one of two test photos alone.
Dataset uneven() {
  Dataset dataset;
  const auto add = [&](int count, Split split) {
    for (int i = 0; i < count; ++i) {
      Example example;
      example.label = static_cast<std::int32_t>(dataset.classes.size());
      example.split = split;
      dataset.examples.push_back(example);
    }
    dataset.classes.emplace_back();
  };
  add(5, Split::kTraining);
  add(50, Split::kTraining);
  add(500, Split::kTraining);
  add(2, Split::kTesting);
  return dataset;
}

TEST(BatchSampler, DrawsClassesEvenlyAndPhotosEvenlyWithin) {
  const Dataset dataset = uneven();
  const BatchSampler sampler(dataset, Split::kTraining, 42);
  EXPECT_EQ(sampler.classes(), 3U);
  std::map<std::int32_t, int> by_class;
  std::map<std::size_t, int> in_first_class;
  constexpr int kSteps = 600;
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    const auto batch = sampler.sample(step, 100);
    ASSERT_EQ(batch.size(), 100U);
    for (const std::size_t index : batch) {
      ASSERT_LT(index, 555U);
      ++by_class[dataset.examples[index].label];
      if (index < 5) ++in_first_class[index];
    }
  }
  // 60,000 draws of three classes: Pearson's statistic with 2 degrees of freedom exceeds 27.6 once
  // in a million; for 5 photos, with 4, it exceeds 33.4.
  double chi_square = 0;
  for (const auto& [label, count] : by_class) {
    chi_square += (count - 20000.0) * (count - 20000.0) / 20000.0;
  }
  EXPECT_EQ(by_class.size(), 3U);
  EXPECT_LT(chi_square, 27.6);
  const double expected = by_class[0] / 5.0;
  double within = 0;
  for (const auto& [index, count] : in_first_class) {
    within += (count - expected) * (count - expected) / expected;
  }
  EXPECT_EQ(in_first_class.size(), 5U);
  EXPECT_LT(within, 33.4);
}

TEST(BatchSampler, IsAFunctionOfSeedSplitAndStep) {
  const Dataset dataset = uneven();
  const BatchSampler a(dataset, Split::kTraining, 1);
  const BatchSampler b(dataset, Split::kTraining, 1);
  const auto later = b.sample(7, 20);  // out of order
  for (std::uint64_t step = 0; step < 7; ++step) (void)a.sample(step, 33);
  EXPECT_EQ(a.sample(7, 20), later);
  EXPECT_NE(a.sample(8, 20), later);
  EXPECT_NE(BatchSampler(dataset, Split::kTraining, 2).sample(7, 20), later);
  // A longer batch begins like a shorter one.
  const auto longer = a.sample(7, 40);
  EXPECT_TRUE(std::equal(later.begin(), later.end(), longer.begin()));
}

TEST(BatchSampler, SplitsDrawIndependently) {
  Dataset dataset;
  dataset.classes.resize(1);
  for (int i = 0; i < 1000; ++i) {
    Example example;
    example.split = i < 500 ? Split::kTesting : Split::kValidation;
    dataset.examples.push_back(example);
  }
  auto testing = BatchSampler(dataset, Split::kTesting, 1).sample(0, 50);
  const auto validation = BatchSampler(dataset, Split::kValidation, 1).sample(0, 50);
  for (std::size_t& index : testing) index += 500;
  EXPECT_NE(testing, validation);
}

TEST(BatchSampler, WholeSplitsAndEmptyOnes) {
  const Dataset dataset = uneven();
  EXPECT_THAT(BatchSampler(dataset, Split::kTesting, 1).sample(9, -1), ElementsAre(555, 556));
  EXPECT_THAT(BatchSampler(dataset, Split::kValidation, 1).sample(9, -1), IsEmpty());
  EXPECT_THAT(BatchSampler(dataset, Split::kValidation, 1).sample(9, 10), IsEmpty());
  EXPECT_THAT(BatchSampler(dataset, Split::kTraining, 1).sample(9, 0), IsEmpty());
}

}  // namespace
}  // namespace graft
