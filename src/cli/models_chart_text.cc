// The chart for a terminal.
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "cli/format.h"
#include "cli/models_chart.h"

namespace graft {
namespace {

constexpr double kTextLowX = 10, kTextHighX = 10000, kTextLowY = 40, kTextHighY = 80;
constexpr std::array<int, 4> kTextTicksX = {10, 100, 1000, 10000};
constexpr int kLowest = 40, kTextTickY = 5, kRowsATick = 3;
constexpr int kRows = 8 * kRowsATick + 1;  // one a 5/3 %
constexpr int kMargin = 7;                 // "  80 % "
// Of the curves in order: blue, green, yellow, red, magenta.
constexpr std::array<const char*, 5> kTerminalColours = {"34", "32", "33", "31", "35"};

struct Cell {
  std::string text = " ";  // one column wide
  int colour = -1;
};

// A drawing area of cells; what is drawn later lies on top.
class Canvas {
 public:
  explicit Canvas(int columns)
      : columns_(columns), cells_(static_cast<std::size_t>(columns * kRows)) {}

  int column_of(double multiply_adds_m) const {
    const double share = std::log(multiply_adds_m / kTextLowX) / std::log(kTextHighX / kTextLowX);
    return static_cast<int>(std::lround(share * (columns_ - 1)));
  }
  static int row_of(double top1) {
    const double share = (top1 - kTextLowY) / (kTextHighY - kTextLowY);
    return static_cast<int>(std::lround((1 - share) * (kRows - 1)));
  }
  // Is there room for a word of this length, and a gap on both sides of it?
  bool has_room(int left, int row, int length) const {
    if (!inside(left, row) || !inside(left + length - 1, row)) return false;
    for (int column = left - 1; column <= left + length; ++column) {
      if (inside(column, row) && at(column, row).text != " ") return false;
    }
    return true;
  }
  void put(int column, int row, std::string_view text, int colour) {
    if (inside(column, row)) at(column, row) = {std::string(text), colour};
  }
  std::string row(int row, bool colours) const {
    std::string out;
    for (int column = 0; column < columns_; ++column) {
      const Cell& cell = at(column, row);
      if (colours && cell.colour >= 0) {
        out += std::string("\x1b[") + kTerminalColours[static_cast<std::size_t>(cell.colour)] +
               "m" + cell.text + "\x1b[0m";
      } else {
        out += cell.text;
      }
    }
    const std::size_t end = out.find_last_not_of(' ');
    return end == std::string::npos ? "" : out.substr(0, end + 1);
  }

 private:
  bool inside(int column, int row) const {
    return column >= 0 && column < columns_ && row >= 0 && row < kRows;
  }
  std::size_t index(int column, int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }
  const Cell& at(int column, int row) const { return cells_[index(column, row)]; }
  Cell& at(int column, int row) { return cells_[index(column, row)]; }
  int columns_;
  std::vector<Cell> cells_;
};

void draw_line(Canvas& canvas, const ChartNetwork& from, const ChartNetwork& to, int colour) {
  const int steps =
      4 * std::abs(canvas.column_of(to.multiply_adds_m) - canvas.column_of(from.multiply_adds_m));
  for (int i = 1; i < steps; ++i) {
    const double share = static_cast<double>(i) / steps;
    const double x = std::exp(std::log(from.multiply_adds_m) * (1 - share) +
                              std::log(to.multiply_adds_m) * share);
    canvas.put(canvas.column_of(x), Canvas::row_of(from.top1 + (to.top1 - from.top1) * share), "·",
               colour);
  }
}

// Where the label fits: beside the mark, above or below it, on free cells.
void draw_label(Canvas& canvas, const ChartNetwork& network, int colour) {
  const int column = canvas.column_of(network.multiply_adds_m), row = Canvas::row_of(network.top1);
  const int length = static_cast<int>(network.label.size());
  const std::array<std::array<int, 2>, 7> places = {{{column - length - 1, row},
                                                     {column + 2, row},
                                                     {column - length + 1, row - 1},
                                                     {column, row + 1},
                                                     {column - length, row - 1},
                                                     {column + 1, row + 1},
                                                     {column - length, row + 1}}};
  for (const auto& [left, line] : places) {
    if (!canvas.has_room(left, line, length)) continue;
    for (int i = 0; i < length; ++i) {
      canvas.put(left + i, line, network.label.substr(static_cast<std::size_t>(i), 1), colour);
    }
    return;
  }
}

std::string axis_x(const Canvas& canvas, int columns) {
  std::string ruler(static_cast<std::size_t>(columns), '-'), figures;
  for (const int tick : kTextTicksX) {
    const auto at = static_cast<std::size_t>(canvas.column_of(tick));
    ruler[at] = '+';
    const std::string text = tick < 1000 ? std::to_string(tick) : format("%d,000", tick / 1000);
    const std::size_t left = std::min(at, static_cast<std::size_t>(columns) - text.size());
    if (figures.size() < left) figures.append(left - figures.size(), ' ');
    figures += text;
  }
  const std::string margin(kMargin, ' ');
  return margin + ruler + "\n" + margin + figures + "\n" + margin +
         "million multiply-adds a photo (logarithmic)\n";
}

std::string legend(const std::vector<ChartNetwork>& networks, bool colours) {
  std::string out;
  int colour = -1;
  std::string series;
  for (const ChartNetwork& n : networks) {
    if (n.series == series) continue;
    series = n.series;
    ++colour;
    const std::string name = (series.find(' ') == std::string::npos ? "MobileNet " : "") + series;
    std::string line =
        "  " + name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') +
        format("%7s MB", format("%s%.1f", n.size_is_exact ? "" : "~", n.megabytes).c_str());
    if (colours) {
      line = std::string("\x1b[") + kTerminalColours[static_cast<std::size_t>(colour)] + "m" +
             line + "\x1b[0m";
    }
    out += line + "\n";
  }
  return out + "  ● installed   ○ not installed\n  224, 192 …: the photo's side in pixels\n";
}

}  // namespace

std::string chart_text(const std::vector<ChartNetwork>& networks, int columns, bool colours) {
  const int width = std::clamp(columns - 1, 40, 140) - kMargin;
  Canvas canvas(width);
  std::vector<int> colour_of;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const bool same = i > 0 && networks[i].series == networks[i - 1].series;
    colour_of.push_back(i == 0 ? 0 : colour_of.back() + (same ? 0 : 1));
    if (same) draw_line(canvas, networks[i - 1], networks[i], colour_of.back());
  }
  for (std::size_t i = 0; i < networks.size(); ++i) {
    canvas.put(canvas.column_of(networks[i].multiply_adds_m), Canvas::row_of(networks[i].top1),
               networks[i].installed ? "●" : "○", colour_of[i]);
  }
  for (std::size_t i = 0; i < networks.size(); ++i) draw_label(canvas, networks[i], colour_of[i]);

  std::string out = "ImageNet top-1 accuracy\n";
  for (int row = 0; row < kRows; ++row) {
    const int percent = kLowest + (kRows - 1 - row) / kRowsATick * kTextTickY;
    out += (row % kRowsATick == 0 ? format(" %3d %% ", percent) : std::string(kMargin, ' ')) +
           canvas.row(row, colours) + "\n";
  }
  return out + axis_x(canvas, width) + legend(networks, colours);
}

}  // namespace graft
