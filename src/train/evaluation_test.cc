#include "train/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"

namespace graft {
namespace {

using testing::HasSubstr;

// scipy 1.17: binomtest(k, n).proportion_ci(method='wilson').
TEST(WilsonInterval, EqualsScipys) {
  const struct {
    std::size_t k, n;
    double low, high;
  } cases[] = {{85, 100, 0.7671644040916763, 0.9069401471634337},
               {0, 10, 0.0, 0.27753279986288926},
               {10, 10, 0.7224672001371109, 1.0},
               {1, 2, 0.09453120573423074, 0.9054687942657693},
               {857, 1000, 0.8339350119390161, 0.8773326825022973}};
  for (const auto& c : cases) {
    const Interval got = wilson_interval(c.k, c.n);
    EXPECT_NEAR(got.low, c.low, 1e-14) << c.k << "/" << c.n;
    EXPECT_NEAR(got.high, c.high, 1e-14) << c.k << "/" << c.n;
  }
  EXPECT_EQ(wilson_interval(0, 0).low, 0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
}

ScoredExample example(std::string path, int truth, int predicted, float score) {
  return {std::move(path), truth, predicted, score, 1 - score};
}

// The example in the documentation of scikit-learn's classification_report:
// y_true = [0, 1, 2, 2, 2], y_pred = [0, 0, 2, 2, 1].
Evaluation documented() {
  const std::vector<ScoredExample> examples = {example("a", 0, 0, 0.9F), example("b", 1, 0, 0.6F),
                                               example("c", 2, 2, 0.9F), example("d", 2, 2, 0.8F),
                                               example("e\n", 2, 1, 0.7F)};
  return evaluate({"class 0", "class, \"1\"", "雏菊"}, examples);
}

TEST(Evaluate, EqualsThePublishedExample) {
  const Evaluation e = documented();
  EXPECT_EQ(e.photos, 5U);
  EXPECT_EQ(e.correct, 3U);
  EXPECT_DOUBLE_EQ(e.accuracy, 0.6);
  const struct {
    double precision, recall, f1;
    std::size_t support;
  } expected[] = {{0.5, 1.0, 2.0 / 3, 1}, {0, 0, 0, 1}, {1.0, 2.0 / 3, 0.8, 3}};
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_DOUBLE_EQ(e.classes[k].precision, expected[k].precision);
    EXPECT_DOUBLE_EQ(e.classes[k].recall, expected[k].recall);
    EXPECT_DOUBLE_EQ(e.classes[k].f1, expected[k].f1);
    EXPECT_EQ(e.classes[k].photos, expected[k].support);
  }
  EXPECT_THAT(e.confusion,
              testing::ElementsAre(testing::ElementsAre(1, 0, 0), testing::ElementsAre(1, 0, 0),
                                   testing::ElementsAre(0, 1, 2)));
  ASSERT_EQ(e.mistakes.size(), 2U);
  EXPECT_EQ(e.mistakes[0].path, "e\n");  // the more confident one
  EXPECT_EQ(e.mistakes[1].path, "b");
}

TEST(Evaluate, UndefinedFiguresAreNotANumber) {
  const Evaluation none = evaluate({"a", "b"}, {});
  EXPECT_TRUE(std::isnan(none.accuracy));
  EXPECT_TRUE(std::isnan(none.classes[0].precision));
  EXPECT_TRUE(std::isnan(none.classes[0].recall));
  EXPECT_TRUE(std::isnan(none.classes[0].f1));
  EXPECT_EQ(to_text(none), "No photos to evaluate\n");
  EXPECT_TRUE(to_json(none)["accuracy"].is_null());
  const std::vector<ScoredExample> one = {example("x", 0, 0, 1)};
  EXPECT_THAT(to_text(evaluate({"a", "b"}, one)), HasSubstr("-"));
}

// The intervals: Wilson's formula for 1 of 1, 0 of 1, 2 of 3 and 3 of 5.
TEST(Evaluate, CsvHasTheMatrixAndTheFigures) {
  EXPECT_EQ(to_csv(documented()),
            "truth,class 0,\"class, \"\"1\"\"\",雏菊,photos,recall,recall_low,recall_high,"
            "precision,f1\n"
            "class 0,1,0,0,1,1.000000,0.206549,1.000000,0.500000,0.666667\n"
            "\"class, \"\"1\"\"\",1,0,0,1,0.000000,0.000000,0.793451,0.000000,0.000000\n"
            "雏菊,0,1,2,3,0.666667,0.207660,0.938508,1.000000,0.800000\n"
            "(all),2,1,2,5,0.600000,0.230724,0.882379,,\n");
  EXPECT_EQ(to_csv(evaluate({"a"}, {})),
            "truth,a,photos,recall,recall_low,recall_high,precision,f1\n"
            "a,0,0,,0.000000,1.000000,,\n"
            "(all),0,0,,0.000000,1.000000,,\n");
}

TEST(Evaluate, TextShowsTablesAndMistakes) {
  const std::string text = to_text(documented());
  EXPECT_THAT(text, HasSubstr("Accuracy 60.0% (3 of 5), 95% confidence interval 23.1% to 88.2%"));
  EXPECT_THAT(text, HasSubstr("雏菊             3     100.0%   66.7%   80.0%\n"));
  EXPECT_THAT(text, HasSubstr("  e\\n: class, \"1\" 70.0%, is 雏菊 30.0%\n"));
}

TEST(Evaluate, ManyClassesListConfusionsInstead) {
  std::vector<std::string> labels;
  for (int k = 0; k < 40; ++k) labels.push_back("c" + std::to_string(k));
  const std::vector<ScoredExample> examples = {example("a", 1, 2, 1), example("b", 1, 2, 1),
                                               example("c", 3, 4, 1)};
  const std::string text = to_text(evaluate(labels, examples));
  EXPECT_THAT(text, HasSubstr("       2  c1 taken for c2\n       1  c3 taken for c4\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("Confusion matrix")));
}

TEST(Evaluate, JsonHasEveryFigure) {
  const Json json = to_json(documented());
  EXPECT_EQ(json["photos"], 5);
  EXPECT_EQ(json["classes"][2]["label"], "雏菊");
  EXPECT_EQ(json["confusion"][2][1], 1);
  EXPECT_EQ(json["mistakes"][0]["path"], "e\\n");
  EXPECT_EQ(json["mistakes"][0]["predicted"], "class, \"1\"");
}

}  // namespace
}  // namespace graft
