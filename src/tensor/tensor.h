// Dense arrays: element type, shape, memory. Row-major; images are NHWC, filters HWIO.
// Non-goals: arithmetic (kernels room), lazy views, strides.
// Thread rule: const access from any thread; an owning Tensor has one writer at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace graft {

enum class DType : std::uint8_t { kF32, kF64, kI32, kI64, kU8, kI8, kBool };
std::size_t size_of(DType dtype);       // bytes of one element
std::string_view name_of(DType dtype);  // "f32"

// Dimensions of a dense array, rank 0 (a scalar) to 8, each known and ≥ 0. The product of the
// dimensions fits an int64 by construction.
class Shape {
 public:
  static constexpr int kMaxRank = 8;
  Shape() = default;  // a scalar
  Shape(
      std::initializer_list<std::int64_t> dims);  // for trusted dims: aborts when make() would fail
  // Checked: kInvalidArgument for rank > 8, a negative dim, or a product beyond 2^62.
  static Result<Shape> make(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::span<const std::int64_t> dims() const {
    return {dims_.data(), static_cast<std::size_t>(rank_)};
  }
  std::int64_t elements() const { return elements_; }
  std::string to_string() const;  // "[1,224,224,3]"
  bool operator==(const Shape& other) const;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
  std::int64_t elements_ = 1;
};

// Memory order of an activation. Everything that crosses a room's border is kDense. The blocked
// layouts (oneDNN's nChw16c/nChw8c: [N, ceil(C/B), H, W, B], padding lanes zero) live only between
// two kernels of a backend that both asked for them.
enum class Layout : std::uint8_t { kDense, kBlocked8, kBlocked16 };

struct TensorSpec {
  DType dtype = DType::kF32;
  Shape shape;
  Layout layout = Layout::kDense;
  std::size_t bytes() const;  // of the storage, padding lanes of a blocked layout included
  bool operator==(const TensorSpec&) const = default;
};

// Borrowed memory, never owned. data == nullptr means "no value known" where a function says so.
struct TensorView {
  TensorSpec spec;
  const std::byte* data = nullptr;
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data), spec.bytes() / sizeof(T)};
  }
};

struct MutableTensorView {
  TensorSpec spec;
  std::byte* data = nullptr;
  template <typename T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(data), spec.bytes() / sizeof(T)};
  }
  operator TensorView() const { return {spec, data}; }
};

// Memory aligned to 64 bytes (a cache line, a 512-bit vector), zero-filled unless told otherwise.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes, bool zeroed = true);
  // Memory of `owner`, which it keeps alive: as aligned as that is, and to be read alone.
  AlignedBuffer(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
    std::shared_ptr<const void> owner;  // of the memory, if it is another's
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

// An owning, dense, zero-initialised array (shared() ones are part of another's memory). Move-only;
// clone() copies.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(TensorSpec spec);
  Tensor(DType dtype, Shape shape) : Tensor(TensorSpec{dtype, shape, Layout::kDense}) {}
  static Tensor scalar(float value);
  static Tensor from(const Shape& shape, std::span<const float> values);
  // bytes: as many as the spec has.
  static Tensor copy_of(const TensorSpec& spec, std::span<const std::byte> bytes);
  // The bytes themselves, as many as the spec has and aligned to its elements, in memory of `owner`
  // that nobody changes any more: a constant.
  static std::shared_ptr<const Tensor> shared(const TensorSpec& spec,
                                              std::span<const std::byte> bytes,
                                              std::shared_ptr<const void> owner);

  const TensorSpec& spec() const { return spec_; }
  const Shape& shape() const { return spec_.shape; }
  DType dtype() const { return spec_.dtype; }
  template <typename T>
  std::span<const T> as() const {
    return view().as<T>();
  }
  template <typename T>
  std::span<T> as() {
    return view().as<T>();
  }
  TensorView view() const { return {spec_, buffer_.data()}; }
  MutableTensorView view() { return {spec_, buffer_.data()}; }
  Tensor clone() const;

 private:
  TensorSpec spec_{DType::kF32, Shape{0}, Layout::kDense};
  AlignedBuffer buffer_;
};

}  // namespace graft
