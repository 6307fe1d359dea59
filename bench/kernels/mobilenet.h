// MobileNet V1 (Howard et al. 2017, table 1) as prepared kernels, with random weights: only shapes
// matter to time. Layers are chosen as Program chooses them.
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
  Tensor out;
};

class Network {
 public:
  // backends: asked in order. joined: a depthwise convolution and the pointwise one behind it are
  // offered as one op first.
  Network(std::string name, double width, std::int64_t size,
          std::span<const Backend* const> backends, bool joined);

  void run(std::size_t layer);  // on what the layer before it wrote last
  void run();
  const std::string& name() const { return name_; }
  const std::vector<Layer>& layers() const { return layers_; }
  double prepare_seconds() const { return prepare_seconds_; }
  std::uint64_t multiply_adds() const;

 private:
  Tensor random(const Shape& shape);
  // weights: shapes of the inputs behind the first. False when only the reference takes it and
  // `optional`.
  bool add(const std::string& kind, Op op, const std::vector<Shape>& weights,
           bool optional = false);
  void add_block(std::int64_t outputs, int stride);

  std::string name_;
  std::vector<const Backend*> backends_;
  bool joined_;
  std::mt19937 generator_{7};
  TensorSpec current_;
  Tensor input_;
  std::vector<Layer> layers_;
  std::vector<std::vector<TensorView>> views_;
  AlignedBuffer scratch_;
  double prepare_seconds_ = 0;
};

}  // namespace graft
