#include "cli/models_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "base/file.h"
#include "base/test_directory.h"
#include "base/text.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<ChartNetwork> none_installed() {
  return chart_networks("/no/such/folder");
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

// Columns that text takes: its characters, which are all one wide here.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

TEST(ChartNetworks, AreTheSixteenAndInception) {
  const TestDirectory dir;
  ASSERT_TRUE(write_atomically(dir / "mobilenet_v1_0.50_224/frozen_graph.pb", "x").ok());
  const auto networks = chart_networks(dir.path());
  ASSERT_EQ(networks.size(), 17U);
  EXPECT_EQ(networks.front().series, "1.0");
  EXPECT_EQ(networks.back().series, "Inception V3");
  for (const ChartNetwork& n : networks) {
    EXPECT_EQ(n.installed, n.series == "0.50" && n.label == "224") << n.series << n.label;
    EXPECT_GT(n.megabytes, 1.9);
  }
}

TEST(ChartSvg, PlacesBubblesByTheirFigures) {
  const std::string svg = chart_svg(none_installed());
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_TRUE(is_utf8(svg));
  EXPECT_EQ(count(svg, "<polyline "), 4U);
  EXPECT_EQ(count(svg, "<g><title>"), 17U);
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
  EXPECT_EQ(count(svg, "prefers-color-scheme:dark"), 1U);
  struct Bubble {
    double x = 0, y = 0, r = 0;
  };
  const auto bubble = [&](const std::string& title) {
    std::smatch match;
    const std::regex pattern("<g><title>" + title +
                             "[^<]*</title>\\n<circle cx=\"([0-9.]+)\" cy=\"([0-9.]+)\" "
                             "r=\"([0-9.]+)\"");
    EXPECT_TRUE(std::regex_search(svg, match, pattern)) << title;
    return Bubble{std::stod(match[1]), std::stod(match[2]), std::stod(match[3])};
  };
  const Bubble small = bubble("0.25, 128 pixels"), middle = bubble("0.50, 224 pixels"),
               large = bubble("Inception V3, 299 pixels");
  // Printed to a tenth of a pixel. x is logarithmic: equal ratios, equal distances.
  EXPECT_NEAR((large.x - middle.x) / (middle.x - small.x),
              std::log(5700.0 / 150) / std::log(150.0 / 14), 0.003);
  EXPECT_NEAR((middle.y - large.y) / (small.y - middle.y), (77.9 - 64.0) / (64.0 - 41.3), 0.003);
  // The area is the size: 95.67 MB against 2.00 MB.
  EXPECT_NEAR(large.r * large.r / (small.r * small.r), 95.67 / 2.0, 2.5);
}

TEST(ChartSvg, MarksWhatIsInstalled) {
  std::vector<ChartNetwork> networks = none_installed();
  const std::string without = chart_svg(networks);
  networks[5].installed = true;
  const std::string with = chart_svg(networks);
  EXPECT_EQ(count(with, "class=\"ring\""), count(without, "class=\"ring\"") + 1);
  EXPECT_EQ(count(with, ", installed</title>"), 1U);
  EXPECT_EQ(with, chart_svg(networks));  // the same bytes again
}

TEST(ChartText, FitsTheTerminal) {
  std::vector<ChartNetwork> networks = none_installed();
  networks[0].installed = true;
  for (const int columns : {0, 40, 60, 80, 100, 200}) {
    const std::string chart = chart_text(networks, columns, false);
    EXPECT_TRUE(is_utf8(chart));
    for (const std::string& line : split_lines(chart)) {
      EXPECT_LT(width(line), static_cast<std::size_t>(std::max(columns, 52))) << line;
    }
  }
  const std::string chart = chart_text(networks, 100, false);
  EXPECT_EQ(count(chart, "●"), 2U);  // one network and the legend
  EXPECT_EQ(count(chart, "○"), 17U);
  for (const char* part : {"80 %", "40 %", "10,000", "million multiply-adds", "MobileNet 0.25",
                           "Inception V3", "~17.1 MB", " 95.7 MB"}) {
    EXPECT_THAT(chart, HasSubstr(part));
  }
}

TEST(ChartText, HasColoursOnlyWhenTheyAreWanted) {
  EXPECT_THAT(chart_text(none_installed(), 80, false), Not(HasSubstr("\x1b")));
  const std::string chart = chart_text(none_installed(), 80, true);
  EXPECT_GT(count(chart, "\x1b["), 20U);
  EXPECT_EQ(count(chart, "\x1b[") % 2, 0U);  // each is taken back
}

}  // namespace
}  // namespace graft
