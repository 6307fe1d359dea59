// MobileNet V1 (Howard et al. 2017, table 1) as prepared kernels, with random weights: only shapes
// matter to time.
// Thread rule: one thread at a time.
#pragma once

#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace graft {

struct Layer {
  std::string kind;     // "pointwise"
  std::string shape;    // "56x64>28x128": side and channels of input and result
  std::string backend;  // whose kernel it is
  OpSpec spec;
  std::vector<Tensor> weights;  // inputs 1 and on
  std::unique_ptr<Kernel> kernel;
  std::uint64_t multiply_adds = 0;
  TensorSpec out;
};

// How a depthwise convolution and the pointwise one behind it are offered: as two ops, as one to
// every backend first, or as Program does, which asks the backends that lead first.
enum class Pairs : std::uint8_t { kApart, kJoined, kAsPlanned };

class Network {
 public:
  // backends: asked in order.
  Network(std::string name, double width, std::int64_t size,
          std::span<const Backend* const> backends, Pairs pairs);

  // Results take turns in two buffers, as they do in a program: a layer run alone reads what lies
  // there.
  void run(std::size_t layer);
  void run();
  const std::string& name() const { return name_; }
  const std::vector<Layer>& layers() const { return layers_; }
  double prepare_seconds() const { return prepare_seconds_; }
  std::uint64_t multiply_adds() const;

 private:
  Tensor random(const Shape& shape);
  // weights: shapes of the inputs behind the first. False when it is `optional` and better not
  // done.
  bool add(const std::string& kind, Op op, const std::vector<Shape>& weights,
           bool optional = false);
  std::vector<const Backend*> order_for(const OpSpec& spec, bool optional) const;
  void add_block(std::int64_t outputs, int stride);

  std::string name_;
  std::vector<const Backend*> backends_;
  Pairs pairs_;
  std::mt19937 generator_{7};
  TensorSpec current_;
  Tensor input_;
  std::vector<Layer> layers_;
  std::vector<std::vector<TensorView>> views_;
  AlignedBuffer results_[2];
  AlignedBuffer scratch_;
  double prepare_seconds_ = 0;
};

}  // namespace graft
