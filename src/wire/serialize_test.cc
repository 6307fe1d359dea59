#include "wire/serialize.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "wire/graph_def.pb.h"

namespace graft::wire {
namespace {

TEST(Serialize, OrderOfInsertionDoesNotShow) {
  GraphDef forward;
  GraphDef backward;
  NodeDef* a = forward.add_node();
  NodeDef* b = backward.add_node();
  for (int i = 0; i < 50; ++i) {
    (*a->mutable_attr())["attr" + std::to_string(i)].set_i(i);
    (*b->mutable_attr())["attr" + std::to_string(49 - i)].set_i(49 - i);
  }
  const auto first = serialize(forward);
  const auto second = serialize(backward);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_LT(first->find("attr10"), first->find("attr11"));
}

// tf.compat.v1.NodeDef(name="x", op="Const", attr={"dtype": DT_FLOAT}) in a GraphDef with
// versions.producer 27, as TensorFlow 2.15.1 serialises it.
TEST(Serialize, UsesTensorFlowsFieldNumbers) {
  GraphDef def;
  NodeDef* node = def.add_node();
  node->set_name("x");
  node->set_op("Const");
  (*node->mutable_attr())["dtype"].set_type(DT_FLOAT);
  def.mutable_versions()->set_producer(27);
  const auto bytes = serialize(def);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, std::string("\x0a\x17\x0a\x01x\x12\x05"
                                "Const*\x0b\x0a\x05"
                                "dtype\x12\x02\x30\x01\x22\x02\x08\x1b",
                                29));
}

TEST(Serialize, FieldsThatAreNotNamedHereSurvive) {
  // Field 2 (GraphDef.library, a message) and field 3 (the old version number).
  const std::string bytes("\x12\x03\x0a\x01q\x18\x15", 7);
  GraphDef def;
  ASSERT_TRUE(parse(as_bytes(bytes), def));
  const auto again = serialize(def);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, bytes);
}

TEST(Parse, RefusesQuietlyWhatIsNoMessage) {
  GraphDef def;
  testing::internal::CaptureStderr();
  EXPECT_FALSE(parse(as_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), def));
  EXPECT_FALSE(parse(as_bytes("\x0a\x05\x0a\x03\xff\xfe\xfd"), def));  // a name that is not UTF-8
  EXPECT_FALSE(parse(as_bytes("<html><body>404</body></html>"), def));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace graft::wire
