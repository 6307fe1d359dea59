// Programs over a backend that keeps activations in blocked layouts, as backends may and today's
// choose not to: what other kernels and people outside get is dense and the same to the bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "graph/program.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

Tensor relaid(TensorView from, Layout layout) {
  OpSpec spec{Reorder{layout}, {from.spec}, from.spec};
  spec.output.layout = Layout::kDense;
  const std::array<TensorView, 1> unknown = {TensorView{from.spec, nullptr}};
  const auto prepared = reference_backend().prepare(spec, unknown);
  TensorSpec written = from.spec;
  written.layout = layout;
  Tensor result(written);
  const std::array<TensorView, 1> in = {from};
  std::get<std::unique_ptr<Kernel>>(prepared)->run(in, result.view(), {});
  return result;
}

// The reference's kernel between two changes of layout.
class BlockedKernel final : public Kernel {
 public:
  BlockedKernel(OpSpec spec, std::span<const TensorView> constants, Layout layout)
      : output_(spec.output), layout_(layout) {
    for (TensorSpec& input : spec.inputs) input.layout = Layout::kDense;
    auto prepared = reference_backend().prepare(spec, constants);
    inner_ = std::get<std::unique_ptr<Kernel>>(std::move(prepared));
  }
  std::size_t scratch_bytes() const override { return inner_->scratch_bytes(); }
  Layout output_layout() const override { return layout_; }
  void run(std::span<const TensorView> in, MutableTensorView out,
           std::span<std::byte> scratch) const override {
    std::vector<Tensor> dense;
    std::vector<TensorView> views(in.begin(), in.end());
    dense.reserve(in.size());
    for (TensorView& view : views) {
      if (view.spec.layout != Layout::kDense) {
        view = dense.emplace_back(relaid(view, Layout::kDense)).view();
      }
    }
    Tensor result(output_);
    inner_->run(views, result.view(), scratch);
    const Tensor blocked = relaid(result.view(), layout_);
    std::ranges::copy(blocked.as<std::byte>(), out.data);
  }

 private:
  TensorSpec output_;
  Layout layout_;
  std::unique_ptr<Kernel> inner_;
};

// Takes what gives images, and reads the layout that it writes or dense, nothing else.
class BlockedBackend final : public Backend {
 public:
  explicit BlockedBackend(Layout layout) : layout_(layout) {}
  std::string_view name() const override {
    return layout_ == Layout::kBlocked8 ? "blocked8" : "blocked16";
  }
  std::string numeric_mode() const override { return std::string(name()) + "-1"; }
  bool leads(const OpSpec&) const override { return true; }
  std::variant<std::unique_ptr<Kernel>, Refusal> prepare(
      const OpSpec& spec, std::span<const TensorView> constants) const override {
    const bool wanted = std::holds_alternative<Conv2D>(spec.op) == (layout_ == Layout::kBlocked8);
    if (std::holds_alternative<Reorder>(spec.op)) return Refusal{"not mine"};
    if (!wanted || spec.output.shape.rank() != 4) return Refusal{"gives no image"};
    for (const TensorSpec& input : spec.inputs) {
      if (input.layout != Layout::kDense && input.layout != layout_) return Refusal{"other blocks"};
    }
    return std::make_unique<BlockedKernel>(spec, constants, layout_);
  }

 private:
  Layout layout_;
};

const BlockedBackend kBlocked8(Layout::kBlocked8);    // convolutions
const BlockedBackend kBlocked16(Layout::kBlocked16);  // all other ops

CompileOptions on(std::span<const Backend* const> backends) {
  CompileOptions options;
  options.backends = backends;
  return options;
}

TEST(ProgramLayout, GivesTheSameBitsThroughBlocks) {
  const std::array<const Backend*, 2> convolutions = {&kBlocked8, &reference_backend()};
  const std::array<const Backend*, 2> others = {&kBlocked16, &reference_backend()};
  const std::array<const Backend*, 3> all = {&kBlocked8, &kBlocked16, &reference_backend()};
  const std::array<std::span<const Backend* const>, 3> sets = {convolutions, others, all};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed, 17);
    const Graph graph = random_graph(rng, 12);
    const Tensor input = random_f32(graph.node(*graph.find("in")).output.shape, rng);
    const auto expected = evaluate_all(graph, input);
    std::vector<std::string> some;
    for (const Node& node : graph.nodes()) {
      if (rng.below(3) == 0) some.push_back(node.name);
    }
    some.push_back(graph.nodes().back().name);
    for (const auto& backends : sets) {
      const Program program = must(Program::compile(graph, some, on(backends)));
      const auto results = run(program, input);
      for (std::size_t i = 0; i < some.size(); ++i) {
        EXPECT_EQ(program.outputs()[i].layout, Layout::kDense);
        EXPECT_TRUE(same_bits(results[i], expected[static_cast<std::size_t>(*graph.find(some[i]))]))
            << "seed " << seed << ", " << some[i] << ", " << program.numeric_mode();
      }
    }
  }
}

TEST(ProgramLayout, PutsAValueInOrderOnceForAllItsReaders) {
  Rng rng(18);
  Graph graph;
  const NodeId x = must(graph.add_input("in", {DType::kF32, Shape{1, 3, 3, 5}, Layout::kDense}));
  const NodeId w = must(
      graph.add_constant("w", std::make_shared<const Tensor>(random_f32(Shape{2, 2, 5, 20}, rng))));
  const NodeId conv = must(graph.add_op("conv", Conv2D{}, {x, w}));
  must(graph.add_op("tanh", Unary{Unary::Kind::kTanh}, {conv}));
  must(graph.add_op("twice", Binary{}, {conv, conv}));
  must(graph.add_op("flat", Reshape{Shape{1, 80}}, {conv}));
  const std::array<const Backend*, 2> backends = {&kBlocked8, &reference_backend()};
  const std::vector<std::string> outputs = {"tanh", "twice", "flat", "conv"};
  const Program program = must(Program::compile(graph, outputs, on(backends)));
  EXPECT_EQ(std::ranges::count(program.steps(), "reorder", &Program::Step::node), 1);
  EXPECT_EQ(program.numeric_mode(), "blocked8-1+" + reference_backend().numeric_mode());
  const Tensor input = random_f32(Shape{1, 3, 3, 5}, rng);
  const auto expected = evaluate_all(graph, input);
  const auto results = run(program, input);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_TRUE(same_bits(results[i], expected[static_cast<std::size_t>(*graph.find(outputs[i]))]));
  }
}

TEST(ProgramLayout, SaysWhyNobodyTakesAnOp) {
  Graph graph;
  const NodeId x = must(graph.add_input("in", {DType::kF32, Shape{4}, Layout::kDense}));
  must(graph.add_op("y", Unary{Unary::Kind::kTanh}, {x}));
  const std::array<const Backend*, 2> backends = {&kBlocked8, &kBlocked16};
  const std::vector<std::string> outputs = {"y"};
  const auto program = Program::compile(graph, outputs, on(backends));
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(program.error().message,
              HasSubstr("node \"y\" (Unary): no backend takes it; blocked8: gives no image; "
                        "blocked16: gives no image"));
}

}  // namespace
}  // namespace graft
