#include "model/class_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numeric>

#include "base/rng.h"
#include "graph/program.h"
#include "graph/rewrite.h"

namespace graft {
namespace {

constexpr int kSide = 6, kPlaces = 3 * 3, kDepth = 5, kFeatures = 7, kClasses = 3;

std::shared_ptr<const Tensor> random(const Shape& shape, Rng& rng) {
  auto tensor = std::make_shared<Tensor>(DType::kF32, shape);
  for (float& value : tensor->as<float>()) value = rng.uniform(-1, 1);
  return tensor;
}

// Photo → 3×3 convolution of stride 2 with ReLU6 → global average → 1×1 convolution with bias →
// a scale → flat → the new layer → softmax: MobileNet's end in small.
struct Network {
  Graph graph;
  std::shared_ptr<const Tensor> filter2, bias2, weights, biases;
};

Network make_network(bool with_relu_behind = false) {
  Rng rng(8);
  Network n;
  const auto ok = [](const auto& result) { return result.value(); };
  Graph& g = n.graph;
  const NodeId input = ok(g.add_input("input", {DType::kF32, Shape{1, kSide, kSide, 3}}));
  const NodeId filter = ok(g.add_constant("filter", random(Shape{3, 3, 3, kDepth}, rng)));
  Conv2D conv;
  conv.stride_h = conv.stride_w = 2;
  conv.padding = {0, 1, 0, 1};
  conv.activation = Activation::kRelu6;
  const NodeId deep = ok(g.add_op("deep", conv, {input, filter}));
  Pool pool;
  pool.kind = Pool::Kind::kAverage;
  pool.kernel_h = pool.kernel_w = 3;
  const NodeId mean = ok(g.add_op("mean", pool, {deep}));
  n.filter2 = random(Shape{1, 1, kDepth, kFeatures}, rng);
  n.bias2 = random(Shape{kFeatures}, rng);
  const NodeId filter2 = ok(g.add_constant("filter2", n.filter2));
  const NodeId bias2 = ok(g.add_constant("bias2", n.bias2));
  Conv2D narrow;
  if (with_relu_behind) narrow.activation = Activation::kRelu;
  const NodeId feature = ok(g.add_op("feature", narrow, {mean, filter2, bias2}));
  const NodeId flat = ok(g.add_op("flat", Reshape{Shape{1, kFeatures}}, {feature}));
  n.weights = random(Shape{kFeatures, kClasses}, rng);
  n.biases = random(Shape{kClasses}, rng);
  const NodeId weights = ok(g.add_constant("weights", n.weights));
  const NodeId biases = ok(g.add_constant("biases", n.biases));
  const NodeId product = ok(g.add_op("product", MatMul{}, {flat, weights}));
  const NodeId sum = ok(g.add_op("sum", Binary{Binary::Kind::kAdd}, {product, biases}));
  ok(g.add_op("scores", Softmax{}, {sum}));
  return n;
}

// The places' shares and the bias are the logit that the network itself forms: both sides add the
// same products, in another order and precision, so that they differ by the roundings of the
// network's float32 sums. Each of the sums (9 places, 5 channels, 7 features, and the additions)
// has relative error at most 2^-24 a term on the sum of magnitudes S: (9 + 5 + 7 + 4) · 2^-24 · S.
TEST(ClassMap, SharesAndBiasSumToTheLogit) {
  const Network network = make_network();
  const std::vector<std::string> output = {"scores"};
  const auto simplified = simplify(network.graph, output);
  ASSERT_TRUE(simplified.ok());
  const auto plan = plan_class_map(*simplified, "scores");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->rows, 3);
  EXPECT_EQ(plan->columns, 3);
  EXPECT_EQ(plan->channels, kDepth);
  const std::vector<std::string> outputs = {"scores", plan->activation, plan->logits};
  const auto program = Program::compile(*simplified, outputs);
  ASSERT_TRUE(program.ok()) << program.error().message;

  Rng rng(9);
  Tensor photo(program->input());
  for (float& value : photo.as<float>()) value = rng.uniform(-1, 1);
  std::vector<float> scores(kClasses), deep(kPlaces * kDepth), logits(kClasses);
  const auto specs = program->outputs();
  const std::array<MutableTensorView, 3> outs = {
      MutableTensorView{specs[0], reinterpret_cast<std::byte*>(scores.data())},
      MutableTensorView{specs[1], reinterpret_cast<std::byte*>(deep.data())},
      MutableTensorView{specs[2], reinterpret_cast<std::byte*>(logits.data())}};
  const auto workspace = program->make_workspace();
  program->run(std::as_const(photo).view(), outs, *workspace);

  const auto w1 = network.filter2->as<float>(), w2 = network.weights->as<float>();
  for (int k = 0; k < kClasses; ++k) {
    const std::vector<double> map = plan->map(deep, k);
    ASSERT_EQ(map.size(), static_cast<std::size_t>(kPlaces));
    const double sum = std::accumulate(map.begin(), map.end(), 0.0) + plan->bias[k];
    double magnitude = std::abs(network.biases->as<float>()[k]);
    for (int f = 0; f < kFeatures; ++f) {
      double feature = std::abs(network.bias2->as<float>()[f]);
      for (int c = 0; c < kDepth; ++c) {
        double mean = 0;
        for (int p = 0; p < kPlaces; ++p) mean += std::abs(deep[p * kDepth + c]) / kPlaces;
        feature += mean * std::abs(w1[c * kFeatures + f]);
      }
      magnitude += feature * std::abs(w2[f * kClasses + k]);
    }
    EXPECT_NEAR(sum, logits[k], (kPlaces + kDepth + kFeatures + 4) * std::ldexp(magnitude, -24));
  }
}

TEST(ClassMap, RefusesWhatIsNotLinearBehindThePool) {
  const std::vector<std::string> output = {"scores"};
  const auto simplified = simplify(make_network(true).graph, output);
  ASSERT_TRUE(simplified.ok());
  const auto plan = plan_class_map(*simplified, "scores");
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(plan.error().message, testing::HasSubstr("feature"));
  EXPECT_EQ(plan_class_map(*simplified, "deep").error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace graft
