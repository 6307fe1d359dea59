#include "model/builtin.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/rng.h"
#include "graph/import.h"
#include "graph/program.h"
#include "graph/rewrite.h"
#include "model/node_builder.h"

namespace graft {
namespace {

constexpr const char* kRoot = "MobilenetV1/";
constexpr std::int64_t kLogitCount = 1001;
constexpr int kStrideOfAll = 32;  // a photo's side over the last layer's

// One convolution with its batch norm and Relu6. Names as slim's mobilenet_v1.py gives them.
struct Layer {
  std::string name;  // "Conv2d_3_pointwise"
  bool depthwise = false;
  std::int64_t kernel = 1, stride = 1, in = 0, out = 0;

  std::string variables() const { return kRoot + name; }
  std::string ops() const { return std::string(kRoot) + kRoot + name; }
  std::string convolution() const { return ops() + (depthwise ? "/depthwise" : "/convolution"); }
  std::string activation() const { return ops() + "/Relu6"; }
};

// Howard et al., "MobileNets", 2017, table 1; widths as slim rounds them.
std::vector<Layer> layers_of(double width) {
  struct Block {
    int depth, stride;
  };
  constexpr std::array<Block, 13> kBlocks = {{{64, 1},
                                              {128, 2},
                                              {128, 1},
                                              {256, 2},
                                              {256, 1},
                                              {512, 2},
                                              {512, 1},
                                              {512, 1},
                                              {512, 1},
                                              {512, 1},
                                              {512, 1},
                                              {1024, 2},
                                              {1024, 1}}};
  const auto scaled = [&](int depth) {
    return std::max<std::int64_t>(8, static_cast<std::int64_t>(depth * width));
  };
  std::vector<Layer> layers = {{"Conv2d_0", false, 3, 2, 3, scaled(32)}};
  for (std::size_t i = 0; i < kBlocks.size(); ++i) {
    const std::string name = "Conv2d_" + std::to_string(i + 1);
    const std::int64_t in = layers.back().out;
    layers.push_back({name + "_depthwise", true, 3, kBlocks[i].stride, in, in});
    layers.push_back({name + "_pointwise", false, 1, 1, in, scaled(kBlocks[i].depth)});
  }
  return layers;
}

// Normal with variance gain / fan_in: the scale at which signals keep their size.
Tensor random_weights(Shape shape, std::int64_t fan_in, double gain, Rng& rng) {
  Tensor weights(DType::kF32, shape);
  const auto scale = static_cast<float>(std::sqrt(gain / static_cast<double>(fan_in)));
  for (float& w : weights.as<float>()) w = rng.normal() * scale;
  return weights;
}

Tensor filled(std::int64_t count, float value) {
  return Tensor::from(Shape{count}, std::vector<float>(static_cast<std::size_t>(count), value));
}

void set_convolution(wire::NodeDef& node, std::int64_t stride) {
  set_ints(node, "strides", {1, stride, stride, 1});
  set_text(node, "padding", "SAME");
  set_text(node, "data_format", "NHWC");
  if (node.op() == "Conv2D") set_bool(node, "use_cudnn_on_gpu", true);
}

// slim's batch norm before TensorFlow fused it: x·s + (beta − mean·s), s = gamma·rsqrt(variance +
// ε).
std::string add_batch_norm(wire::GraphDef& graph, const Layer& layer) {
  const std::string variables = layer.variables() + "/BatchNorm/";
  const std::string beta = add_variable(graph, variables + "beta", filled(layer.out, 0.0F));
  const std::string gamma = add_variable(graph, variables + "gamma", filled(layer.out, 1.0F));
  const std::string mean = add_variable(graph, variables + "moving_mean", filled(layer.out, 0.0F));
  const std::string variance =
      add_variable(graph, variables + "moving_variance", filled(layer.out, 1.0F));
  const std::string ops = layer.ops() + "/BatchNorm/batchnorm/";
  add_constant(graph, ops + "add/y", Tensor::scalar(0.001F));
  add_node(graph, ops + "add", "Add", {variance, ops + "add/y"});
  add_node(graph, ops + "Rsqrt", "Rsqrt", {ops + "add"});
  add_node(graph, ops + "mul", "Mul", {ops + "Rsqrt", gamma});
  add_node(graph, ops + "mul_1", "Mul", {layer.convolution(), ops + "mul"});
  add_node(graph, ops + "mul_2", "Mul", {mean, ops + "mul"});
  add_node(graph, ops + "sub", "Sub", {beta, ops + "mul_2"});
  add_node(graph, ops + "add_1", "Add", {ops + "mul_1", ops + "sub"});
  return ops + "add_1";
}

void add_layer(wire::GraphDef& graph, const Layer& layer, const std::string& input, Rng& rng) {
  const std::int64_t area = layer.kernel * layer.kernel;
  const std::int64_t fan_in = layer.depthwise ? area : area * layer.in;
  const Shape shape{layer.kernel, layer.kernel, layer.in, layer.depthwise ? 1 : layer.out};
  const std::string weights =
      add_variable(graph, layer.variables() + (layer.depthwise ? "/depthwise_weights" : "/weights"),
                   random_weights(shape, fan_in, 2.0, rng));
  set_convolution(add_node(graph, layer.convolution(),
                           layer.depthwise ? "DepthwiseConv2dNative" : "Conv2D", {input, weights}),
                  layer.stride);
  add_node(graph, layer.activation(), "Relu6", {add_batch_norm(graph, layer)});
}

std::string add_shape(wire::GraphDef& graph, const std::string& name, std::int32_t rows) {
  Tensor shape(DType::kI32, Shape{2});
  shape.as<std::int32_t>()[0] = rows;
  shape.as<std::int32_t>()[1] = static_cast<std::int32_t>(kLogitCount);
  return add_constant(graph, name, shape).name();
}

void add_logits(wire::GraphDef& graph, const std::string& input, std::int64_t side,
                std::int64_t features, Rng& rng) {
  const std::string logits = std::string(kRoot) + "Logits/";
  wire::NodeDef& pool = add_node(graph, logits + "AvgPool_1a/AvgPool", "AvgPool", {input});
  set_ints(pool, "ksize", {1, side, side, 1});
  set_ints(pool, "strides", {1, 2, 2, 1});
  set_text(pool, "padding", "VALID");
  set_text(pool, "data_format", "NHWC");
  add_node(graph, logits + "Dropout_1b/Identity", "Identity", {logits + "AvgPool_1a/AvgPool"});
  const std::string scope = logits + "Conv2d_1c_1x1/";
  const std::string weights =
      add_variable(graph, scope + "weights",
                   random_weights(Shape{1, 1, features, kLogitCount}, features, 1.0, rng));
  const std::string biases = add_variable(graph, scope + "biases", filled(kLogitCount, 0.0F));
  set_convolution(
      add_node(graph, scope + "convolution", "Conv2D", {logits + "Dropout_1b/Identity", weights}),
      1);
  set_text(add_node(graph, scope + "BiasAdd", "BiasAdd", {scope + "convolution", biases}),
           "data_format", "NHWC");
  set_ints(add_node(graph, logits + "SpatialSqueeze", "Squeeze", {scope + "BiasAdd"}),
           "squeeze_dims", {1, 2});

  const std::string scores = std::string(kRoot) + "Predictions/";
  const auto add_reshape = [&](const char* name, const std::string& from, const std::string& to) {
    (*add_node(graph, scores + name, "Reshape", {from, to}).mutable_attr())["Tshape"].set_type(
        wire::DT_INT32);
  };
  const std::string shape = add_shape(graph, scores + "Reshape/shape", -1);
  add_reshape("Reshape", logits + "SpatialSqueeze", shape);
  add_node(graph, scores + "Softmax", "Softmax", {scores + "Reshape"});
  add_reshape("Reshape_1", scores + "Softmax", add_shape(graph, scores + "Shape", 1));
}

using Activations = std::vector<Tensor>;  // one a photo, [1,h,w,c]

// The part of `def` from one tensor to another, run on each of `inputs`.
Result<Activations> run_between(const wire::GraphDef& def, const std::string& from,
                                const std::string& to, const Activations& inputs) {
  ImportOptions options;
  options.input = from;
  options.outputs = {to};
  const auto dims = inputs.front().shape().dims();
  options.input_shape.assign(dims.begin(), dims.end());
  GRAFT_ASSIGN(const Graph imported, import_graph_def(def, options));
  GRAFT_ASSIGN(const Graph graph, simplify(imported, options.outputs));
  GRAFT_ASSIGN(const Program program, Program::compile(graph, options.outputs));
  const auto workspace = program.make_workspace();
  Activations results;
  results.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    Tensor& result = results.emplace_back(program.outputs().front());
    const std::array<MutableTensorView, 1> outs = {result.view()};
    program.run(input.view(), outs, *workspace);
  }
  return results;
}

struct Statistics {
  std::vector<float> mean, variance;
};

Statistics statistics_of(const Activations& activations, std::size_t channels) {
  std::vector<double> sum(channels), squares(channels);
  double count = 0;
  for (const Tensor& activation : activations) {
    const auto values = activation.as<float>();
    for (std::size_t i = 0; i < values.size(); i += channels) {
      for (std::size_t c = 0; c < channels; ++c) {
        const double value = values[i + c];
        sum[c] += value;
        squares[c] += value * value;
      }
    }
    const std::size_t pixels = values.size() / channels;
    count += static_cast<double>(pixels);
  }
  Statistics statistics;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = sum[c] / count;
    statistics.mean.push_back(static_cast<float>(mean));
    statistics.variance.push_back(
        static_cast<float>(std::max(0.0, squares[c] / count - mean * mean)));
  }
  return statistics;
}

}  // namespace

wire::GraphDef build_mobilenet_v1(double width, int size, std::uint64_t seed) {
  wire::GraphDef graph;
  Rng rng(seed);
  wire::NodeDef& placeholder = add_node(graph, "input", "Placeholder", {});
  set_dtype(placeholder, wire::DT_FLOAT);
  set_shape(placeholder, {1, size, size, 3});
  const std::vector<Layer> layers = layers_of(width);
  std::string previous = "input";
  for (const Layer& layer : layers) {
    add_layer(graph, layer, previous, rng);
    previous = layer.activation();
  }
  add_logits(graph, previous, size / kStrideOfAll, layers.back().out, rng);
  return graph;
}

Result<void> normalize_layers(wire::GraphDef& def, const ModelSpec& spec,
                              std::span<const std::vector<float>> inputs) {
  std::unordered_map<std::string, wire::NodeDef*> nodes;
  for (wire::NodeDef& node : *def.mutable_node()) nodes.emplace(node.name(), &node);
  const auto set_variable = [&](const std::string& name, const std::vector<float>& values) {
    (*nodes.at(name)->mutable_attr())["value"].mutable_tensor()->set_tensor_content(
        values.data(), values.size() * sizeof(float));
  };

  Activations activations;
  for (const std::vector<float>& input : inputs) {
    activations.push_back(Tensor::from(Shape{1, spec.input_size, spec.input_size, 3}, input));
  }
  // The widths are read off the structure, so that any of the 16 shapes is normalised.
  std::string previous = "input";
  for (const Layer& layer : layers_of(1.0)) {
    GRAFT_ASSIGN(const Activations sums,
                 run_between(def, previous, layer.convolution(), activations));
    const auto channels = static_cast<std::size_t>(sums.front().shape()[3]);
    const Statistics statistics = statistics_of(sums, channels);
    set_variable(layer.variables() + "/BatchNorm/moving_mean", statistics.mean);
    set_variable(layer.variables() + "/BatchNorm/moving_variance", statistics.variance);
    GRAFT_ASSIGN(activations, run_between(def, layer.convolution(), layer.activation(), sums));
    previous = layer.activation();
  }
  return {};
}

}  // namespace graft
