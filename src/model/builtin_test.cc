#include "model/builtin.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "base/rng.h"
#include "graph/import.h"
#include "graph/program.h"
#include "wire/serialize.h"

namespace graft {
namespace {

std::map<std::string, int> op_counts(const wire::GraphDef& def) {
  std::map<std::string, int> counts;
  for (const wire::NodeDef& node : def.node()) ++counts[node.op()];
  return counts;
}

std::vector<float> values_of(const wire::GraphDef& def, const std::string& name) {
  for (const wire::NodeDef& node : def.node()) {
    if (node.name() != name) continue;
    const std::string& content = node.attr().at("value").tensor().tensor_content();
    std::vector<float> values(content.size() / sizeof(float));
    std::memcpy(values.data(), content.data(), content.size());
    return values;
  }
  ADD_FAILURE() << "no node " << name;
  return {};
}

std::vector<std::vector<float>> noise(int photos, int size) {
  Rng rng(7);
  std::vector<std::vector<float>> inputs;
  for (int i = 0; i < photos; ++i) {
    auto& input = inputs.emplace_back(static_cast<std::size_t>(size) * size * 3);
    for (float& value : input) value = rng.uniform(-1.0F, 1.0F);
  }
  return inputs;
}

// Counted in the official mobilenet_v1_*_frozen.tgz: the same 555 nodes in every one.
TEST(Builtin, HasTheOfficialNodes) {
  const std::map<std::string, int> official = {
      {"Add", 54},    {"AvgPool", 1},     {"BiasAdd", 1},
      {"Const", 166}, {"Conv2D", 15},     {"Identity", 138},
      {"Mul", 81},    {"Relu6", 27},      {"Reshape", 2},
      {"Rsqrt", 27},  {"Softmax", 1},     {"Squeeze", 1},
      {"Sub", 27},    {"Placeholder", 1}, {"DepthwiseConv2dNative", 13}};
  for (const double width : {0.25, 0.5, 0.75, 1.0}) {
    EXPECT_EQ(op_counts(build_mobilenet_v1(width, 160, 1)), official) << width;
  }
}

// Howard et al. 2017, tables 6 and 7: 41, 149 and 569 million multiply-adds; parameters are the
// weights and biases without batch norm's moments, in millions as the same tables round them.
TEST(Builtin, DoesThePublishedWork) {
  struct Published {
    double width;
    int size;
    double multiply_adds_m, parameters_m;
  };
  for (const auto& [width, size, multiply_adds_m, parameters_m] :
       {Published{0.25, 224, 41, 0.5}, Published{0.5, 224, 149, 1.3}, Published{1.0, 224, 569, 4.2},
        Published{1.0, 128, 186, 4.2}}) {
    const wire::GraphDef def = build_mobilenet_v1(width, size, 1);
    ImportOptions options;
    options.input = "input:0";
    options.outputs = {"MobilenetV1/Predictions/Reshape:0"};
    const auto graph = import_graph_def(def, options);
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    const auto program = Program::compile(*graph, options.outputs);
    ASSERT_TRUE(program.ok()) << program.error().message;
    EXPECT_NEAR(static_cast<double>(program->multiply_adds()) / 1e6, multiply_adds_m, 0.5) << width;
    double parameters = 0;
    for (const wire::NodeDef& node : def.node()) {
      const bool counted = node.name().ends_with("weights") || node.name().ends_with("biases") ||
                           node.name().ends_with("beta") || node.name().ends_with("gamma");
      if (node.op() != "Const" || !counted) continue;
      parameters += static_cast<double>(values_of(def, node.name()).size());
    }
    EXPECT_NEAR(parameters / 1e6, parameters_m, 0.06) << width;
  }
}

TEST(Builtin, IsAPureFunctionOfItsSeed) {
  const auto bytes = [](std::uint64_t seed) {
    return wire::serialize(build_mobilenet_v1(0.25, 128, seed)).value();
  };
  EXPECT_EQ(bytes(1), bytes(1));
  EXPECT_NE(bytes(1), bytes(2));
}

TEST(Builtin, NormalisedLayersHaveMeanZeroAndVarianceOne) {
  const ModelSpec spec = find_model("mobilenet_0.25_128").value();
  const auto inputs = noise(4, spec.input_size);
  wire::GraphDef def = build_mobilenet_v1(0.25, spec.input_size, 3);
  const auto normalised = normalize_layers(def, spec, inputs);
  ASSERT_TRUE(normalised.ok()) << normalised.error().message;
  for (const char* layer : {"Conv2d_0", "Conv2d_5_depthwise", "Conv2d_13_pointwise"}) {
    ImportOptions options;
    options.input = "input";
    options.outputs = {std::string("MobilenetV1/MobilenetV1/") + layer +
                       "/BatchNorm/batchnorm/add_1"};
    const auto graph = import_graph_def(def, options);
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    CompileOptions reference;
    reference.backend = "reference";  // not what the statistics were taken with
    const auto program = Program::compile(*graph, options.outputs, reference);
    ASSERT_TRUE(program.ok()) << program.error().message;
    const auto workspace = program->make_workspace();
    const auto channels = static_cast<std::size_t>(program->outputs()[0].shape[3]);
    std::vector<double> sum(channels), squares(channels);
    double count = 0;
    for (const auto& input : inputs) {
      const Tensor in = Tensor::from(program->input().shape, input);
      Tensor out(program->outputs()[0]);
      const MutableTensorView view = out.view();
      program->run(in.view(), {&view, 1}, *workspace);
      const auto values = out.as<float>();
      for (std::size_t i = 0; i < values.size(); ++i) {
        sum[i % channels] += values[i];
        squares[i % channels] += static_cast<double>(values[i]) * values[i];
      }
      const std::size_t pixels = values.size() / channels;
      count += static_cast<double>(pixels);
    }
    // variance / (variance + 0.001) is what normalising leaves; rounding adds some 1e-4.
    const auto variances =
        values_of(def, std::string("MobilenetV1/") + layer + "/BatchNorm/moving_variance");
    for (std::size_t c = 0; c < channels; ++c) {
      const double mean = sum[c] / count;
      EXPECT_NEAR(mean, 0.0, 1e-3) << layer << " channel " << c;
      EXPECT_NEAR(squares[c] / count - mean * mean, variances[c] / (variances[c] + 0.001), 1e-3)
          << layer << " channel " << c;
    }
  }
}

TEST(Builtin, NormalisingKeepsTheWeights) {
  const ModelSpec spec = find_model("mobilenet_0.25_128").value();
  wire::GraphDef def = build_mobilenet_v1(0.25, spec.input_size, 3);
  const auto before = values_of(def, "MobilenetV1/Conv2d_7_pointwise/weights");
  ASSERT_TRUE(normalize_layers(def, spec, noise(1, spec.input_size)).ok());
  EXPECT_EQ(values_of(def, "MobilenetV1/Conv2d_7_pointwise/weights"), before);
}

TEST(Builtin, NormalisingSaysWhereAnotherStructureDiffers) {
  const ModelSpec spec = find_model("mobilenet_0.25_128").value();
  wire::GraphDef def = build_mobilenet_v1(0.25, spec.input_size, 3);
  def.mutable_node()->DeleteSubrange(def.node_size() / 2, 1);
  EXPECT_FALSE(normalize_layers(def, spec, noise(1, spec.input_size)).ok());
}

}  // namespace
}  // namespace graft
