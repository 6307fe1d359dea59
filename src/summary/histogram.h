// TensorFlow's histogram of a tensor's values, as TensorBoard shows it.
// Source: tensorflow/core/lib/histogram/histogram.cc; bytes: docs/formats/events.md.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace graft {

// Bucket i holds the values v with bucket_limit[i-1] <= v < bucket_limit[i]. No value at all:
// min = DBL_MAX, max = -DBL_MAX and one empty bucket, as TensorFlow has it.
struct Histogram {
  double min = 0, max = 0, num = 0, sum = 0, sum_squares = 0;
  std::vector<double> bucket_limit, bucket;  // runs of empty buckets collapsed to their last limit
};

// Sums run in the order of `values`, in float64. NaN and infinities are left out (TensorFlow's op
// refuses the whole tensor; a training that went wrong is caught before its logs are written).
// Subnormal values count as zero, because TensorFlow's kernels run with denormals flushed.
Histogram histogram_of(std::span<const float> values);
// The same into `into`, whose capacity is reused.
void histogram_of(std::span<const float> values, Histogram& into);

// The 1,551 upper limits, ascending: -DBL_MAX, -(1e-12 * 1.1^k) …, 0, 1e-12 * 1.1^k …, DBL_MAX with
// k ≥ 0 by repeated multiplication while below 1e20.
std::span<const double> histogram_limits();

// Index of the bucket of a finite value: the first limit above it. By table, in constant time.
std::size_t histogram_bucket(float value);
// The specification: a binary search in histogram_limits().
std::size_t histogram_bucket_reference(double value);

}  // namespace graft
