#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/cost.h"
#include "graph/rebuild.h"
#include "graph/rewrite.h"

namespace graft {
namespace {

// Each filter is scaled once in a graph that shares none.
constexpr std::uint64_t kMostFoldedBytesTimes = 4;

// A convolution or matrix product `root`, and the ops behind it that multiply and shift each output
// channel by constants: together y = scale * (filter ⊛ x) + shift.
struct Chain {
  NodeId root = Rebuild::kGone;
  std::vector<NodeId> absorbed;  // all but the last node, root first
  NodeId tail = Rebuild::kGone;
  std::vector<double> scale, shift;
};

Activation activation_of(const Op& op) {
  if (const auto* conv = std::get_if<Conv2D>(&op)) return conv->activation;
  if (const auto* conv = std::get_if<DepthwiseConv2D>(&op)) return conv->activation;
  return std::get<MatMul>(op).activation;
}

// A chain of its root alone, if the node can be one. Takes from `bytes` what the chain's numbers
// and a scaled filter need: thousands of convolutions may read one filter.
std::optional<Chain> start_chain(const Graph& graph, NodeId id, Budget& bytes) {
  const Node& node = graph.node(id);
  const Op& op = std::get<Op>(node.body);
  const bool linear = std::holds_alternative<Conv2D>(op) ||
                      std::holds_alternative<DepthwiseConv2D>(op) ||
                      std::holds_alternative<MatMul>(op);
  if (!linear || activation_of(op) != Activation::kNone) return std::nullopt;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (f32_constant(graph, node.inputs[i]) == nullptr) return std::nullopt;
  }
  const Shape& shape = node.output.shape;
  const auto channels = static_cast<std::size_t>(shape[shape.rank() - 1]);
  const std::uint64_t needed =
      2 * sizeof(double) * channels + graph.node(node.inputs[1]).output.bytes();
  if (!bytes.take(needed)) return std::nullopt;
  Chain chain{id, {}, id, std::vector<double>(channels, 1.0), std::vector<double>(channels, 0.0)};
  if (node.inputs.size() > 2) {
    std::ranges::copy(f32_constant(graph, node.inputs[2])->as<float>(), chain.shift.begin());
  }
  if (node.inputs.size() > 3) {
    std::ranges::copy(f32_constant(graph, node.inputs[3])->as<float>(), chain.scale.begin());
  }
  return chain;
}

// One number a channel from a constant that broadcasts over all axes but the last of `shape`, and
// leaves that shape as it is.
std::optional<std::vector<double>> per_channel(const Graph& graph, NodeId id, const Shape& shape) {
  const Tensor* value = f32_constant(graph, id);
  if (value == nullptr || value->shape().rank() > shape.rank()) return std::nullopt;
  const std::int64_t channels = shape[shape.rank() - 1];
  const Shape& own = value->shape();
  const std::int64_t last = own.rank() == 0 ? 1 : own[own.rank() - 1];
  if (own.elements() != last || (last != 1 && last != channels)) return std::nullopt;
  const auto elements = value->as<float>();
  std::vector<double> numbers(static_cast<std::size_t>(channels), elements[0]);
  if (last == channels) std::ranges::copy(elements, numbers.begin());
  return numbers;
}

void multiply(Chain& chain, std::size_t channel, double factor) {
  chain.scale[channel] *= factor;
  chain.shift[channel] *= factor;
}

bool extend_by_binary(const Graph& graph, const Node& node, Binary::Kind kind, Chain& chain) {
  const bool chain_first = node.inputs[0] == chain.tail;
  const auto numbers =
      per_channel(graph, node.inputs[chain_first ? 1 : 0], graph.node(chain.root).output.shape);
  if (!numbers || (kind == Binary::Kind::kDiv && !chain_first)) return false;
  if (kind == Binary::Kind::kMaximum || kind == Binary::Kind::kMinimum) return false;
  for (std::size_t c = 0; c < numbers->size(); ++c) {
    const double number = (*numbers)[c];
    switch (kind) {
      case Binary::Kind::kAdd:
        chain.shift[c] += number;
        break;
      case Binary::Kind::kSub:
        if (!chain_first) multiply(chain, c, -1.0);
        chain.shift[c] += chain_first ? -number : number;
        break;
      case Binary::Kind::kMul:
        multiply(chain, c, number);
        break;
      default:  // kDiv
        multiply(chain, c, 1.0 / number);
        break;
    }
  }
  return true;
}

bool extend_by_batch_norm(const Graph& graph, const Node& node, const BatchNorm& norm,
                          Chain& chain) {
  if (node.inputs[0] != chain.tail) return false;
  std::vector<const Tensor*> constants;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    constants.push_back(f32_constant(graph, node.inputs[i]));
    if (constants.back() == nullptr) return false;
  }
  const auto mean = constants[0]->as<float>();
  const auto variance = constants[1]->as<float>();
  const auto beta = constants[2]->as<float>();
  const auto gamma = constants[3]->as<float>();
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double deviation = std::sqrt(static_cast<double>(variance[c]) + norm.epsilon);
    chain.shift[c] -= mean[c];
    multiply(chain, c, (norm.scale ? gamma[c] : 1.0) / deviation);
    chain.shift[c] += beta[c];
  }
  return true;
}

bool extend(const Graph& graph, const Node& node, Chain& chain) {
  const Op& op = std::get<Op>(node.body);
  if (const auto* binary = std::get_if<Binary>(&op)) {
    return extend_by_binary(graph, node, binary->kind, chain);
  }
  if (const auto* norm = std::get_if<BatchNorm>(&op)) {
    return extend_by_batch_norm(graph, node, *norm, chain);
  }
  return false;
}

// Rounded once from float64; nullptr when a value is beyond float32.
std::shared_ptr<const Tensor> scaled_filter(const Graph& graph, const Chain& chain) {
  const Node& root = graph.node(chain.root);
  const Tensor& filter = *f32_constant(graph, root.inputs[1]);
  auto scaled = std::make_shared<Tensor>(filter.spec());
  const auto from = filter.as<float>();
  const auto to = scaled->as<float>();
  const auto* product = std::get_if<MatMul>(&std::get<Op>(root.body));
  const bool channel_first = product != nullptr && product->transpose_b;
  const std::size_t channels = chain.scale.size();
  const std::size_t depth = from.size() / channels;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t channel = channel_first ? i / depth : i % channels;
    to[i] = static_cast<float>(from[i] * chain.scale[channel]);
    if (!std::isfinite(to[i])) return nullptr;
  }
  return scaled;
}

// nullptr when a value is beyond float32.
std::shared_ptr<const Tensor> rounded(std::span<const double> values) {
  auto vector =
      std::make_shared<Tensor>(DType::kF32, Shape{static_cast<std::int64_t>(values.size())});
  const auto to = vector->as<float>();
  for (std::size_t c = 0; c < to.size(); ++c) {
    to[c] = static_cast<float>(values[c]);
    if (!std::isfinite(to[c])) return nullptr;
  }
  return vector;
}

// The chains that have something to fold.
std::vector<Chain> find_chains(const Graph& graph) {
  const Uses uses(graph);
  Budget bytes(derived_bytes_allowed(graph, kMostFoldedBytesTimes));
  std::vector<Chain> chains;
  std::vector<int> chain_at(graph.nodes().size(), -1);  // the chain that ends in a node
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const auto id = static_cast<NodeId>(i);
    if (!std::holds_alternative<Op>(node.body)) continue;
    if (auto chain = start_chain(graph, id, bytes)) {
      chain_at[i] = static_cast<int>(chains.size());
      chains.push_back(*std::move(chain));
      continue;
    }
    for (const NodeId input : node.inputs) {
      const int at = chain_at[static_cast<std::size_t>(input)];
      if (at < 0 || !uses.private_to_one_reader(input)) continue;
      Chain& chain = chains[static_cast<std::size_t>(at)];
      if (!bytes.take(sizeof(double) * chain.scale.size()) || !extend(graph, node, chain)) continue;
      chain.absorbed.push_back(input);
      chain.tail = id;
      chain_at[i] = at;
      break;
    }
  }
  std::erase_if(chains, [](const Chain& chain) { return chain.absorbed.empty(); });
  return chains;
}

// Writes the one op that stands for the chain. False: a value left float32's range, nothing
// written.
Result<bool> write_chain(const Graph& graph, const Chain& chain, Rebuild& rebuild) {
  const Node& root = graph.node(chain.root);
  const Op& op = std::get<Op>(root.body);
  const std::string& name = graph.node(chain.tail).name;
  const bool scales = std::ranges::any_of(chain.scale, [](double s) { return s != 1.0; });
  const bool scale_apart = scales && std::holds_alternative<DepthwiseConv2D>(op);
  const auto bias = rounded(chain.shift);
  const auto scale = scale_apart ? rounded(chain.scale) : nullptr;
  const auto filter = scales && !scale_apart ? scaled_filter(graph, chain) : nullptr;
  if (bias == nullptr || (scales && scale == nullptr && filter == nullptr)) return false;

  std::vector<NodeId> inputs = rebuild.now({root.inputs[0], root.inputs[1]});
  const auto add = [&](std::string_view suffix,
                       std::shared_ptr<const Tensor> value) -> Result<NodeId> {
    return rebuild.graph().add_constant(rebuild.unused_name(name + std::string(suffix)),
                                        std::move(value));
  };
  if (filter != nullptr) {
    GRAFT_ASSIGN(inputs[1], add("/folded_filter", filter));
  }
  GRAFT_ASSIGN(const NodeId bias_id, add("/folded_bias", bias));
  inputs.push_back(bias_id);
  if (scale_apart) {
    GRAFT_ASSIGN(const NodeId scale_id, add("/folded_scale", scale));
    inputs.push_back(scale_id);
  }
  GRAFT_ASSIGN(const NodeId id, rebuild.graph().add_op(name, op, std::move(inputs)));
  rebuild.replace(chain.tail, id);
  return true;
}

}  // namespace

Result<Graph> fold_batch_norm(const Graph& graph) {
  const std::vector<Chain> chains = find_chains(graph);
  constexpr int kNone = -1;
  std::vector<int> ends(graph.nodes().size(), kNone);
  std::vector<bool> absorbed(graph.nodes().size(), false);
  for (std::size_t i = 0; i < chains.size(); ++i) {
    ends[static_cast<std::size_t>(chains[i].tail)] = static_cast<int>(i);
    for (const NodeId id : chains[i].absorbed) absorbed[static_cast<std::size_t>(id)] = true;
  }
  Rebuild rebuild(graph);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (absorbed[i]) continue;
    if (ends[i] == kNone) {
      GRAFT_TRY(rebuild.keep(static_cast<NodeId>(i)));
      continue;
    }
    const Chain& chain = chains[static_cast<std::size_t>(ends[i])];
    GRAFT_ASSIGN(const bool written, write_chain(graph, chain, rebuild));
    if (written) continue;
    for (const NodeId id : chain.absorbed) GRAFT_TRY(rebuild.keep(id));
    GRAFT_TRY(rebuild.keep(chain.tail));
  }
  return std::move(rebuild).finish();
}

}  // namespace graft
