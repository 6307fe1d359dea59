#include <utility>
#include <vector>

#include "kernels/highway/ops.h"
#include "kernels/highway/packing.h"

namespace graft::highway {
namespace {

// The rows of the left matrix are what pixels are to a pointwise convolution.
class MatMulKernel final : public Kernel {
 public:
  MatMulKernel(PackedPanels matrix, Clamp clamp, const VectorKernels& vectors)
      : matrix_(std::move(matrix)), clamp_(clamp), vectors_(vectors) {}
  std::size_t scratch_bytes() const override { return 0; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte>) const override {
    const std::size_t rows = size(in[0].spec.shape[0]);
    const std::size_t depth = matrix_.view().depth;
    vectors_.pointwise({in[0].as<float>().data(), rows, depth, depth}, matrix_.view(), clamp_,
                       out.as<float>().data());
  }

 private:
  PackedPanels matrix_;
  Clamp clamp_;
  const VectorKernels& vectors_;
};

}  // namespace

// A classifier's last layer. oneDNN's product compiles code for all kinds of products at its first
// use: 25 ms that `graft label` would wait for.
Prepared prepare(const MatMul& op, const OpSpec& spec, Constants constants,
                 const VectorKernels& vectors) {
  if (op.transpose_a) return Refusal{"a transposed left matrix"};
  const std::size_t depth = size(spec.inputs[0].shape[1]);
  const std::size_t columns = size(spec.output.shape[1]);
  std::span<const float> matrix = constants[1].as<float>();
  std::vector<float> turned;
  if (op.transpose_b) {
    turned.resize(matrix.size());
    for (std::size_t column = 0; column < columns; ++column) {
      for (std::size_t k = 0; k < depth; ++k) {
        turned[k * columns + column] = matrix[column * depth + k];
      }
    }
    matrix = turned;
  }
  const auto bias = constants.size() > 2 ? constants[2].as<float>() : std::span<const float>();
  return std::make_unique<MatMulKernel>(PackedPanels(matrix, bias, columns, vectors.lanes),
                                        clamp_of(op.activation), vectors);
}

}  // namespace graft::highway
