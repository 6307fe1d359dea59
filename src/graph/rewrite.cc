#include "graph/rewrite.h"

#include <ranges>
#include <vector>

#include "graph/rebuild.h"
#include "graph/topology.h"

namespace graft {

Result<Graph> cut_at(const Graph& graph, std::span<const std::string> outputs) {
  std::vector<NodeId> wanted;
  std::vector<bool> needed(graph.nodes().size(), false);
  for (const std::string& name : outputs) {
    const auto id = graph.find(name);
    if (!id) return invalid_argument("tensor " + quoted(name) + ": the graph has no such node");
    wanted.push_back(*id);
    needed[static_cast<std::size_t>(*id)] = true;
  }
  // Inputs have smaller ids, so one pass from the end sees every reader before what it reads.
  for (std::size_t i = graph.nodes().size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const NodeId id : graph.nodes()[i].inputs) needed[static_cast<std::size_t>(id)] = true;
  }
  Rebuild rebuild(graph);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const bool fed = std::holds_alternative<Input>(graph.nodes()[i].body);
    if (needed[i] || fed) GRAFT_TRY(rebuild.keep(static_cast<NodeId>(i)));
  }
  std::vector<NodeId> marked;
  marked.reserve(wanted.size());
  for (const NodeId id : wanted) marked.push_back(rebuild.now(id));
  Graph cut = std::move(rebuild).finish();
  cut.set_outputs(marked);
  return cut;
}

Result<Graph> fuse_activations(const Graph& graph) {
  const Uses uses(graph);
  // fused[x]: the activation that alone reads the convolution x.
  std::vector<NodeId> fused(graph.nodes().size(), Rebuild::kGone);
  const auto activation_of = [](Op& op) -> Activation* {
    if (auto* conv = std::get_if<Conv2D>(&op)) return &conv->activation;
    if (auto* conv = std::get_if<DepthwiseConv2D>(&op)) return &conv->activation;
    if (auto* product = std::get_if<MatMul>(&op)) return &product->activation;
    return nullptr;
  };
  Rebuild rebuild(graph);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto* op = std::get_if<Op>(&graph.nodes()[i].body);
    const auto* unary = op == nullptr ? nullptr : std::get_if<Unary>(op);
    if (unary == nullptr ||
        (unary->kind != Unary::Kind::kRelu && unary->kind != Unary::Kind::kRelu6)) {
      continue;
    }
    const NodeId source = graph.nodes()[i].inputs[0];
    const auto* source_op = std::get_if<Op>(&graph.node(source).body);
    if (source_op == nullptr || !uses.private_to_one_reader(source)) continue;
    Op candidate = *source_op;
    const Activation* activation = activation_of(candidate);
    if (activation != nullptr && *activation == Activation::kNone) {
      fused[static_cast<std::size_t>(source)] = static_cast<NodeId>(i);
    }
  }
  std::vector<NodeId> absorbed(graph.nodes().size(), Rebuild::kGone);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    if (fused[i] != Rebuild::kGone) {
      absorbed[static_cast<std::size_t>(fused[i])] = static_cast<NodeId>(i);
    }
  }
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (fused[i] != Rebuild::kGone) continue;  // written where its activation stands
    if (absorbed[i] == Rebuild::kGone) {
      GRAFT_TRY(rebuild.keep(static_cast<NodeId>(i)));
      continue;
    }
    const Node& source = graph.node(absorbed[i]);
    Op op = std::get<Op>(source.body);
    const auto& unary = std::get<Unary>(std::get<Op>(graph.nodes()[i].body));
    *activation_of(op) = unary.kind == Unary::Kind::kRelu6 ? Activation::kRelu6 : Activation::kRelu;
    GRAFT_ASSIGN(const NodeId id, rebuild.graph().add_op(graph.nodes()[i].name, std::move(op),
                                                         rebuild.now(source.inputs)));
    rebuild.replace(static_cast<NodeId>(i), id);
  }
  return std::move(rebuild).finish();
}

Result<Graph> simplify(const Graph& graph, std::span<const std::string> outputs,
                       std::uint64_t max_fold_work) {
  GRAFT_ASSIGN(Graph result, cut_at(graph, outputs));
  GRAFT_ASSIGN(result, fold_constants(result, max_fold_work));
  GRAFT_ASSIGN(result, fold_batch_norm(result));
  GRAFT_ASSIGN(result, fuse_activations(result));
  return cut_at(result, outputs);
}

}  // namespace graft
