#include "train/head_trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "base/rng.h"

namespace graft {
namespace {

struct Problem {
  std::vector<std::vector<float>> rows;
  Batch batch;
};

Problem make_problem(int batch, int features, int classes, std::uint64_t seed) {
  Problem p;
  Rng rng(seed, 99);
  for (int b = 0; b < batch; ++b) {
    // One float more in front: rows that are not aligned, as in a cache file.
    auto& row = p.rows.emplace_back(static_cast<std::size_t>(features) + 1);
    for (float& x : row) x = 3 * rng.normal();
    p.batch.labels.push_back(
        static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes))));
  }
  for (const auto& row : p.rows) p.batch.rows.push_back(row.data() + 1);
  return p;
}

Head clone(const Head& head) {
  return {head.weights.clone(), head.biases.clone()};
}

// One step's exact result and how far float32 may be from it. u = 2^-24; every bound is the usual
// n·u·Σ|terms| of a sum of n terms, carried through softmax (a score changes by at most itself
// times twice the logits' error) and through the gradient's sum over the batch.
struct Expected {
  Head head;
  BatchResult result;
  std::vector<double> weight_tolerance, bias_tolerance;
  double loss_tolerance = 0;
};

Expected expected_step(const Head& before, const Batch& batch, double rate) {
  const double u = std::ldexp(1.0, -24);
  const auto features = static_cast<std::size_t>(before.features());
  const auto classes = static_cast<std::size_t>(before.classes());
  const auto count = static_cast<double>(batch.rows.size());
  Expected e{clone(before), {}, {}, {}, 0};
  e.result = reference_step(e.head, batch, rate);
  const auto w = before.weights.as<float>();
  const auto b = before.biases.as<float>();
  std::vector<double> weight_error(features * classes, 0.0), bias_error(classes, 0.0);
  for (std::size_t s = 0; s < batch.rows.size(); ++s) {
    const float* const row = batch.rows[s];
    std::vector<double> scores(classes);
    double terms = 0, sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double logit = static_cast<double>(b[k]), size = std::abs(logit);
      for (std::size_t f = 0; f < features; ++f) {
        const double product =
            static_cast<double>(row[f]) * static_cast<double>(w[f * classes + k]);
        logit += product;
        size += std::abs(product);
      }
      terms = std::max(terms, size);
      scores[k] = std::exp(logit);
      sum += scores[k];
    }
    const double logit_error = static_cast<double>(features + 1) * u * terms;
    // The exponential's argument is rounded too, its result and the sum of K of them as well.
    const double relative =
        2 * logit_error + 2 * terms * u + (static_cast<double>(classes) + 8) * u;
    e.loss_tolerance += relative / count;
    for (std::size_t k = 0; k < classes; ++k) {
      const double score = scores[k] / sum;
      const bool is_label = k == static_cast<std::size_t>(batch.labels[s]);
      const double gradient = std::abs(score - (is_label ? 1.0 : 0.0));
      const double error = (score * relative + (2 + count) * u * gradient) / count;
      bias_error[k] += error;
      for (std::size_t f = 0; f < features; ++f) {
        weight_error[f * classes + k] += std::abs(static_cast<double>(row[f])) * error;
      }
    }
  }
  e.loss_tolerance += u * static_cast<double>(e.result.cross_entropy);
  const auto moved = [&](const Tensor& was, const Tensor& is, std::size_t i) {
    const auto from = static_cast<double>(was.as<float>()[i]);
    return std::abs(from) + std::abs(static_cast<double>(is.as<float>()[i]) - from);
  };
  for (std::size_t i = 0; i < weight_error.size(); ++i) {
    e.weight_tolerance.push_back(rate * weight_error[i] +
                                 3 * u * moved(before.weights, e.head.weights, i));
  }
  for (std::size_t k = 0; k < classes; ++k) {
    e.bias_tolerance.push_back(rate * bias_error[k] +
                               3 * u * moved(before.biases, e.head.biases, k));
  }
  return e;
}

struct Size {
  int batch, features, classes;
};

class HeadTrainerSizes : public testing::TestWithParam<Size> {};

TEST_P(HeadTrainerSizes, StepsAsTheReferenceDoes) {
  const auto [batch, features, classes] = GetParam();
  const float rate = 0.05F;
  HeadTrainer trainer(initial_head(features, classes, 5), rate);
  for (std::uint64_t step = 0; step < 4; ++step) {
    const Problem p = make_problem(batch, features, classes, step);
    const Head before = clone(trainer.head());
    const Expected e = expected_step(before, p.batch, static_cast<double>(rate));
    const BatchResult result = trainer.step(p.batch);
    EXPECT_NEAR(result.cross_entropy, e.result.cross_entropy, e.loss_tolerance);
    EXPECT_EQ(result.accuracy, e.result.accuracy);
    const auto got = trainer.head().weights.as<float>();
    const auto want = std::as_const(e.head).weights.as<float>();
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], e.weight_tolerance[i]) << "weight " << i << " step " << step;
    }
    for (std::size_t k = 0; k < static_cast<std::size_t>(classes); ++k) {
      ASSERT_NEAR(trainer.head().biases.as<float>()[k], std::as_const(e.head).biases.as<float>()[k],
                  e.bias_tolerance[k]);
    }
    // The update must be seen at all: larger than what the tolerance lets pass.
    double moved = 0, allowed = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      moved += std::abs(static_cast<double>(got[i] - before.weights.as<float>()[i]));
      allowed += e.weight_tolerance[i];
    }
    EXPECT_GT(moved, 10 * allowed);
  }
}

// Batches that do not fill a block, features that do not fill a vector, and class counts on both
// sides of every tile: 1,000 classes go through the tiled path.
INSTANTIATE_TEST_SUITE_P(Shapes, HeadTrainerSizes,
                         testing::Values(Size{100, 1001, 5}, Size{1, 1, 2}, Size{3, 7, 2},
                                         Size{4, 16, 3}, Size{5, 17, 4}, Size{7, 64, 6},
                                         Size{13, 33, 7}, Size{10, 2048, 11}, Size{9, 1001, 23},
                                         Size{6, 1001, 24}, Size{6, 1001, 25}, Size{5, 129, 200},
                                         Size{8, 257, 1000}));

TEST(HeadTrainer, EvaluatesWithoutLearning) {
  const Problem p = make_problem(10, 33, 4, 1);
  HeadTrainer trainer(initial_head(33, 4, 1), 0.1F);
  const Head before = clone(trainer.head());
  const BatchResult a = trainer.evaluate(p.batch);
  const std::vector<float> logits(trainer.logits().begin(), trainer.logits().end());
  const BatchResult b = trainer.step(p.batch);
  EXPECT_EQ(a.cross_entropy, b.cross_entropy);
  EXPECT_EQ(a.accuracy, b.accuracy);
  EXPECT_EQ(logits, std::vector<float>(trainer.logits().begin(), trainer.logits().end()));
  ASSERT_EQ(trainer.scores().size(), 40U);
  for (std::size_t s = 0; s < 10; ++s) {
    float sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += trainer.scores()[s * 4 + k];
    EXPECT_NEAR(sum, 1.0F, 4 * std::ldexp(1.0F, -23));
  }
  EXPECT_NE(trainer.head().weights.as<float>()[0], before.weights.as<float>()[0]);
}

TEST(HeadTrainer, GoesOnFromItsOwnHeadBitForBit) {
  HeadTrainer whole(initial_head(101, 5, 3), 0.05F);
  HeadTrainer half(initial_head(101, 5, 3), 0.05F);
  for (std::uint64_t step = 0; step < 10; ++step) whole.step(make_problem(20, 101, 5, step).batch);
  for (std::uint64_t step = 0; step < 5; ++step) half.step(make_problem(20, 101, 5, step).batch);
  HeadTrainer resumed(clone(half.head()), 0.05F);
  for (std::uint64_t step = 5; step < 10; ++step) {
    resumed.step(make_problem(20, 101, 5, step).batch);
  }
  const auto a = whole.head().weights.as<float>();
  const auto b = resumed.head().weights.as<float>();
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST(HeadTrainer, KeepsItsWeightsWhenTheLossIsNotFinite) {
  Problem p = make_problem(8, 20, 3, 1);
  HeadTrainer trainer(initial_head(20, 3, 1), 0.1F);
  trainer.step(p.batch);
  const Head before = clone(trainer.head());
  p.rows[5][4] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(trainer.step(p.batch).cross_entropy));
  const auto now = trainer.head().weights.as<float>();
  const auto was = before.weights.as<float>();
  EXPECT_TRUE(std::equal(now.begin(), now.end(), was.begin()));
}

TEST(HeadTrainer, AnEmptyBatchIsNotANumber) {
  HeadTrainer trainer(initial_head(20, 3, 1), 0.1F);
  EXPECT_TRUE(std::isnan(trainer.evaluate({}).accuracy));
  EXPECT_TRUE(std::isnan(trainer.step({}).cross_entropy));
}

TEST(InitialHead, IsTruncatedNormal) {
  const Head head = initial_head(1001, 5, 7);
  double sum = 0, squares = 0, largest = 0;
  const auto w = head.weights.as<float>();
  for (const float v : w) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
    largest = std::max(largest, std::abs(static_cast<double>(v)));
  }
  const auto n = static_cast<double>(w.size());
  // A normal cut at 2σ has deviation 0.8796 σ; 5 standard errors of mean and deviation.
  const double deviation = 0.8796e-3;
  EXPECT_LT(std::abs(sum / n), 5 * deviation / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), deviation, 5 * deviation / std::sqrt(2 * n));
  EXPECT_LE(largest, 0.002001);
  for (const float b : head.biases.as<float>()) EXPECT_EQ(b, 0.0F);
  EXPECT_NE(initial_head(1001, 5, 8).weights.as<float>()[0], w[0]);
}

}  // namespace
}  // namespace graft
