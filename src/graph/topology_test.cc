#include "graph/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Named {
  std::string name;
  std::vector<std::string> inputs;
};

wire::GraphDef graph_of(const std::vector<Named>& nodes) {
  GraphDefBuilder b;
  for (const Named& node : nodes) b.node("Relu", node.name, node.inputs);
  return b.def();
}

void expect_corrupt(const std::vector<Named>& nodes, const std::string& says) {
  SCOPED_TRACE(says);
  const auto order = topological_order(graph_of(nodes));
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(order.error().message, HasSubstr(says));
}

TEST(Topology, ReadsInputNames) {
  const auto expect = [](std::string_view text, std::string_view node, int output, bool control) {
    SCOPED_TRACE(text);
    const TensorRef ref = parse_tensor_ref(text);
    EXPECT_EQ(ref.node, node);
    EXPECT_EQ(ref.output, output);
    EXPECT_EQ(ref.control, control);
  };
  expect("a/b", "a/b", 0, false);
  expect("a/b:0", "a/b", 0, false);
  expect("a/b:12", "a/b", 12, false);
  expect("^a/b", "a/b", 0, true);
  expect("^a:1", "a:1", 0, true);
  expect("a:-1", "a:-1", 0, false);
  expect("a:x", "a:x", 0, false);
  expect("a:", "a:", 0, false);
  expect("a:99999999999", "a:99999999999", 0, false);
  expect(":3", "", 3, false);
  expect("", "", 0, false);
  expect("^", "", 0, true);
}

TEST(Topology, ShowsNamesOnOneShortLine) {
  wire::NodeDef node;
  node.set_name("a\nb");
  node.set_op("Relu");
  EXPECT_EQ(describe(node), "node \"a\\nb\" (Relu)");
  node.set_name(std::string(100000, 'n'));
  node.set_op(std::string(100000, 'o'));
  EXPECT_LT(describe(node).size(), 500U);
  EXPECT_EQ(quoted("x"), "\"x\"");
}

TEST(Topology, KeepsAnOrderThatIsOne) {
  EXPECT_THAT(*topological_order(graph_of({{"a", {}}, {"c", {"a"}}, {"b", {"a", "c:1"}}})),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(*topological_order(graph_of({})), ElementsAre());
}

TEST(Topology, PutsSourcesFirst) {
  EXPECT_THAT(*topological_order(graph_of({{"c", {"b", "b"}}, {"b", {"a"}}, {"a", {}}})),
              ElementsAre(2, 1, 0));
  EXPECT_THAT(*topological_order(graph_of({{"b", {"^a"}}, {"a", {}}})), ElementsAre(1, 0));
}

TEST(Topology, OrdersAnyAcyclicGraph) {
  Rng rng(2);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<Named> nodes;
    for (std::uint32_t i = 0; i < 30; ++i) {
      Named& node = nodes.emplace_back(Named{"n" + std::to_string(i), {}});
      for (std::uint32_t n = i == 0 ? 0 : rng.below(4); n > 0; --n) {
        node.inputs.push_back((rng.below(5) == 0 ? "^n" : "n") + std::to_string(rng.below(i)));
      }
    }
    const wire::GraphDef def = shuffled(graph_of(nodes), rng);
    const auto order = *topological_order(def);
    ASSERT_EQ(order.size(), 30U);
    std::vector<int> step(30, -1);
    for (std::size_t i = 0; i < 30; ++i)
      step[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
    const NodeIndex index = *index_nodes(def);
    for (int i = 0; i < 30; ++i) {
      for (const std::string& input : def.node(i).input()) {
        const int source = index.at(parse_tensor_ref(input).node);
        EXPECT_LT(step[static_cast<std::size_t>(source)], step[static_cast<std::size_t>(i)]);
      }
    }
    EXPECT_EQ(std::ranges::count(step, -1), 0);
  }
}

TEST(Topology, NamesANodeOfACycle) {
  expect_corrupt({{"a", {"a"}}}, "node \"a\"");
  expect_corrupt({{"a", {"a"}}}, "depends on itself");
  expect_corrupt({{"a", {"^a"}}}, "depends on itself");
  // The nodes before and behind the cycle are not to blame.
  const auto order = topological_order(
      graph_of({{"in", {}}, {"after", {"b"}}, {"a", {"in", "c"}}, {"b", {"a"}}, {"c", {"b"}}}));
  ASSERT_FALSE(order.ok());
  EXPECT_THAT(order.error().message,
              AnyOf(HasSubstr("\"a\""), HasSubstr("\"b\""), HasSubstr("\"c\"")));
}

TEST(Topology, NamesWhatIsMissingOrTwice) {
  expect_corrupt({{"a", {"b:1"}}}, "its input \"b:1\" does not exist");
  expect_corrupt({{"a", {"^b"}}}, "node \"a\" (Relu)");
  expect_corrupt({{"a", {}}, {"b", {}}, {"a", {}}}, "node \"a\" (Relu): the name is used twice");
  expect_corrupt({{"a", {}}, {"", {}}}, "node 1 has no name");
}

TEST(Topology, TakesLongChains) {
  std::vector<Named> nodes = {{"n0", {}}};
  for (int i = 1; i < 100000; ++i) {
    nodes.push_back({"n" + std::to_string(i), {"n" + std::to_string(i - 1)}});
  }
  std::ranges::reverse(nodes);
  const auto order = topological_order(graph_of(nodes));
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->front(), 99999);
  EXPECT_EQ(order->back(), 0);
}

}  // namespace
}  // namespace graft
