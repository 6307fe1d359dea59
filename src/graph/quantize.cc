#include "graph/quantize.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"
#include "graph/cost.h"
#include "graph/rebuild.h"
#include "graph/rewrite.h"
#include "graph/topology.h"

namespace graft {
namespace {

constexpr int kCodesAnOctave = 8, kLeastOctave = -16, kMostCode = 255;
constexpr double kLargestByte = 255, kLargestWeight = 127;
// A channel that stayed small, or silent, on the photos at hand gets this share of the largest
// channel's range all the same, for other photos.
constexpr double kLeastShare = 1.0 / 64;
// Each filter is rounded once in a graph that shares none.
constexpr std::uint64_t kMostRoundedBytesTimes = 2;

const Tensor* finite_constant(const Graph& graph, NodeId id) {
  const Tensor* const constant = f32_constant(graph, id);
  if (constant == nullptr) return nullptr;
  const bool finite =
      std::ranges::all_of(constant->as<float>(), [](float v) { return std::isfinite(v); });
  return finite ? constant : nullptr;
}

// A Conv2D or DepthwiseConv2D; nothing else has what they share.
struct Convolution {
  bool depthwise = false;
  int stride_h, stride_w, dilation_h, dilation_w;
  Padding padding;
  Activation activation;
};

std::optional<Convolution> convolution_at(const Graph& graph, NodeId id) {
  const Op* const op = op_of(graph, id);
  const auto described = [](const auto& conv, bool depthwise) {
    return Convolution{depthwise,       conv.stride_h, conv.stride_w,  conv.dilation_h,
                       conv.dilation_w, conv.padding,  conv.activation};
  };
  if (op == nullptr) return std::nullopt;
  if (const auto* conv = std::get_if<Conv2D>(op)) return described(*conv, false);
  if (const auto* conv = std::get_if<DepthwiseConv2D>(op)) return described(*conv, true);
  return std::nullopt;
}

bool is_rectifier(const Op& op) {
  if (const auto* conv = std::get_if<Conv2D>(&op)) return conv->activation != Activation::kNone;
  if (const auto* conv = std::get_if<DepthwiseConv2D>(&op)) {
    return conv->activation != Activation::kNone;
  }
  const auto* unary = std::get_if<Unary>(&op);
  return unary != nullptr &&
         (unary->kind == Unary::Kind::kRelu || unary->kind == Unary::Kind::kRelu6);
}

bool passes_signs_on(const Op& op) {
  return std::holds_alternative<Pool>(op) || std::holds_alternative<Concat>(op) ||
         std::holds_alternative<Pad>(op) || std::holds_alternative<Reshape>(op);
}

// 6 where the value is a ReLU6's own.
double upper_bound_of(const Graph& graph, NodeId id) {
  if (const auto conv = convolution_at(graph, id)) {
    return conv->activation == Activation::kRelu6 ? 6 : HUGE_VAL;
  }
  const Op* const op = op_of(graph, id);
  const auto* unary = op == nullptr ? nullptr : std::get_if<Unary>(op);
  return unary != nullptr && unary->kind == Unary::Kind::kRelu6 ? 6 : HUGE_VAL;
}

// Which convolutions can run in whole numbers, and which values they read.
struct WholeLayers {
  std::vector<bool> convolutions, read;  // by node

  explicit WholeLayers(const Graph& graph)
      : convolutions(graph.nodes().size()), read(graph.nodes().size()) {
    std::vector<bool> never_negative(graph.nodes().size());
    Budget bytes(derived_bytes_allowed(graph, kMostRoundedBytesTimes));
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
      const Node& node = graph.nodes()[i];
      const auto* op = std::get_if<Op>(&node.body);
      if (op == nullptr) continue;
      never_negative[i] =
          is_rectifier(*op) ||
          (passes_signs_on(*op) && std::ranges::all_of(node.inputs, [&](NodeId input) {
             return never_negative[static_cast<std::size_t>(input)];
           }));
      const auto input = static_cast<std::size_t>(node.inputs.empty() ? 0 : node.inputs[0]);
      if (!never_negative[input] || !can_be_whole(graph, static_cast<NodeId>(i), bytes)) continue;
      convolutions[i] = true;
      read[input] = true;
    }
  }

  static bool can_be_whole(const Graph& graph, NodeId id, Budget& bytes) {
    const auto conv = convolution_at(graph, id);
    const Node& node = graph.node(id);
    if (!conv || node.output.shape[1] * node.output.shape[2] == 1) return false;
    const Shape& filter = graph.node(node.inputs[1]).output.shape;
    if (filter[0] * filter[1] * (conv->depthwise ? 1 : filter[2]) > kMostQuantizedTaps) {
      return false;
    }
    const bool known = std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](NodeId input) {
      return finite_constant(graph, input) != nullptr;
    });
    return known &&
           bytes.take(static_cast<std::uint64_t>(filter.elements()) +
                      2 * sizeof(float) * static_cast<std::uint64_t>(node.output.shape[3]));
  }
};

// What one step of each channel of a value is worth.
using Steps = std::vector<double>;

// A filter in whole numbers, and what makes its sums the layer's values again: (sum + bias) *
// scale.
struct WholeFilter {
  std::shared_ptr<Tensor> filter, bias, scale;
};

class Quantization {
 public:
  Quantization(const Graph& graph, const ActivationRanges& ranges)
      : graph_(graph),
        layers_(graph),
        stays_whole_(layers_.read),
        steps_(graph.nodes().size()),
        means_(graph.nodes().size()),
        whole_(graph.nodes().size(), Rebuild::kGone),
        rebuild_(graph) {
    ranges_ = &ranges;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
      // Everything but the first input of a selected convolution reads floats.
      const std::vector<NodeId>& inputs = graph.nodes()[i].inputs;
      for (std::size_t k = layers_.convolutions[i] ? 1 : 0; k < inputs.size(); ++k) {
        stays_whole_[index(inputs[k])] = false;
      }
    }
    for (const NodeId id : graph.outputs()) stays_whole_[index(id)] = false;
  }

  Result<Graph> run() {
    if (std::ranges::none_of(layers_.convolutions, [](bool any) { return any; })) {
      return unsupported(
          "no layer of this network can run in int8 (none is a convolution behind a ReLU): leave "
          "--precision out");
    }
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (layers_.read[i]) GRAFT_TRY(find_steps(id));
      if (layers_.convolutions[i]) {
        GRAFT_TRY(add_convolution(id));
      } else {
        GRAFT_TRY(rebuild_.keep(id));
      }
      if (layers_.read[i] && whole_[i] == Rebuild::kGone) GRAFT_TRY(add_rounding(id));
    }
    const Graph whole = std::move(rebuild_).finish();
    std::vector<std::string> outputs;
    for (const NodeId id : whole.outputs()) outputs.push_back(whole.node(id).name);
    return cut_at(whole, outputs);
  }

 private:
  static std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

  Result<void> find_steps(NodeId id) {
    const Node& node = graph_.node(id);
    const auto found = ranges_->find(printable(node.name));
    const auto channels = static_cast<std::size_t>(node.output.shape[3]);
    if (found == ranges_->end() || found->second.largest.size() != channels ||
        found->second.mean.size() != channels) {
      return invalid_argument("node " + quoted(node.name) +
                              ": the calibration does not say how large its " +
                              std::to_string(channels) +
                              " channels become: it is another network's: remove it, or retrain");
    }
    const double bound = upper_bound_of(graph_, id);
    const ActivationRange& codes = found->second;
    double largest = 0;
    for (const std::uint8_t code : codes.largest) {
      largest = std::max(largest, std::min(range_of(code), bound));
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const double most = range_of(codes.largest[c]);
      const double step = std::max(std::min(most, bound), largest * kLeastShare) / kLargestByte;
      steps_[index(id)].push_back(step);
      means_[index(id)].push_back(most * codes.mean[c] / kLargestByte / step);
    }
    return {};
  }

  Result<NodeId> add_constant(const std::string& name, std::shared_ptr<const Tensor> value) {
    return rebuild_.graph().add_constant(rebuild_.unused_name(name), std::move(value));
  }

  // Behind a value in floats.
  Result<void> add_rounding(NodeId id) {
    const Node& node = graph_.node(id);
    const Steps& steps = steps_[index(id)];
    auto scale =
        std::make_shared<Tensor>(DType::kF32, Shape{static_cast<std::int64_t>(steps.size())});
    std::ranges::transform(steps, scale->as<float>().begin(),
                           [](double step) { return static_cast<float>(1 / step); });
    GRAFT_ASSIGN(const NodeId scale_id, add_constant(node.name + "/steps", std::move(scale)));
    GRAFT_ASSIGN(whole_[index(id)],
                 rebuild_.graph().add_op(rebuild_.unused_name(node.name + "/quantized"), Quantize{},
                                         {rebuild_.now(id), scale_id}));
    return {};
  }

  Result<void> add_convolution(NodeId id) {
    const Node& node = graph_.node(id);
    const Convolution conv = *convolution_at(graph_, id);
    const bool to_f32 = !stays_whole_[index(id)];
    const WholeFilter made = rounded_filter(node, conv, to_f32 ? Steps() : steps_[index(id)]);
    std::vector<NodeId> inputs = {whole_[index(node.inputs[0])]};
    GRAFT_ASSIGN(inputs.emplace_back(), add_constant(node.name + "/whole_filter", made.filter));
    GRAFT_ASSIGN(inputs.emplace_back(), add_constant(node.name + "/whole_bias", made.bias));
    GRAFT_ASSIGN(inputs.emplace_back(), add_constant(node.name + "/whole_scale", made.scale));
    const auto filled = [&](auto op) {
      op.stride_h = conv.stride_h;
      op.stride_w = conv.stride_w;
      op.dilation_h = conv.dilation_h;
      op.dilation_w = conv.dilation_w;
      op.padding = conv.padding;
      op.activation = to_f32 ? conv.activation : Activation::kNone;
      op.to_f32 = to_f32;
      return Op(op);
    };
    const Op op = conv.depthwise ? filled(QuantizedDepthwiseConv2D{}) : filled(QuantizedConv2D{});
    // A name stands for the value that it stood for: steps get another one.
    const std::string name = to_f32 ? node.name : rebuild_.unused_name(node.name + "/quantized");
    GRAFT_ASSIGN(const NodeId now, rebuild_.graph().add_op(name, op, std::move(inputs)));
    if (to_f32) {
      rebuild_.replace(id, now);
    } else {
      whole_[index(id)] = now;
    }
    return {};
  }

  // steps_after: those of the result; empty where it is in floats.
  WholeFilter rounded_filter(const Node& node, const Convolution& conv,
                             const Steps& steps_after) const {
    const Tensor& filter = *finite_constant(graph_, node.inputs[1]);
    const auto weights = filter.as<float>();
    const auto channels = static_cast<std::size_t>(node.output.shape[3]);
    const auto multiplier = static_cast<std::size_t>(filter.shape()[3]);
    const Steps& steps = steps_[index(node.inputs[0])];
    // A weight with the step of what it meets; a depthwise convolution's come in afterwards.
    const auto weight = [&](std::size_t i) {
      const double step = conv.depthwise ? 1 : steps[i / channels % steps.size()];
      return static_cast<double>(weights[i]) * step;
    };
    const std::vector<double> units =
        units_of(weights.size(), filter.shape(), channels, conv.depthwise, weight);
    const auto vector = [&] {
      return std::make_shared<Tensor>(DType::kF32, Shape{static_cast<std::int64_t>(channels)});
    };
    WholeFilter made{std::make_shared<Tensor>(DType::kI8, filter.shape()), vector(), vector()};
    const std::vector<double>& means = means_[index(node.inputs[0])];
    const auto whole = made.filter->as<std::int8_t>();
    // What rounding adds to a channel's sums on average, which its bias then takes away.
    std::vector<double> excess(channels, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t c = i % channels;
      if (units[c] == 0) continue;
      whole[i] = static_cast<std::int8_t>(std::nearbyint(weight(i) / units[c]));
      const std::size_t input = conv.depthwise ? c / multiplier : i / channels % means.size();
      excess[c] += (whole[i] * units[c] - weight(i)) * means[input];
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const double behind =
          optional_at(node, 3, c, 1) * (conv.depthwise ? steps[c / multiplier] : 1.0);
      const double bias = optional_at(node, 2, c, 0) - excess[c] * behind;
      double unit = units[c] * behind;  // of the sum
      if (unit == 0 || !std::isfinite(static_cast<float>(bias / unit))) {
        // The weights say nothing beside the bias.
        for (std::size_t i = c; i < whole.size(); i += channels) whole[i] = 0;
        unit = 1;
      }
      made.bias->as<float>()[c] = static_cast<float>(bias / unit);
      const double step_after = steps_after.empty() ? 1 : steps_after[c];
      made.scale->as<float>()[c] = static_cast<float>(unit / step_after);
    }
    return made;
  }

  // What one step of an output channel's weights is worth: the least that keeps each of them within
  // +-127 and, where input channels are summed, each pair of neighbours of one sign within
  // kMostPairSum, rounding included (two numbers that sum up to 128 are rounded to such).
  template <typename Weight>
  static std::vector<double> units_of(std::size_t count, const Shape& filter, std::size_t channels,
                                      bool depthwise, const Weight& weight) {
    std::vector<double> units(channels, 0.0);
    const auto inputs = static_cast<std::size_t>(filter[2]);
    for (std::size_t i = 0; i < count; ++i) {
      double& unit = units[i % channels];
      unit = std::max(unit, std::abs(weight(i)) / kLargestWeight);
      const std::size_t input = i / channels % inputs;
      if (depthwise || input % 2 == 1 || input + 1 == inputs) continue;
      const double a = weight(i);
      const double b = weight(i + channels);
      if ((a > 0) == (b > 0)) unit = std::max(unit, std::abs(a + b) / kMostPairSum);
    }
    return units;
  }

  // A number of the bias (input 2) or scale (input 3), where the layer has it.
  double optional_at(const Node& node, std::size_t input, std::size_t channel,
                     double otherwise) const {
    if (node.inputs.size() <= input) return otherwise;
    return static_cast<double>(finite_constant(graph_, node.inputs[input])->as<float>()[channel]);
  }

  const Graph& graph_;
  const ActivationRanges* ranges_ = nullptr;
  const WholeLayers layers_;
  std::vector<bool> stays_whole_;  // by node: nobody wants it in floats
  std::vector<Steps> steps_;       // by node
  std::vector<Steps> means_;       // by node: how many steps a channel's values are on average
  std::vector<NodeId> whole_;      // by node: its u8 twin in the new graph
  Rebuild rebuild_;
};

}  // namespace

std::uint8_t range_code(float largest) {
  if (!(largest > 0)) return 0;
  const double octaves = std::log2(static_cast<double>(largest)) - kLeastOctave;
  const double code = std::ceil(octaves * kCodesAnOctave);
  return static_cast<std::uint8_t>(std::clamp(code, 0.0, static_cast<double>(kMostCode)));
}

double range_of(std::uint8_t code) {
  return std::exp2(static_cast<double>(code) / kCodesAnOctave + kLeastOctave);
}

std::uint8_t mean_code(double mean, std::uint8_t largest) {
  const double share = mean / range_of(largest);
  if (!(share > 0)) return 0;  // NaN too
  return static_cast<std::uint8_t>(std::nearbyint(std::min(share, 1.0) * kLargestByte));
}

std::vector<std::string> quantizable_values(const Graph& graph) {
  const WholeLayers layers(graph);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (layers.read[i]) names.push_back(graph.nodes()[i].name);
  }
  return names;
}

Result<Graph> quantize(const Graph& graph, const ActivationRanges& ranges) {
  return Quantization(graph, ranges).run();
}

}  // namespace graft
