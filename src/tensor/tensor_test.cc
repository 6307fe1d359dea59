#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace graft {
namespace {

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ((Shape{2, 0, 4}).elements(), 0);
  EXPECT_EQ((Shape{1, 224, 224, 3}).to_string(), "[1,224,224,3]");
}

TEST(Shape, RefusesWhatCannotBe) {
  const std::vector<std::int64_t> negative{2, -1};
  EXPECT_FALSE(Shape::make(negative).ok());
  const std::vector<std::int64_t> huge{1LL << 40, 1LL << 40};
  EXPECT_FALSE(Shape::make(huge).ok());
  const std::vector<std::int64_t> huge_behind_zero{0, 1LL << 40, 1LL << 40};
  EXPECT_FALSE(Shape::make(huge_behind_zero).ok());
  const std::vector<std::int64_t> most{std::numeric_limits<std::int64_t>::max(), 2};
  EXPECT_FALSE(Shape::make(most).ok());
  const std::vector<std::int64_t> deep(9, 1);
  EXPECT_FALSE(Shape::make(deep).ok());
}

TEST(Shape, ComparesByRankAndDims) {
  EXPECT_EQ((Shape{1, 2}), (Shape{1, 2}));
  EXPECT_NE((Shape{1, 2}), (Shape{1, 2, 1}));
  EXPECT_NE((Shape{1, 2}), (Shape{2, 1}));
}

TEST(TensorSpec, CountsPaddingLanesOfBlockedLayouts) {
  EXPECT_EQ((TensorSpec{DType::kF32, Shape{1, 2, 2, 8}, Layout::kDense}).bytes(), 128U);
  EXPECT_EQ((TensorSpec{DType::kF32, Shape{1, 2, 2, 8}, Layout::kBlocked16}).bytes(), 256U);
  EXPECT_EQ((TensorSpec{DType::kU8, Shape{3}, Layout::kDense}).bytes(), 3U);
}

TEST(Tensor, IsAlignedZeroedAndCloned) {
  Tensor t(DType::kF32, Shape{3, 5});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.view().data) % 64, 0U);
  for (float v : t.as<float>()) EXPECT_EQ(v, 0.0F);
  t.as<float>()[7] = 2.5F;
  const Tensor copy = t.clone();
  EXPECT_EQ(copy.as<float>()[7], 2.5F);
  EXPECT_NE(copy.view().data, t.view().data);
}

TEST(Tensor, MayBePartOfAnothersMemory) {
  auto owner = std::make_shared<const std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  const std::weak_ptr<const std::vector<float>> alive = owner;
  const auto bytes = std::as_bytes(std::span(*owner)).subspan(sizeof(float));
  auto t = Tensor::shared({DType::kF32, Shape{3}, Layout::kDense}, bytes, owner);
  EXPECT_EQ(t->view().data, bytes.data());
  owner.reset();
  EXPECT_EQ(t->as<float>()[2], 4.0F);
  const Tensor copy = t->clone();
  t.reset();
  EXPECT_TRUE(alive.expired());
  EXPECT_EQ(copy.as<float>()[0], 2.0F);
}

}  // namespace
}  // namespace graft
