// Every op that import accepts, as TensorFlow writes it, against TensorFlow's results
// (make_expected.py).
#include "graph/import_ops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "graph/rewrite.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

Result<Tensor> result_of(const wire::GraphDef& def, const Tensor& input,
                         const std::string& backend = "reference", bool simplified = false) {
  GRAFT_ASSIGN(Graph graph, import_graph_def(def, from_x_to_y()));
  const std::vector<std::string> outputs = {"y"};
  if (simplified) {
    GRAFT_ASSIGN(graph, simplify(graph, outputs));
  }
  CompileOptions options;
  options.backend = backend;
  GRAFT_ASSIGN(const Program program, Program::compile(graph, outputs, options));
  if (!(program.input() == input.spec())) return corrupt("the input's spec is another");
  return std::move(run(program, input)[0]);
}

void expect_near(const Tensor& got, const Tensor& expected, int ulps) {
  ASSERT_EQ(got.spec(), expected.spec());
  const auto a = got.as<float>();
  const auto b = expected.as<float>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float bound = static_cast<float>(ulps) * std::ldexp(1.0F, -23) * std::fabs(b[i]);
    EXPECT_LE(std::fabs(a[i] - b[i]), bound) << "at " << i << ", TensorFlow has " << b[i];
  }
}

TEST(ImportOps, GiveTensorFlowsNumbers) {
  for (const TensorFlowCase& test : tensorflow_cases()) {
    for (const bool simplified : {false, true}) {
      SCOPED_TRACE(test.name + (simplified ? ", simplified" : ""));
      expect_near(must(result_of(test.def, test.input, "reference", simplified)), test.expected,
                  test.ulps);
      // Sums of multiples of 1/64 are exact in any order. The other cases are kernels_test's.
      if (test.ulps == 0) {
        expect_near(must(result_of(test.def, test.input, "", simplified)), test.expected, 0);
      }
    }
  }
}

TEST(ImportOps, AreAllTried) {
  std::set<std::string, std::less<>> tried;
  for (const TensorFlowCase& test : tensorflow_cases()) {
    for (const wire::NodeDef& node : test.def.node()) tried.insert(node.op());
  }
  for (const auto part :
       {source_importers(), window_importers(), math_importers(), shape_importers()}) {
    for (const OpImporter& importer : part) {
      EXPECT_TRUE(tried.contains(importer.op)) << importer.op << ": no case in make_expected.py";
      EXPECT_EQ(find_importer(importer.op), &importer);
    }
  }
  EXPECT_EQ(find_importer("ReadFile"), nullptr);
}

TEST(ImportOps, DoNotDependOnTheOrderOfNodes) {
  Rng rng(1);
  for (const TensorFlowCase& test : tensorflow_cases()) {
    SCOPED_TRACE(test.name);
    const Tensor expected = must(result_of(test.def, test.input));
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(same_bits(must(result_of(shuffled(test.def, rng), test.input)), expected));
    }
  }
}

// As TensorFlow's strip_default_attrs leaves a graph.
TEST(ImportOps, TakeTensorFlowsDefaultsForAbsentAttributes) {
  int erased = 0;
  for (const TensorFlowCase& test : tensorflow_cases()) {
    SCOPED_TRACE(test.name);
    wire::GraphDef stripped = test.def;
    for (const auto& [node, attribute] : test.defaults) {
      erased += static_cast<int>(find_node(stripped, node)->mutable_attr()->erase(attribute));
    }
    const auto got = result_of(stripped, test.input);
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_TRUE(same_bits(*got, must(result_of(test.def, test.input))));
  }
  EXPECT_GT(erased, 100);
}

// 1e-4 in every version of the op (tensorflow/core/ops/nn_ops.cc).
TEST(ImportOps, FusedNormsHaveADefaultEpsilon) {
  for (const char* op : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}) {
    GraphDefBuilder b;
    b.placeholder("x", {1, 1, 1, 1});
    b.constant("c", {1}, {1});
    b.node(op, "y", {"x", "c", "c", "c", "c"}).flag("is_training", false);
    const Graph graph = must(import_graph_def(b.def(), from_x_to_y()));
    const Op& norm = std::get<Op>(graph.node(*graph.find("y")).body);
    EXPECT_EQ(std::get<BatchNorm>(norm).epsilon, 1e-4F);
    EXPECT_TRUE(std::get<BatchNorm>(norm).scale);
  }
}

TEST(ImportOps, MissAttributesThatHaveNoDefault) {
  const std::map<std::string, std::vector<std::string>> required = {
      {"Const", {"value"}},
      {"Conv2D", {"strides", "padding"}},
      {"DepthwiseConv2dNative", {"strides", "padding"}},
      {"AvgPool", {"ksize", "strides", "padding"}},
      {"MaxPool", {"ksize", "strides", "padding"}},
      {"Dequantize", {"T"}},
      {"BatchNormWithGlobalNormalization", {"variance_epsilon", "scale_after_normalization"}},
  };
  std::set<std::string> seen;
  for (const TensorFlowCase& test : tensorflow_cases()) {
    for (int n = 0; n < test.def.node_size(); ++n) {
      const wire::NodeDef& node = test.def.node(n);
      const auto names = required.find(node.op());
      if (names == required.end()) continue;
      seen.insert(node.op());
      for (const std::string& name : names->second) {
        SCOPED_TRACE(test.name + ": " + node.name() + " without " + name);
        wire::GraphDef without = test.def;
        without.mutable_node(n)->mutable_attr()->erase(name);
        const auto got = result_of(without, test.input);
        ASSERT_FALSE(got.ok());
        EXPECT_EQ(got.error().kind, ErrorKind::kCorrupt);
        EXPECT_THAT(got.error().message, HasSubstr("\"" + node.name() + "\""));
        EXPECT_THAT(got.error().message, HasSubstr(name));
      }
    }
  }
  EXPECT_EQ(seen.size(), required.size());
}

// Whatever an attribute holds instead of what it should: the node is refused by its name, or the
// value is the same as before.
TEST(ImportOps, RefuseAttributesOfAnotherType) {
  const std::vector<std::function<void(wire::AttrValue&)>> others = {
      [](wire::AttrValue& v) { v.set_s("x"); },
      [](wire::AttrValue& v) { v.set_i(1); },
      [](wire::AttrValue& v) { v.set_f(1); },
      [](wire::AttrValue& v) { v.set_b(true); },
      [](wire::AttrValue& v) { v.set_type(wire::DT_STRING); },
      [](wire::AttrValue& v) { v.mutable_shape()->add_dim()->set_size(3); },
      [](wire::AttrValue& v) { v.mutable_list()->add_s("x"); },
      [](wire::AttrValue& v) { v.mutable_tensor()->set_dtype(wire::DT_FLOAT); },
      [](wire::AttrValue& v) { v.clear_value(); },
  };
  int refused = 0;
  for (const TensorFlowCase& test : tensorflow_cases()) {
    const Tensor expected = must(result_of(test.def, test.input));
    for (int n = 0; n < test.def.node_size(); ++n) {
      for (const auto& [name, value] : test.def.node(n).attr()) {
        for (const auto& make : others) {
          SCOPED_TRACE(test.name + ": " + test.def.node(n).name() + "'s " + name);
          wire::GraphDef changed = test.def;
          wire::AttrValue& other = (*changed.mutable_node(n)->mutable_attr())[name];
          make(other);
          if (other.value_case() == value.value_case()) continue;
          const auto got = result_of(changed, test.input);
          if (got.ok()) {
            EXPECT_TRUE(same_bits(*got, expected));
            continue;
          }
          ++refused;
          EXPECT_EQ(got.error().kind, ErrorKind::kCorrupt);
          EXPECT_THAT(got.error().message, HasSubstr("\"" + test.def.node(n).name() + "\""));
          EXPECT_THAT(got.error().message, HasSubstr(name));
        }
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(ImportOps, RefuseAttributesThatAreNotKnown) {
  for (const TensorFlowCase& test : tensorflow_cases()) {
    for (int n = 0; n < test.def.node_size(); ++n) {
      wire::GraphDef changed = test.def;
      wire::NodeDef* node = changed.mutable_node(n);
      if (node->name() == "x" || node->op() == "NoOp" || node->name() == "first") continue;
      SCOPED_TRACE(test.name + ": " + node->name());
      NodeDefBuilder(node).flag("_annotation", true);
      EXPECT_TRUE(result_of(changed, test.input).ok());
      NodeDefBuilder(node).flag("backwards", true);
      const auto got = result_of(changed, test.input);
      ASSERT_FALSE(got.ok());
      EXPECT_EQ(got.error().kind, ErrorKind::kUnsupported);
      EXPECT_THAT(got.error().message, HasSubstr("\"" + node->name() + "\""));
      EXPECT_THAT(got.error().message, HasSubstr("\"backwards\""));
    }
  }
}

}  // namespace
}  // namespace graft
