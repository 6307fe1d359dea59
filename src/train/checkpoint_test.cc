#include "train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/test_directory.h"
#include "train/head_trainer.h"
#include "train/test_photos.h"

namespace graft {
namespace {

Hash128 fingerprint() {
  return xxh3_128(as_bytes("a run"));
}

TEST(Checkpoint, ComesBackBitForBit) {
  const TestDirectory dir;
  const Head head = initial_head(7, 3, 1);
  ASSERT_TRUE(save_checkpoint(dir / "c", fingerprint(), 123456789012ULL, head).ok());
  const auto loaded = load_checkpoint(dir / "c");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->fingerprint, fingerprint());
  EXPECT_EQ(loaded->step, 123456789012ULL);
  EXPECT_THAT(loaded->head.weights.as<float>(),
              testing::ElementsAreArray(head.weights.as<float>()));
  EXPECT_THAT(loaded->head.biases.as<float>(), testing::ElementsAreArray(head.biases.as<float>()));
}

TEST(Checkpoint, EveryDamageIsNoticed) {
  const TestDirectory dir;
  ASSERT_TRUE(save_checkpoint(dir / "c", fingerprint(), 5, initial_head(4, 2, 1)).ok());
  const auto whole = read_text_file(dir / "c");
  ASSERT_TRUE(whole.ok());
  for (std::size_t length = 0; length < whole->size(); ++length) {
    test::put_file(dir / "d", as_bytes(*whole).first(length));
    EXPECT_EQ(load_checkpoint(dir / "d").error().kind, ErrorKind::kCorrupt) << length;
  }
  for (std::size_t i = 0; i < whole->size(); ++i) {
    std::string damaged = *whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    test::put_file(dir / "d", as_bytes(damaged));
    EXPECT_EQ(load_checkpoint(dir / "d").error().kind, ErrorKind::kCorrupt) << i;
  }
  EXPECT_EQ(load_checkpoint(dir / "absent").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace graft
