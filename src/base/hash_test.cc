#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"

namespace graft {
namespace {

// FIPS 180-4 examples (csrc.nist.gov) and RFC 3174, section 7.3.
TEST(Sha1, PublishedVectors) {
  EXPECT_EQ(hex(sha1(as_bytes(""))), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(hex(sha1(as_bytes(std::string(1000000, 'a')))),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(hex(sha256(as_bytes(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 3720, appendix B.4.
TEST(Crc32c, PublishedVectors) {
  const Bytes zeros(32, std::byte{0});
  const Bytes ones(32, std::byte{0xFF});
  Bytes rising;
  Bytes falling;
  for (int i = 0; i < 32; ++i) {
    rising.push_back(static_cast<std::byte>(i));
    falling.push_back(static_cast<std::byte>(31 - i));
  }
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAU);
  EXPECT_EQ(crc32c(ones), 0x62A8AB43U);
  EXPECT_EQ(crc32c(rising), 0x46DD794EU);
  EXPECT_EQ(crc32c(falling), 0x113FDB5CU);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);  // the catalogue's check value
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, ContinuesFromAnyPoint) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  const std::uint32_t whole = crc32c(as_bytes(text));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const auto bytes = as_bytes(text);
    EXPECT_EQ(crc32c(bytes.subspan(cut), crc32c(bytes.first(cut))), whole) << cut;
  }
}

// Empty-input values as xxHash's own documentation and `xxhsum -H2`/`-H3` print them.
TEST(Xxh3, PublishedVectors) {
  EXPECT_EQ(xxh3_64({}), 0x2D06800538D394C2U);
  EXPECT_EQ(hex(xxh3_128({}).bytes), "99aa06d3014798d86001c324468d497f");
}

TEST(Xxh3, SeesEveryByte) {
  std::string text(1000, 'x');
  const Hash128 before = xxh3_128(as_bytes(text));
  const std::uint64_t before64 = xxh3_64(as_bytes(text));
  for (std::size_t i = 0; i < text.size(); i += 37) {
    std::string changed = text;
    changed[i] ^= 1;
    EXPECT_NE(xxh3_128(as_bytes(changed)), before);
    EXPECT_NE(xxh3_64(as_bytes(changed)), before64);
  }
}

TEST(Hex, IsLowerCaseAndPadded) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x0F, 0xA0, 0xFF};
  EXPECT_EQ(hex(bytes), "000fa0ff");
}

}  // namespace
}  // namespace graft
