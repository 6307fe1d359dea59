#include "wire/records.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"

namespace graft::wire {
namespace {

// Three records ("", "Graft", bytes 0…39) as tf.io.TFRecordWriter of TensorFlow 2.15.1 wrote them.
constexpr std::string_view kTensorFlowFile =
    "000000000000000029039807d8ea82a20500000000000000eab2043e4772616674a144b7cd280000000000000"
    "0ff70164a000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526277"
    "5118983";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::string> contents() {
  std::string counted;
  for (char c = 0; c < 40; ++c) counted.push_back(c);
  return {"", "Graft", counted};
}

TEST(Records, WritesTheBytesThatTensorFlowWrites) {
  std::string out;
  for (const std::string& data : contents()) append_record(out, as_bytes(data));
  EXPECT_EQ(out, from_hex(kTensorFlowFile));
}

TEST(Records, ReadsWhatTensorFlowWrote) {
  const std::string file = from_hex(kTensorFlowFile);
  auto rest = as_bytes(file);
  for (const std::string& data : contents()) {
    const NextRecord next = next_record(rest);
    const auto* record = std::get_if<Record>(&next);
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(as_text(record->data), data);
    EXPECT_EQ(record->frame_bytes, data.size() + 16);
    rest = rest.subspan(record->frame_bytes);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(Records, AFrameCutAtAnyByteIsTruncated) {
  std::string frame;
  append_record(frame, as_bytes("summary"));
  for (std::size_t length = 0; length < frame.size(); ++length) {
    const NextRecord next = next_record(as_bytes(frame).first(length));
    EXPECT_TRUE(std::holds_alternative<Truncated>(next)) << "cut after " << length;
  }
}

TEST(Records, AFlippedBitIsFoundWhereverItStands) {
  std::string frame;
  append_record(frame, as_bytes("summary"));
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string bad = frame;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    const NextRecord next = next_record(as_bytes(bad));
    const auto* record = std::get_if<BadRecord>(&next);
    ASSERT_NE(record, nullptr) << "bit " << bit;
    const bool in_header = bit < 12 * 8;
    EXPECT_EQ(record->length_is_trusted, !in_header) << "bit " << bit;
    EXPECT_EQ(record->frame_bytes, in_header ? 0 : frame.size()) << "bit " << bit;
  }
}

TEST(Records, ABadRecordWithATrustedLengthCanBeSkipped) {
  std::string file;
  append_record(file, as_bytes("first"));
  file[13] ^= 1;
  append_record(file, as_bytes("second"));
  const auto bad = std::get<BadRecord>(next_record(as_bytes(file)));
  const auto good = std::get<Record>(next_record(as_bytes(file).subspan(bad.frame_bytes)));
  EXPECT_EQ(as_text(good.data), "second");
}

TEST(Records, LengthsNearTheLargestIntegerDoNotWrapAround) {
  for (const std::uint64_t back : {0ULL, 1ULL, 3ULL, 4ULL, 12ULL, 15ULL, 16ULL, 17ULL}) {
    const std::uint64_t length = ~std::uint64_t{0} - back;
    std::string file;
    for (int i = 0; i < 8; ++i) file.push_back(static_cast<char>(length >> (8 * i)));
    const std::uint32_t crc = masked_crc32c(as_bytes(file));
    for (int i = 0; i < 4; ++i) file.push_back(static_cast<char>(crc >> (8 * i)));
    file.append(64, '\0');
    EXPECT_TRUE(std::holds_alternative<Truncated>(next_record(as_bytes(file)))) << length;
  }
}

}  // namespace
}  // namespace graft::wire
