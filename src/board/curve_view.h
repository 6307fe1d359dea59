// What is drawn of a curve and of histograms: pure arithmetic on columns.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "summary/histogram.h"
#include "summary/run_store.h"

namespace graft {

// TensorBoard's smoothing: an exponential moving average, divided by what the start lacks, at these
// places (ascending indices), over all values before them. weight in [0, 1). Values that are not
// finite stay as they are and do not enter the average. In order of the last place.
// Source: tensorboard/components/vz_line_chart2, resmoothDataset.
std::vector<float> smoothed_at(std::span<const float> values, double weight,
                               std::span<const std::size_t> indices);

struct ViewRange {
  double low, high;  // on the axis
};
// Indices, ascending, of the points within the range and one beyond on either side; with pixels > 0
// only what the drawing needs: per pixel column the first, the last, the lowest and the highest
// finite value, and the first that is not finite. xs need not be ordered (wall times).
std::vector<std::size_t> points_to_draw(std::span<const double> xs, std::span<const float> values,
                                        ViewRange range, std::size_t pixels);

// "GRS1", u32 n, u64 total, f64 steps, f64 walls, f32 values, f32 smoothed; little endian. smooth:
// one a place in `indices`.
std::string encode_curve(const CurveSpans& curve, std::span<const float> smooth,
                         std::span<const std::size_t> indices);

// A step as the whole number that it was logged as; the nearest one where it has none.
std::int64_t whole_step(double step);

// "Wall time,Step,Value" and a line a point, as TensorBoard's downloads have it; numbers have
// digits enough to read back as the same.
std::string csv_of(const Curve& curve);

// Steps of 0 … count-1 to show: at most `most`, evenly chosen, the first and the last among them.
std::vector<std::size_t> evenly_chosen(std::size_t count, std::size_t most);

struct Bucket {
  double left, right, count;
};
// The buckets between the first and the last that hold anything, their outer edges at min and max,
// as TensorBoard migrates old histograms. Edges are numbers between ±1e300: one beyond is taken for
// that, and a bucket with an edge that is no number is left out. So differences are numbers, too.
std::vector<Bucket> buckets_of(const Histogram& histogram);

// Counts in equal bins between edges[0] and edges.back(), finite; a bucket is spread evenly over
// its width.
std::vector<double> rebinned(std::span<const Bucket> buckets, std::span<const double> edges);
// The value below which that share (percent) of the counts lies, even within a bucket; NaN for
// none.
double percentile(std::span<const Bucket> buckets, double percent);

}  // namespace graft
