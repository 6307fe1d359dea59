#include "train/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/text.h"

namespace graft {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMatrixClasses = 12;  // a wider matrix does not fit a terminal
constexpr std::size_t kListed = 20;

double ratio(std::size_t part, std::size_t whole) {
  return whole == 0 ? kNaN : static_cast<double>(part) / static_cast<double>(whole);
}

// Columns that a terminal gives to UTF-8 text: two for East Asian wide characters, one for others.
std::size_t columns(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) == 0x80U) continue;
    // U+1100… begins with 0xE1 0x84; CJK, kana, Hangul and full-width forms lie in 0xE3–0xED, 0xEF.
    width += (byte >= 0xE3 && byte <= 0xED) || byte == 0xF0 ? 2 : 1;
  }
  return width;
}

std::string left(std::string_view text, std::size_t width) {
  std::string out(text);
  for (std::size_t have = columns(text); have < width; ++have) out += ' ';
  return out;
}

std::string right(std::string_view text, std::size_t width) {
  std::string out;
  for (std::size_t have = columns(text); have < width; ++have) out += ' ';
  return out.append(text);
}

std::string percent(double value) {
  if (std::isnan(value)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f%%", value * 100);
  return text.data();
}

// RFC 4180: quoted when it holds a quote, comma or line break; quotes doubled.
std::string csv_field(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

std::vector<std::string> shown_labels(const Evaluation& e) {
  std::vector<std::string> shown;
  for (const std::string& label : e.labels) shown.push_back(printable(label));
  return shown;
}

std::string class_table(const Evaluation& e, const std::vector<std::string>& names) {
  std::size_t width = 5;
  for (const std::string& name : names) width = std::max(width, columns(name));
  std::string out = "\n" + left("class", width) + "  photos  precision  recall      F1\n";
  for (std::size_t k = 0; k < names.size(); ++k) {
    const ClassFigures& c = e.classes[k];
    out += left(names[k], width) + right(format_count(c.photos), 8) +
           right(percent(c.precision), 11) + right(percent(c.recall), 8) + right(percent(c.f1), 8) +
           "\n";
  }
  return out;
}

std::string matrix(const Evaluation& e, const std::vector<std::string>& names) {
  std::size_t width = 5;
  for (const std::string& name : names) width = std::max(width, columns(name));
  std::string out =
      "\nConfusion matrix (rows: what it is, columns: what was predicted)\n" + left("", width);
  for (const std::string& name : names)
    out += "  " + right(name, std::max<std::size_t>(6, columns(name)));
  out += "\n";
  for (std::size_t t = 0; t < names.size(); ++t) {
    out += left(names[t], width);
    for (std::size_t p = 0; p < names.size(); ++p) {
      out += "  " +
             right(format_count(e.confusion[t][p]), std::max<std::size_t>(6, columns(names[p])));
    }
    out += "\n";
  }
  return out;
}

// For more classes than a terminal is wide: what is taken for what, most often first.
std::string confusions(const Evaluation& e, const std::vector<std::string>& names) {
  struct Pair {
    std::size_t count, truth, predicted;
  };
  std::vector<Pair> pairs;
  for (std::size_t t = 0; t < names.size(); ++t) {
    for (std::size_t p = 0; p < names.size(); ++p) {
      if (t != p && e.confusion[t][p] > 0) pairs.push_back({e.confusion[t][p], t, p});
    }
  }
  if (pairs.empty()) return "";
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.count > b.count; });
  std::string out = "\nMost frequent confusions\n";
  for (std::size_t i = 0; i < pairs.size() && i < kListed; ++i) {
    out += right(format_count(pairs[i].count), 8) + "  " + names[pairs[i].truth] + " taken for " +
           names[pairs[i].predicted] + "\n";
  }
  return out;
}

// A CSV cell: six decimals, empty where undefined.
std::string share(double value) {
  if (std::isnan(value)) return "";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6f", value);
  return text.data();
}

// What follows a row's name: counts by predicted label, photos, the share of them that is right.
std::string row_end(const std::vector<std::size_t>& counts, std::size_t photos,
                    std::size_t correct) {
  std::string out;
  for (const std::size_t count : counts) out += "," + std::to_string(count);
  const Interval interval = wilson_interval(correct, photos);
  return out + "," + std::to_string(photos) + "," + share(ratio(correct, photos)) + "," +
         share(interval.low) + "," + share(interval.high);
}

}  // namespace

Interval wilson_interval(std::size_t successes, std::size_t n) {
  if (n == 0) return {0, 1};
  constexpr double kZ = 1.959963984540054;  // the normal distribution's 97.5th percentile
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(successes) / count;
  const double z2n = kZ * kZ / count;
  const double middle = p + z2n / 2;
  const double half = kZ * std::sqrt(p * (1 - p) / count + z2n / (4 * count));
  const double scale = 1 + z2n;
  return {successes == 0 ? 0 : std::max(0.0, (middle - half) / scale),
          successes == n ? 1 : std::min(1.0, (middle + half) / scale)};
}

Evaluation evaluate(std::vector<std::string> labels, std::span<const ScoredExample> examples) {
  Evaluation e;
  const std::size_t classes = labels.size();
  e.labels = std::move(labels);
  e.photos = examples.size();
  e.confusion.assign(classes, std::vector<std::size_t>(classes, 0));
  e.classes.resize(classes);
  for (const ScoredExample& example : examples) {
    const auto truth = static_cast<std::size_t>(example.truth);
    const auto predicted = static_cast<std::size_t>(example.predicted);
    ++e.confusion[truth][predicted];
    ++e.classes[truth].photos;
    ++e.classes[predicted].predicted;
    if (truth == predicted) {
      ++e.classes[truth].correct;
      ++e.correct;
    } else {
      e.mistakes.push_back(example);
    }
  }
  e.accuracy = ratio(e.correct, e.photos);
  e.interval = wilson_interval(e.correct, e.photos);
  for (ClassFigures& c : e.classes) {
    c.precision = ratio(c.correct, c.predicted);
    c.recall = ratio(c.correct, c.photos);
    // The harmonic mean of both, in the form that needs only one of them to be defined.
    c.f1 = ratio(2 * c.correct, c.photos + c.predicted);
  }
  std::stable_sort(
      e.mistakes.begin(), e.mistakes.end(),
      [](const ScoredExample& a, const ScoredExample& b) { return a.score > b.score; });
  return e;
}

std::string to_text(const Evaluation& e) {
  if (e.photos == 0) return "No photos to evaluate\n";
  const std::vector<std::string> names = shown_labels(e);
  std::string out = "Accuracy " + percent(e.accuracy) + " (" + format_count(e.correct) + " of " +
                    format_count(e.photos) + "), 95% confidence interval " +
                    percent(e.interval.low) + " to " + percent(e.interval.high) + "\n";
  out += class_table(e, names);
  out += names.size() <= kMatrixClasses ? matrix(e, names) : confusions(e, names);
  if (!e.mistakes.empty()) {
    out += "\nMistakes, most confident first\n";
    for (std::size_t i = 0; i < e.mistakes.size() && i < kListed; ++i) {
      const ScoredExample& m = e.mistakes[i];
      out += "  " + printable(m.path) + ": " + names[static_cast<std::size_t>(m.predicted)] + " " +
             percent(static_cast<double>(m.score)) + ", is " +
             names[static_cast<std::size_t>(m.truth)] + " " +
             percent(static_cast<double>(m.truth_score)) + "\n";
    }
    if (e.mistakes.size() > kListed) {
      out += "  … and " + format_count(e.mistakes.size() - kListed) + " more\n";
    }
  }
  return out;
}

std::string to_csv(const Evaluation& e) {
  std::string out = "truth";
  for (const std::string& label : e.labels) out += "," + csv_field(label);
  out += ",photos,recall,recall_low,recall_high,precision,f1\n";
  std::vector<std::size_t> predicted;
  for (std::size_t t = 0; t < e.labels.size(); ++t) {
    const ClassFigures& c = e.classes[t];
    out += csv_field(e.labels[t]) + row_end(e.confusion[t], c.photos, c.correct) + "," +
           share(c.precision) + "," + share(c.f1) + "\n";
    predicted.push_back(c.predicted);
  }
  return out + "(all)" + row_end(predicted, e.photos, e.correct) + ",,\n";
}

Json to_json(const Evaluation& e) {
  Json json = Json::object();
  json["photos"] = e.photos;
  json["correct"] = e.correct;
  json["accuracy"] = number(e.accuracy);
  json["interval_95"] = {e.interval.low, e.interval.high};
  Json& classes = json["classes"] = Json::array();
  for (std::size_t k = 0; k < e.labels.size(); ++k) {
    const ClassFigures& c = e.classes[k];
    classes.push_back({{"label", printable(e.labels[k])},
                       {"photos", c.photos},
                       {"predicted", c.predicted},
                       {"correct", c.correct},
                       {"precision", number(c.precision)},
                       {"recall", number(c.recall)},
                       {"f1", number(c.f1)}});
  }
  json["confusion"] = e.confusion;
  Json& mistakes = json["mistakes"] = Json::array();
  for (const ScoredExample& m : e.mistakes) {
    mistakes.push_back({{"path", printable(m.path)},
                        {"truth", printable(e.labels[static_cast<std::size_t>(m.truth)])},
                        {"predicted", printable(e.labels[static_cast<std::size_t>(m.predicted)])},
                        {"score", number(static_cast<double>(m.score))},
                        {"truth_score", number(static_cast<double>(m.truth_score))}});
  }
  return json;
}

}  // namespace graft
