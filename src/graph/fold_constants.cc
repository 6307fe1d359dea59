#include <cstdint>
#include <memory>
#include <vector>

#include "graph/cost.h"
#include "graph/rebuild.h"
#include "graph/rewrite.h"
#include "kernels/backend.h"

namespace graft {
namespace {

// A small file can describe constants whose product is huge; beyond this the ops are left to run().
// Dequantized codes take four times the file's bytes, arithmetic with them as much again.
constexpr std::uint64_t kMostConstantBytesTimes = 8;

// The value, or nullptr when it must be left to run().
std::shared_ptr<const Tensor> evaluate(const OpSpec& spec, std::span<const TensorView> constants,
                                       Budget& bytes, Budget& work) {
  if (!work.take(work_of(spec)) || !bytes.take(spec.output.bytes())) return nullptr;
  const auto prepared = reference_backend().prepare(spec, constants);
  const auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
  if (kernel == nullptr) return nullptr;
  auto result = std::make_shared<Tensor>(spec.output);
  AlignedBuffer scratch((*kernel)->scratch_bytes());
  (*kernel)->run(constants, result->view(), {scratch.data(), scratch.size()});
  return result;
}

}  // namespace

Result<Graph> fold_constants(const Graph& graph, std::uint64_t max_work) {
  Budget bytes(derived_bytes_allowed(graph, kMostConstantBytesTimes));
  Budget work(max_work);
  Rebuild rebuild(graph);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const auto id = static_cast<NodeId>(i);
    const auto* op = std::get_if<Op>(&node.body);
    OpSpec spec;
    std::vector<TensorView> constants;
    if (op != nullptr) {
      for (const NodeId input : node.inputs) {
        const Node& source = rebuild.graph().node(rebuild.now(input));
        const auto* constant = std::get_if<Constant>(&source.body);
        if (constant == nullptr) break;
        spec.inputs.push_back(source.output);
        constants.push_back(constant->value->view());
      }
    }
    std::shared_ptr<const Tensor> value;
    if (op != nullptr && constants.size() == node.inputs.size() && !constants.empty()) {
      spec.op = *op;
      spec.output = node.output;
      value = evaluate(spec, constants, bytes, work);
    }
    if (value == nullptr) {
      GRAFT_TRY(rebuild.keep(id));
    } else {
      GRAFT_ASSIGN(const NodeId folded, rebuild.graph().add_constant(node.name, std::move(value)));
      rebuild.replace(id, folded);
    }
  }
  return std::move(rebuild).finish();
}

}  // namespace graft
