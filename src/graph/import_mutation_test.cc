// Damaged graphs, thousands of them from fixed seeds: each is refused with one line that says why,
// or becomes a program that runs within its bounds. Meant for the sanitizers, too.
#include <gtest/gtest.h>

#include "base/test_sanitizers.h"
#include "graph/import.h"
#include "graph/test_damage.h"
#include "graph/test_graph.h"

namespace graft {
namespace {

struct Tally {
  int refused = 0, ran = 0;
};

void expect_sane(const Error& error) {
  EXPECT_FALSE(error.message.empty());
  EXPECT_EQ(error.message.find('\n'), std::string::npos) << error.message;
  EXPECT_LT(error.message.size(), 4000U);
  EXPECT_TRUE(error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kUnsupported ||
              error.kind == ErrorKind::kInvalidArgument)
      << error.message;
}

void exercise(const wire::GraphDef& def, const std::string& backend, Tally& tally) {
  if (const auto summary = summarize(def); !summary.ok()) expect_sane(summary.error());
  if (const auto order = topological_order(def); !order.ok()) expect_sane(order.error());
  const auto used = use_untrusted(def, backend);
  if (used.ok()) {
    ++tally.ran;
  } else {
    ++tally.refused;
    expect_sane(used.error());
  }
}

void exercise(const std::string& bytes, const std::string& backend, Tally& tally) {
  const auto def = parse_graph_def(as_bytes(bytes));
  if (def.ok()) return exercise(*def, backend, tally);
  ++tally.refused;
  expect_sane(def.error());
}

std::string backend_for(int i) {
  return i % 2 == 0 ? "" : "reference";
}

TEST(ImportMutation, TruncationsAtEveryByte) {
  const std::string bytes = bytes_of(small_network());
  Tally tally;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    exercise(bytes.substr(0, length), "reference", tally);
  }
  EXPECT_EQ(tally.ran, 0);  // the result is the last node
}

TEST(ImportMutation, ChangesOfOneByte) {
  const std::string bytes = bytes_of(small_network());
  Tally tally;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      exercise(changed, "reference", tally);
    }
  }
  EXPECT_GT(tally.refused, 500);
  EXPECT_GT(tally.ran, 100);  // weights are bytes like any other
}

TEST(ImportMutation, ChangesOfOneByteWithChannelsFirst) {
  const std::string bytes = bytes_of(small_channels_first_network());
  Tally tally;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ 0x01);
    exercise(changed, "reference", tally);
  }
  EXPECT_GT(tally.refused, 500);
  EXPECT_GT(tally.ran, 100);
}

TEST(ImportMutation, ManyChangesOfBytes) {
  const std::vector<wire::GraphDef> defs = sound_graphs();
  Tally tally;
  Rng rng(21);
  for (int i = 0; i < 40000; ++i) {
    SCOPED_TRACE(i);
    std::string bytes = bytes_of(defs[rng.below(static_cast<std::uint32_t>(defs.size()))]);
    for (std::uint32_t n = 1 + rng.below(4); n > 0; --n) {
      const std::size_t at = rng.below(static_cast<std::uint32_t>(bytes.size()));
      switch (rng.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(rng.below(256));
          break;
        case 1:
          bytes.erase(at, 1 + rng.below(8));
          break;
        case 2:
          bytes.insert(at, 1, static_cast<char>(rng.below(256)));
          break;
        default:
          bytes.insert(at, bytes.substr(rng.below(static_cast<std::uint32_t>(bytes.size())), 8));
      }
      if (bytes.empty()) break;
    }
    exercise(bytes, backend_for(i), tally);
  }
  EXPECT_GT(tally.refused, 10000);
  EXPECT_GT(tally.ran, 150);
}

TEST(ImportMutation, ManyChangesOfMeaning) {
  const std::vector<wire::GraphDef> defs = sound_graphs();
  Tally tally;
  constexpr int kChanges = kSanitized ? 15000 : 60000;
  for (int i = 0; i < kChanges; ++i) {
    SCOPED_TRACE(i);
    GraphMutator mutator(static_cast<std::uint64_t>(i));
    wire::GraphDef def = defs[static_cast<std::size_t>(i) % defs.size()];
    for (int n = 0; n <= i % 3; ++n) mutator.change(def);
    exercise(def, backend_for(i / 7), tally);
  }
  EXPECT_GT(tally.refused, kChanges / 6);
  EXPECT_GT(tally.ran, kChanges / 12);
}

}  // namespace
}  // namespace graft
