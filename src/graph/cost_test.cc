#include "graph/cost.h"

#include <gtest/gtest.h>

#include <memory>

#include "graph/test_graph.h"

namespace graft {
namespace {

std::uint64_t work(const Op& op, const std::vector<Shape>& shapes) {
  OpSpec spec{op, {}, {}};
  for (const Shape& shape : shapes) spec.inputs.push_back({DType::kF32, shape, Layout::kDense});
  spec.output = must(infer_output(op, spec.inputs));
  return work_of(spec);
}

TEST(Cost, CountsWhatAnOpTouches) {
  EXPECT_EQ(work(Unary{Unary::Kind::kRelu}, {Shape{2, 3}}), 6U + 6);
  EXPECT_EQ(work(Binary{}, {Shape{2, 1}, Shape{3}}), 2U + 3 + 6);
  EXPECT_EQ(work(MatMul{}, {Shape{2, 3}, Shape{3, 4}}), 6U + 12 + 8 + 24);
  EXPECT_EQ(work(Conv2D{}, {Shape{1, 4, 4, 2}, Shape{3, 3, 2, 5}}), 32U + 90 + 20 + 20 * 18);
  EXPECT_EQ(work(Pool{Pool::Kind::kMax, 2, 3, 1, 1, {}}, {Shape{1, 4, 4, 1}}), 16U + 6 + 6 * 6);
}

TEST(Cost, DoesNotOverflow) {
  // Four windows, each far larger than the image, see all of it.
  const std::int64_t half = 1 << 15;
  const std::int64_t whole = std::int64_t{1} << 31;
  const Shape image{1, half, half, 1};
  const Padding wide{1 << 29, 1 << 29, 1 << 29, 1 << 29};
  const std::uint64_t pixels = std::uint64_t{1} << 30;
  EXPECT_EQ(work(Pool{Pool::Kind::kMax, 1 << 30, 1 << 30, 1 << 15, 1 << 15, wide}, {image}),
            pixels + 4 + 4 * pixels);
  EXPECT_EQ(work(MatMul{}, {Shape{1 << 15, 1 << 16}, Shape{1 << 16, 1 << 15}}),
            2 * (std::uint64_t{1} << 31) + pixels + (std::uint64_t{1} << 46));
  EXPECT_EQ(work(MatMul{}, {Shape{1, whole}, Shape{whole, 1}}), 3 * (std::uint64_t{1} << 31) + 1);
}

TEST(Cost, AllowsDerivedBytesInProportion) {
  constexpr std::uint64_t kMiB = 1 << 20;
  Graph graph;
  EXPECT_EQ(derived_bytes_allowed(graph, 4), 16 * kMiB);
  must(graph.add_constant("c", std::make_shared<const Tensor>(DType::kU8, Shape{6 << 20})));
  EXPECT_EQ(derived_bytes_allowed(graph, 2), 16 * kMiB);
  EXPECT_EQ(derived_bytes_allowed(graph, 4), 24 * kMiB);
  EXPECT_EQ(derived_bytes_allowed(graph, 1000), 1000 * (1024 * kMiB / 1000));
}

TEST(Cost, BudgetsEnd) {
  Budget budget(10);
  EXPECT_FALSE(budget.take(11));
  EXPECT_TRUE(budget.take(4));
  EXPECT_FALSE(budget.take(7));
  EXPECT_TRUE(budget.take(6));
  EXPECT_TRUE(budget.take(0));
  EXPECT_FALSE(budget.take(1));
}

}  // namespace
}  // namespace graft
