// How good a classifier is: accuracy with its interval, confusion, per-class figures, mistakes.
// Thread rule: plain values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace graft {

struct ScoredExample {
  std::string path;
  std::int32_t truth = 0, predicted = 0;
  float score = 0;        // of the predicted class
  float truth_score = 0;  // of the true class
};

struct ClassFigures {
  std::size_t photos = 0, predicted = 0, correct = 0;
  double precision = 0, recall = 0, f1 = 0;  // NaN where undefined (no photo, none predicted)
};

struct Interval {
  double low = 0, high = 0;
};
// Wilson score interval, 95 %. Source: Wilson 1927, JASA 22(158). n == 0: [0, 1].
Interval wilson_interval(std::size_t successes, std::size_t n);

struct Evaluation {
  std::vector<std::string> labels;
  std::size_t photos = 0, correct = 0;
  double accuracy = 0;  // NaN for no photos
  Interval interval;
  std::vector<std::vector<std::size_t>> confusion;  // [truth][predicted]
  std::vector<ClassFigures> classes;
  std::vector<ScoredExample> mistakes;  // most confident first
};
Evaluation evaluate(std::vector<std::string> labels, std::span<const ScoredExample> examples);

std::string to_text(const Evaluation& e);  // tables for a terminal or a pipe
// One row a class: confusion counts by predicted label, photos, recall with its 95 % interval,
// precision, F1 (shares of 1, empty where undefined). The last row, "(all)", has the accuracy as
// its recall. Fields are quoted as in RFC 4180; lines end with a newline alone, for other tools'
// sake.
std::string to_csv(const Evaluation& e);
Json to_json(const Evaluation& e);

}  // namespace graft
