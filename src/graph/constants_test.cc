#include "graph/constants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>

#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kKiB = 1024;

wire::TensorProto proto_of(wire::DataType type, const Dims& dims) {
  wire::TensorProto proto;
  proto.set_dtype(type);
  for (const std::int64_t dim : dims) proto.mutable_tensor_shape()->add_dim()->set_size(dim);
  return proto;
}

using TensorPtr = std::shared_ptr<const Tensor>;

Result<TensorPtr> read(const wire::TensorProto& proto) {
  ConstantBudget budget{kKiB, kKiB};
  return tensor_of(proto, nullptr, budget);
}

template <typename T>
std::vector<T> elements(const wire::TensorProto& proto) {
  const TensorPtr tensor = must(read(proto));
  const auto values = tensor->as<T>();
  return {values.begin(), values.end()};
}

void expect_refused(const wire::TensorProto& proto, ErrorKind kind, const std::string& says) {
  SCOPED_TRACE(says);
  const auto tensor = read(proto);
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.error().kind, kind);
  EXPECT_THAT(tensor.error().message, HasSubstr(says));
}

TEST(Constants, ReadTheirContentLittleEndian) {
  wire::TensorProto proto = proto_of(wire::DT_FLOAT, {2});
  proto.set_tensor_content(std::string("\x00\x00\x80\x3f\x00\x00\x20\xc1", 8));  // IEEE 754
  EXPECT_THAT(elements<float>(proto), ElementsAre(1.0F, -10.0F));
  proto = proto_of(wire::DT_INT64, {1});
  proto.set_tensor_content(std::string("\x01\x02\x00\x00\x00\x00\x00\x80", 8));
  EXPECT_THAT(elements<std::int64_t>(proto),
              ElementsAre(std::numeric_limits<std::int64_t>::min() + 0x201));
  proto = proto_of(wire::DT_QUINT8, {3});
  proto.set_tensor_content("\x01\x7f\xff");
  EXPECT_THAT(elements<std::uint8_t>(proto), ElementsAre(1, 127, 255));
}

TEST(Constants, StayInTheFileOfAnOwnerWhichTheyKeepAlive) {
  auto owner = std::make_shared<wire::TensorProto>(proto_of(wire::DT_FLOAT, {8}));
  std::vector<float> values{1, 2, 3, 4, 5, 6, 7, 8};
  owner->set_tensor_content(values.data(), values.size() * sizeof(float));
  ConstantBudget budget{kKiB, kKiB};
  const TensorPtr tensor = must(tensor_of(*owner, owner, budget));
  EXPECT_EQ(static_cast<const void*>(tensor->view().data), owner->tensor_content().data());
  const TensorPtr copy = must(tensor_of(*owner, nullptr, budget));
  EXPECT_NE(static_cast<const void*>(copy->view().data), owner->tensor_content().data());
  const std::weak_ptr<wire::TensorProto> alive = owner;
  owner.reset();
  ASSERT_FALSE(alive.expired());
  EXPECT_TRUE(std::ranges::equal(tensor->as<float>(), values));
  EXPECT_EQ(budget.bytes, kKiB - 2 * 8 * sizeof(float));
}

TEST(Constants, ReadEveryTypesOwnList) {
  wire::TensorProto proto = proto_of(wire::DT_FLOAT, {2});
  proto.add_float_val(0.5F);
  proto.add_float_val(-2);
  EXPECT_THAT(elements<float>(proto), ElementsAre(0.5F, -2.0F));
  proto = proto_of(wire::DT_DOUBLE, {});
  proto.add_double_val(0.1);
  EXPECT_THAT(elements<double>(proto), ElementsAre(0.1));
  for (const wire::DataType type : {wire::DT_INT8, wire::DT_QINT8}) {
    proto = proto_of(type, {1});
    proto.add_int_val(-128);
    EXPECT_THAT(elements<std::int8_t>(proto), ElementsAre(-128));
  }
  for (const wire::DataType type : {wire::DT_UINT8, wire::DT_QUINT8}) {
    proto = proto_of(type, {1});
    proto.add_int_val(255);
    EXPECT_THAT(elements<std::uint8_t>(proto), ElementsAre(255));
  }
  proto = proto_of(wire::DT_INT32, {1});
  proto.add_int_val(-7);
  EXPECT_THAT(elements<std::int32_t>(proto), ElementsAre(-7));
  proto = proto_of(wire::DT_INT64, {1});
  proto.add_int64_val(1LL << 40);
  EXPECT_THAT(elements<std::int64_t>(proto), ElementsAre(1LL << 40));
  proto = proto_of(wire::DT_BOOL, {2});
  proto.add_bool_val(true);
  proto.add_bool_val(false);
  EXPECT_THAT(elements<std::uint8_t>(proto), ElementsAre(1, 0));
}

// "If fewer values are given than the shape has elements, the last one repeats; none means zeros":
// tensorflow/core/framework/tensor.cc, and tf.make_ndarray() does the same.
TEST(Constants, RepeatTheLastValue) {
  wire::TensorProto proto = proto_of(wire::DT_FLOAT, {2, 2});
  EXPECT_THAT(elements<float>(proto), ElementsAre(0, 0, 0, 0));
  proto.add_float_val(3);
  EXPECT_THAT(elements<float>(proto), ElementsAre(3, 3, 3, 3));
  proto.add_float_val(4);
  EXPECT_THAT(elements<float>(proto), ElementsAre(3, 4, 4, 4));
}

TEST(Constants, MayHaveNoElements) {
  for (const Dims& dims : {Dims{0}, Dims{3, 0, 2}, Dims{0, 1LL << 30, 1LL << 30}}) {
    EXPECT_EQ(must(read(proto_of(wire::DT_INT32, dims)))->shape().elements(), 0);
  }
  wire::TensorProto proto = proto_of(wire::DT_INT32, {0});
  proto.add_int_val(1);
  expect_refused(proto, ErrorKind::kCorrupt, "no elements");
}

TEST(Constants, RefuseSizesThatDoNotMatch) {
  wire::TensorProto proto = proto_of(wire::DT_FLOAT, {3});
  for (const std::size_t bytes : {1, 11, 13, 24}) {
    proto.set_tensor_content(std::string(bytes, '\0'));
    expect_refused(proto, ErrorKind::kCorrupt, "but its shape [3] needs 12");
  }
  proto = proto_of(wire::DT_FLOAT, {1});
  proto.add_float_val(1);
  proto.add_float_val(2);
  expect_refused(proto, ErrorKind::kCorrupt, "holds 2 values for 1 elements");
}

TEST(Constants, RefuseValuesThatDoNotFitTheirType) {
  for (const int value : {-1, 256}) {
    wire::TensorProto proto = proto_of(wire::DT_QUINT8, {1});
    proto.add_int_val(value);
    expect_refused(proto, ErrorKind::kCorrupt, "does not fit its type");
  }
  for (const int value : {-129, 128}) {
    wire::TensorProto proto = proto_of(wire::DT_INT8, {1});
    proto.add_int_val(value);
    expect_refused(proto, ErrorKind::kCorrupt, std::to_string(value));
  }
}

TEST(Constants, RefuseWhatIsNotFinite) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    const std::string says = value != value ? "element 1 is not a number" : "element 1 is infinite";
    wire::TensorProto listed = proto_of(wire::DT_FLOAT, {2});
    listed.add_float_val(0);
    listed.add_float_val(static_cast<float>(value));
    expect_refused(listed, ErrorKind::kCorrupt, says);
    const double pair[] = {0, value};
    wire::TensorProto content = proto_of(wire::DT_DOUBLE, {2});
    content.mutable_tensor_content()->assign(reinterpret_cast<const char*>(pair), sizeof(pair));
    expect_refused(content, ErrorKind::kCorrupt, says);
  }
}

TEST(Constants, RefuseShapesThatCannotBe) {
  wire::TensorProto proto = proto_of(wire::DT_FLOAT, {2, -1});
  expect_refused(proto, ErrorKind::kCorrupt, "the dimension -1");
  proto = proto_of(wire::DT_FLOAT, {std::numeric_limits<std::int64_t>::min()});
  expect_refused(proto, ErrorKind::kCorrupt, "the dimension -9223372036854775808");
  proto = proto_of(wire::DT_FLOAT, Dims(9, 1));
  expect_refused(proto, ErrorKind::kUnsupported, "9 dimensions, at most 8");
  proto = proto_of(wire::DT_FLOAT, {1LL << 32, 1LL << 32});
  expect_refused(proto, ErrorKind::kCorrupt, "2^62");
  proto = proto_of(wire::DT_FLOAT, {0, 1LL << 40, 1LL << 40});
  expect_refused(proto, ErrorKind::kCorrupt, "2^62");
  proto = proto_of(wire::DT_FLOAT, {});
  proto.mutable_tensor_shape()->set_unknown_rank(true);
  expect_refused(proto, ErrorKind::kCorrupt, "rank is unknown");
}

TEST(Constants, RefuseOtherTypes) {
  for (const int type :
       {0, 4711, static_cast<int>(wire::DT_HALF), static_cast<int>(wire::DT_STRING),
        static_cast<int>(wire::DT_QINT32), static_cast<int>(wire::DT_INT16)}) {
    wire::TensorProto proto = proto_of(wire::DT_FLOAT, {1});
    proto.set_dtype(static_cast<wire::DataType>(type));
    expect_refused(proto, ErrorKind::kUnsupported, "number " + std::to_string(type));
  }
}

TEST(Constants, TakeTheirPartOfTheBudgetAndNoMore) {
  ConstantBudget budget{100, 40};
  wire::TensorProto stored = proto_of(wire::DT_FLOAT, {10});
  stored.set_tensor_content(std::string(40, '\0'));
  ASSERT_TRUE(tensor_of(stored, nullptr, budget).ok());
  EXPECT_EQ(budget.bytes, 60U);
  EXPECT_EQ(budget.filled_bytes, 40U);
  wire::TensorProto filled = proto_of(wire::DT_FLOAT, {8});
  filled.add_float_val(1);
  filled.add_float_val(2);
  ASSERT_TRUE(tensor_of(filled, nullptr, budget).ok());  // 6 of its 8 elements are repeated
  EXPECT_EQ(budget.bytes, 28U);
  EXPECT_EQ(budget.filled_bytes, 16U);
  const auto more_filled = tensor_of(proto_of(wire::DT_FLOAT, {5}), nullptr, budget);
  ASSERT_FALSE(more_filled.ok());
  EXPECT_EQ(more_filled.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(more_filled.error().message, HasSubstr("repeats one value"));
  const auto more = tensor_of(stored, nullptr, budget);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(more.error().message, HasSubstr("left for constants"));
  EXPECT_EQ(budget.bytes, 28U);
  EXPECT_EQ(budget.filled_bytes, 16U);
}

}  // namespace
}  // namespace graft
