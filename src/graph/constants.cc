#include "graph/constants.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "graph/attributes.h"

namespace graft {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensor_content is little endian; other machines need a swap here");

// T: the tensor's element. Values: the repeated field, whose elements may be wider.
template <typename T, typename Values>
Result<void> fill(const Values& values, std::span<T> out) {
  if (values.empty() || out.empty()) {
    if (values.empty()) return {};  // the tensor is zeroed already
    return corrupt("holds values, but its shape has no elements");
  }
  if (static_cast<std::size_t>(values.size()) > out.size()) {
    return corrupt("holds " + std::to_string(values.size()) + " values for " +
                   std::to_string(out.size()) + " elements");
  }
  std::size_t i = 0;
  for (const auto value : values) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      if (static_cast<std::int64_t>(value) < std::numeric_limits<T>::min() ||
          static_cast<std::int64_t>(value) > std::numeric_limits<T>::max()) {
        return corrupt("the value " + std::to_string(value) + " does not fit its type");
      }
    }
    out[i++] = static_cast<T>(value);
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(i), out.end(), out[i - 1]);
  return {};
}

Result<void> fill_from_values(const wire::TensorProto& proto, Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kF32:
      return fill<float>(proto.float_val(), tensor.as<float>());
    case DType::kF64:
      return fill<double>(proto.double_val(), tensor.as<double>());
    case DType::kI32:
      return fill<std::int32_t>(proto.int_val(), tensor.as<std::int32_t>());
    case DType::kI64:
      return fill<std::int64_t>(proto.int64_val(), tensor.as<std::int64_t>());
    case DType::kU8:
      return fill<std::uint8_t>(proto.int_val(), tensor.as<std::uint8_t>());
    case DType::kI8:
      return fill<std::int8_t>(proto.int_val(), tensor.as<std::int8_t>());
    case DType::kBool:
      return fill<std::uint8_t>(proto.bool_val(), tensor.as<std::uint8_t>());
  }
  return {};
}

std::uint64_t stored_elements(const wire::TensorProto& proto, DType dtype) {
  if (!proto.tensor_content().empty()) return proto.tensor_content().size() / size_of(dtype);
  const int values = proto.float_val_size() + proto.double_val_size() + proto.int_val_size() +
                     proto.int64_val_size() + proto.bool_val_size();
  return static_cast<std::uint64_t>(values);
}

template <typename T>
Result<void> expect_finite(std::span<const T> values) {
  const auto bad = std::ranges::find_if_not(values, [](T v) { return std::isfinite(v); });
  if (bad == values.end()) return {};
  return corrupt("element " + std::to_string(bad - values.begin()) + " is " +
                 (std::isnan(*bad) ? "not a number" : "infinite"));
}

Result<std::shared_ptr<const Tensor>> filled_tensor(const wire::TensorProto& proto,
                                                    const TensorSpec& spec) {
  auto tensor = std::make_shared<Tensor>(spec);
  GRAFT_TRY(fill_from_values(proto, *tensor));
  return std::shared_ptr<const Tensor>(std::move(tensor));
}

Result<std::shared_ptr<const Tensor>> stored_tensor(const std::string& content,
                                                    const TensorSpec& spec,
                                                    const std::shared_ptr<const void>& owner) {
  const auto bytes = std::as_bytes(std::span(content));
  const bool aligned = reinterpret_cast<std::uintptr_t>(content.data()) % size_of(spec.dtype) == 0;
  if (owner && aligned) return Tensor::shared(spec, bytes, owner);
  return std::make_shared<const Tensor>(Tensor::copy_of(spec, bytes));
}

}  // namespace

Result<std::shared_ptr<const Tensor>> tensor_of(const wire::TensorProto& proto,
                                                const std::shared_ptr<const void>& owner,
                                                ConstantBudget& budget) {
  const auto dtype = dtype_of(proto.dtype());
  if (!dtype) {
    return unsupported("its values are of TensorFlow's type number " +
                       std::to_string(static_cast<int>(proto.dtype())) + ", which is not handled");
  }
  GRAFT_ASSIGN(const Shape shape, shape_of(proto.tensor_shape()));
  const auto elements = static_cast<std::uint64_t>(shape.elements());
  if (elements > budget.bytes / size_of(*dtype)) {
    return unsupported("its shape " + shape.to_string() + " takes more than the " +
                       format_bytes(budget.bytes) + " left for constants");
  }
  const std::string& content = proto.tensor_content();
  if (!content.empty() && content.size() != elements * size_of(*dtype)) {
    return corrupt("holds " + std::to_string(content.size()) + " bytes, but its shape " +
                   shape.to_string() + " needs " + std::to_string(elements * size_of(*dtype)));
  }
  const std::uint64_t filled = elements - std::min(elements, stored_elements(proto, *dtype));
  if (filled > budget.filled_bytes / size_of(*dtype)) {
    return unsupported("its shape " + shape.to_string() + " repeats one value over more than the " +
                       format_bytes(budget.filled_bytes) + " left for that");
  }
  budget.bytes -= elements * size_of(*dtype);
  budget.filled_bytes -= filled * size_of(*dtype);
  const TensorSpec spec{*dtype, shape, Layout::kDense};
  GRAFT_ASSIGN(auto tensor,
               content.empty() ? filled_tensor(proto, spec) : stored_tensor(content, spec, owner));
  if (*dtype == DType::kF32) GRAFT_TRY(expect_finite(tensor->as<float>()));
  if (*dtype == DType::kF64) GRAFT_TRY(expect_finite(tensor->as<double>()));
  return tensor;
}

}  // namespace graft
