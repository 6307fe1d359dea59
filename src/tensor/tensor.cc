#include "tensor/tensor.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace graft {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 62;

std::int64_t round_up(std::int64_t n, std::int64_t block) {
  return (n + block - 1) / block * block;
}

}  // namespace

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kU8:
    case DType::kI8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
    case DType::kU8:
      return "u8";
    case DType::kI8:
      return "i8";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

Result<Shape> Shape::make(std::span<const std::int64_t> dims) {
  if (dims.size() > static_cast<std::size_t>(kMaxRank)) {
    return invalid_argument("shape: rank " + std::to_string(dims.size()) + " is above " +
                            std::to_string(kMaxRank));
  }
  Shape shape;
  shape.rank_ = static_cast<int>(dims.size());
  // Bounded without the zeros, so that [0, 2^40, 2^40] cannot slip through and overflow later.
  std::int64_t nonzero_product = 1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t dim = dims[i];
    if (dim < 0) return invalid_argument("shape: negative dimension " + std::to_string(dim));
    if (dim > 0) {
      if (nonzero_product > kMaxElements / dim) {
        return invalid_argument("shape: more than 2^62 elements");
      }
      nonzero_product *= dim;
    }
    shape.dims_[i] = dim;
    shape.elements_ *= dim == 0 ? 0 : dim;
  }
  return shape;
}

Shape::Shape(std::initializer_list<std::int64_t> dims) {
  auto made = make({dims.begin(), dims.size()});
  if (!made.ok()) {
    std::fprintf(stderr, "graft: programmer mistake: %s\n", made.error().message.c_str());
    std::abort();
  }
  *this = made.value();
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) text += ',';
    text += std::to_string((*this)[i]);
  }
  return text + "]";
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && dims_ == other.dims_;
}

std::size_t TensorSpec::bytes() const {
  if (layout == Layout::kDense) return static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  const std::int64_t block = layout == Layout::kBlocked8 ? 8 : 16;
  return static_cast<std::size_t>(shape[0] * shape[1] * shape[2] * round_up(shape[3], block)) *
         size_of(dtype);
}

AlignedBuffer::AlignedBuffer(std::size_t bytes, bool zeroed) : size_(bytes) {
  const std::size_t rounded = (bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0);
  auto* p = static_cast<std::byte*>(std::aligned_alloc(64, rounded));
  if (p == nullptr) throw std::bad_alloc();
  if (zeroed) std::memset(p, 0, rounded);
  data_.reset(p);
}

AlignedBuffer::AlignedBuffer(std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
    : data_(const_cast<std::byte*>(bytes.data()), Free{std::move(owner)}), size_(bytes.size()) {}

void AlignedBuffer::Free::operator()(std::byte* p) const {
  if (!owner) std::free(p);
}

Tensor::Tensor(TensorSpec spec) : spec_(spec), buffer_(spec.bytes()) {}

Tensor Tensor::scalar(float value) {
  Tensor t(DType::kF32, Shape{});
  t.as<float>()[0] = value;
  return t;
}

Tensor Tensor::from(const Shape& shape, std::span<const float> values) {
  return copy_of({DType::kF32, shape, Layout::kDense}, std::as_bytes(values));
}

Tensor Tensor::copy_of(const TensorSpec& spec, std::span<const std::byte> bytes) {
  Tensor t;
  t.spec_ = spec;
  t.buffer_ = AlignedBuffer(spec.bytes(), false);
  if (spec.bytes() > 0) std::memcpy(t.buffer_.data(), bytes.data(), spec.bytes());
  return t;
}

std::shared_ptr<const Tensor> Tensor::shared(const TensorSpec& spec,
                                             std::span<const std::byte> bytes,
                                             std::shared_ptr<const void> owner) {
  auto t = std::make_shared<Tensor>();
  t->spec_ = spec;
  t->buffer_ = AlignedBuffer(bytes, std::move(owner));
  return t;
}

Tensor Tensor::clone() const {
  return copy_of(spec_, {buffer_.data(), spec_.bytes()});
}

}  // namespace graft
