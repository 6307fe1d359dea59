// The codelab's bubble chart: what a network costs against how good it is. x: multiply-adds a photo
// (logarithmic), y: ImageNet top-1, a bubble's area: its file's size, a curve a width. Thread rule:
// pure functions; the same input gives the same bytes.
#pragma once

#include <string>
#include <vector>

namespace graft {

struct ChartNetwork {
  std::string series;  // "1.0", the curve that it belongs to; "Inception V3" stands alone
  std::string label;   // "224", pixels
  double multiply_adds_m = 0, top1 = 0, megabytes = 0;
  bool size_is_exact = false;
  bool installed = false;
};

// The float networks that have published figures, width by width; installed: below model_dir.
std::vector<ChartNetwork> chart_networks(const std::string& model_dir);

// A whole SVG file, readable on light and dark pages.
std::string chart_svg(const std::vector<ChartNetwork>& networks);

// The same for a terminal of so many columns (40 at least are used). colours: with ANSI colours.
std::string chart_text(const std::vector<ChartNetwork>& networks, int columns, bool colours);

}  // namespace graft
