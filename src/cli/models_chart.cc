#include "cli/models_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "cli/format.h"
#include "model/source.h"
#include "model/spec.h"

namespace graft {
namespace {

// What both pictures show: 14 to 5,700 million multiply-adds, 41.3 to 77.9 %.
constexpr double kLowX = 10, kHighX = 10000, kLowY = 38, kHighY = 82;
constexpr std::array<int, 10> kTicksX = {10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
constexpr int kTickY = 5, kFirstTickY = 40, kLastTickY = 80;

// 0 to 1 along the axes.
double share_x(double multiply_adds_m) {
  return std::log(multiply_adds_m / kLowX) / std::log(kHighX / kLowX);
}
double share_y(double top1) {
  return (top1 - kLowY) / (kHighY - kLowY);
}

std::string thousands(int value) {
  return value < 1000 ? std::to_string(value) : format("%d,%03d", value / 1000, value % 1000);
}

std::string size_text(const ChartNetwork& network) {
  return format("%s%.1f MB", network.size_is_exact ? "" : "~", network.megabytes);
}

bool is_curve(const std::string& series) {
  return series.find(' ') == std::string::npos;
}

std::vector<std::string> series_of(const std::vector<ChartNetwork>& networks) {
  std::vector<std::string> names;
  for (const ChartNetwork& n : networks) {
    if (names.empty() || names.back() != n.series) names.push_back(n.series);
  }
  return names;
}

// --- SVG ----------------------------------------------------------------------------------------

constexpr double kWidth = 960, kHeight = 600;
constexpr double kLeft = 76, kRight = 28, kTop = 84, kBottom = 74;
constexpr double kRadiusOfOneMegabyte = 3.6;

// Okabe and Ito's colours, which people with any colour vision tell apart; the second for dark
// pages.
struct Colour {
  const char* light;
  const char* dark;
};
constexpr std::array<Colour, 5> kColours = {{{"#0072b2", "#56b4e9"},
                                             {"#00805d", "#2fc79a"},
                                             {"#b97f00", "#f0b73a"},
                                             {"#c44e00", "#ff8b4d"},
                                             {"#a8507f", "#e39cc4"}}};

double at_x(double multiply_adds_m) {
  return kLeft + share_x(multiply_adds_m) * (kWidth - kLeft - kRight);
}
double at_y(double top1) {
  return kHeight - kBottom - share_y(top1) * (kHeight - kTop - kBottom);
}
double radius(double megabytes) {
  return kRadiusOfOneMegabyte * std::sqrt(megabytes);
}

std::string text_at(double x, double y, std::string_view classes, std::string_view words) {
  return format("<text x=\"%.1f\" y=\"%.1f\" class=\"", x, y) + std::string(classes) + "\">" +
         std::string(words) + "</text>\n";
}

std::string circle(double x, double y, double r, std::string_view classes) {
  return format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"", x, y, r) +
         std::string(classes) + "\"/>\n";
}

std::string style() {
  std::string light, dark;
  for (std::size_t i = 0; i < kColours.size(); ++i) {
    const auto rule = [i](const char* colour) {
      return format(".s%zu{fill:%s;stroke:%s}.t%zu{fill:%s}", i, colour, colour, i, colour);
    };
    light += rule(kColours[i].light);
    dark += rule(kColours[i].dark);
  }
  return "<style>\n"
         "text{font:13px \"DejaVu Sans\",Verdana,sans-serif;fill:#333}\n"
         ".paper{fill:#fff;stroke:#d5d9de}.grid{stroke:#e4e7eb}.axis{stroke:#8a9099}\n"
         ".title{font-size:19px;font-weight:bold}.soft{fill:#667}.small{font-size:12px}\n"
         // A rim of the paper's colour keeps a label readable on whatever it lies on.
         ".tag{stroke:#fff;stroke-width:3px;stroke-linejoin:round;paint-order:stroke}\n"
         ".end{text-anchor:end}.mid{text-anchor:middle}\n"
         "polyline.curve{fill:none;stroke-width:1.6;stroke-opacity:.75}\n"
         ".away{fill-opacity:.16;stroke-width:1.4}\n"
         ".here{fill-opacity:.92;stroke-width:1.4}\n"
         ".ring{fill:none;stroke:#333;stroke-width:1.6}\n" +
         light +
         "\n@media(prefers-color-scheme:dark){\n"
         "text{fill:#dfe3e8}.paper{fill:#16191d;stroke:#343a41}.grid{stroke:#2a2f36}\n"
         ".axis{stroke:#78808a}.soft{fill:#9aa3ad}.tag{stroke:#16191d}.ring{stroke:#f2f4f7}\n" +
         dark + "\n}\n</style>\n";
}

std::string axes() {
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  std::string out;
  for (int y = kFirstTickY; y <= kLastTickY; y += kTickY) {
    out += format("<path d=\"M%.1f %.1fH%.1f\" class=\"grid\"/>\n", kLeft, at_y(y), right) +
           text_at(kLeft - 9, at_y(y) + 4.5, "end soft", std::to_string(y) + " %");
  }
  for (const int x : kTicksX) {
    out += format("<path d=\"M%.1f %.1fV%.1f\" class=\"grid\"/>\n", at_x(x), kTop, bottom) +
           text_at(at_x(x), bottom + 20, "mid soft", thousands(x));
  }
  return out +
         format("<path d=\"M%.1f %.1fV%.1fH%.1f\" class=\"axis\" fill=\"none\"/>\n", kLeft, kTop,
                bottom, right) +
         text_at((kLeft + right) / 2, bottom + 44, "mid",
                 "multiply-adds a photo, in millions (logarithmic)") +
         format(
             "<text transform=\"translate(22 %.1f) rotate(-90)\" class=\"mid\">ImageNet top-1 "
             "accuracy</text>\n",
             (kTop + bottom) / 2);
}

// Curves rise to the right and lie close together: the names of one stand above to the left, of the
// next below to the right.
std::string bubble_label(const ChartNetwork& n, std::size_t colour) {
  const bool below = colour % 2 == 0;
  const double r = radius(n.megabytes), x = at_x(n.multiply_adds_m), y = at_y(n.top1);
  if (!is_curve(n.series)) {
    return text_at(x, y + r + 17, "mid", n.series) +
           text_at(x, y + r + 33, "mid soft small", n.label + " pixels, " + size_text(n));
  }
  const std::string tag = format("small tag t%zu ", colour);
  return below ? text_at(x + 7, y + r + 15, tag + "mid", n.label)
               : text_at(x - 0.75 * r - 3, y - 0.75 * r - 3, tag + "end", n.label);
}

std::string bubble(const ChartNetwork& n, std::size_t colour) {
  const double r = radius(n.megabytes), x = at_x(n.multiply_adds_m), y = at_y(n.top1);
  std::string out = "<g><title>" + n.series + ", " + n.label +
                    " pixels: " + thousands(static_cast<int>(n.multiply_adds_m)) +
                    " million multiply-adds, " + format("%.1f %%, ", n.top1) + size_text(n) +
                    (n.installed ? ", installed" : "") + "</title>\n" +
                    circle(x, y, r, format("s%zu %s", colour, n.installed ? "here" : "away"));
  if (n.installed) out += circle(x, y, r + 3.2, "ring");
  return out + "</g>\n";
}

std::string legend(const std::vector<ChartNetwork>& networks,
                   const std::vector<std::string>& series) {
  const double left = at_x(640);
  double y = at_y(59.5);
  std::string out = text_at(left - 16, y, "soft", "width of the network, size of its file");
  y += 4;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto first = std::find_if(networks.begin(), networks.end(),
                                    [&](const ChartNetwork& n) { return n.series == series[i]; });
    if (!is_curve(series[i])) continue;
    y += 33;
    out += circle(left, y - 4.5, radius(first->megabytes), format("s%zu away", i)) +
           text_at(left + 26, y, format("t%zu", i), "MobileNet " + series[i]) +
           text_at(left + 150, y, "soft", size_text(*first));
  }
  y += 32;
  out += circle(left, y - 4.5, 8, "s0 here") + circle(left, y - 4.5, 11.2, "ring") +
         text_at(left + 26, y, "", "installed here");
  return out;
}

}  // namespace

std::vector<ChartNetwork> chart_networks(const std::string& model_dir) {
  std::vector<ChartNetwork> networks;
  for (const ModelSpec& spec : all_models()) {
    if (spec.quantized || spec.top1 <= 0) continue;
    ChartNetwork network;
    network.series = spec.width_multiplier > 0 ? format(spec.width_multiplier < 1 ? "%.2f" : "%.1f",
                                                        spec.width_multiplier)
                                               : std::string("Inception V3");
    network.label = std::to_string(spec.input_size);
    network.multiply_adds_m = spec.multiply_adds_m;
    network.top1 = spec.top1;
    network.megabytes = static_cast<double>(spec.graph_size.bytes) / 1e6;
    network.size_is_exact = spec.graph_size.exact;
    network.installed = !installed_at(spec, model_dir).empty();
    networks.push_back(std::move(network));
  }
  return networks;
}

std::string chart_svg(const std::vector<ChartNetwork>& networks) {
  const std::vector<std::string> series = series_of(networks);
  std::string out =
      format(
          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
          "viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n",
          kWidth, kHeight, kWidth, kHeight) +
      "<title>Pretrained networks: accuracy against multiply-adds</title>\n" + style() +
      format("<rect x=\".5\" y=\".5\" width=\"%.0f\" height=\"%.0f\" rx=\"8\" class=\"paper\"/>\n",
             kWidth - 1, kHeight - 1) +
      text_at(kLeft, 38, "title", "What a network costs, and how good it is") +
      text_at(kLeft, 60, "soft",
              "Each bubble is a network; the number beside it: the photo's side in pixels. Its "
              "area: the size of its file.") +
      axes();
  std::string bubbles, labels;
  for (std::size_t i = 0; i < series.size(); ++i) {
    std::string points;
    for (const ChartNetwork& n : networks) {
      if (n.series != series[i]) continue;
      points += format("%.1f,%.1f ", at_x(n.multiply_adds_m), at_y(n.top1));
      bubbles += bubble(n, i);
      labels += bubble_label(n, i);
    }
    if (is_curve(series[i])) {
      points.pop_back();
      out += "<polyline points=\"" + points + format("\" class=\"s%zu curve\"/>\n", i);
    }
  }
  return out + bubbles + labels + legend(networks, series) + "</svg>\n";
}

}  // namespace graft
