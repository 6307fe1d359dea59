#include "data/feature_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "base/rng.h"

namespace graft {
namespace {

FeatureKey key_of(int number) {
  const std::string text = std::to_string(number);
  return {xxh3_128(as_bytes(text)), space_of("a space")};
}

std::vector<float> vector_of(int number, std::size_t width) {
  Rng rng(static_cast<std::uint64_t>(number));
  std::vector<float> values(width);
  for (float& value : values) value = rng.normal();
  return values;
}

// A file of `count` records whose widths differ: record i holds vector_of(i, 10 + i).
Bytes file_of(int count) {
  const FeatureBlock header = feature_file_header();
  Bytes file(header.begin(), header.end());
  for (int i = 0; i < count; ++i) {
    append_feature_record(file, key_of(i),
                          vector_of(i, std::size_t{10} + static_cast<unsigned>(i)));
  }
  return file;
}

bool holds(std::span<const std::byte> file, const FeatureIndex& index, int number) {
  const auto found = index.places.find(key_of(number));
  if (found == index.places.end()) return false;
  const auto values = checked_vector(file, found->second);
  if (values.empty()) return false;
  const auto expected = vector_of(number, std::size_t{10} + static_cast<unsigned>(number));
  EXPECT_TRUE(std::equal(values.begin(), values.end(), expected.begin(), expected.end()));
  return true;
}

int count_of(std::span<const std::byte> file) {
  FeatureIndex index;
  read_feature_records(file, index);
  int found = 0;
  for (int i = 0; i < 20; ++i) found += holds(file, index, i) ? 1 : 0;
  return found;
}

// The bytes of the format page, written out: a change of the layout must not go unnoticed.
TEST(FeatureLog, LayoutIsTheDocumentedOne) {
  const FeatureBlock header = feature_file_header();
  const auto text = as_text(header);
  EXPECT_EQ(text.substr(0, 12), std::string("\x8FGRFT\r\n\x1A\x01\0\0\0", 12));
  EXPECT_EQ(text.substr(12, 44), std::string(44, '\0'));

  Bytes record;
  FeatureKey key;
  key.content.bytes.fill(0xAA);
  key.space.bytes.fill(0xBB);
  append_feature_record(record, key, std::vector<float>{1.0F, -2.0F});
  ASSERT_EQ(record.size(), 128U);
  const auto bytes = as_text(record);
  EXPECT_EQ(bytes.substr(0, 8), std::string("GFR1\x02\0\0\0", 8));
  EXPECT_EQ(bytes.substr(8, 16), std::string(16, '\xAA'));
  EXPECT_EQ(bytes.substr(24, 16), std::string(16, '\xBB'));
  EXPECT_EQ(bytes.substr(48, 8), std::string(8, '\0'));
  EXPECT_EQ(bytes.substr(64, 8), std::string("\0\0\x80\x3F\0\0\0\xC0", 8));
  EXPECT_EQ(bytes.substr(72), std::string(56, '\0'));
  EXPECT_EQ(feature_record_bytes(1), 128U);
  EXPECT_EQ(feature_record_bytes(16), 128U);
  EXPECT_EQ(feature_record_bytes(17), 192U);
  EXPECT_EQ(feature_record_bytes(1001), 64U + 4032U);
}

TEST(FeatureLog, FindsEveryRecordAndTheLatestOfAKey) {
  Bytes file = file_of(20);
  EXPECT_EQ(count_of(file), 20);
  append_feature_record(file, key_of(3), vector_of(3, 13));
  append_feature_record(file, key_of(4), std::vector<float>{7});
  FeatureIndex index;
  read_feature_records(file, index);
  EXPECT_EQ(index.places.size(), 20U);
  EXPECT_EQ(index.places[key_of(4)].width, 1U);
  EXPECT_EQ(index.end, file.size());
  EXPECT_EQ(index.damaged_bytes, 0U);
}

TEST(FeatureLog, ReadsOnWhereItStopped) {
  const Bytes file = file_of(20);
  FeatureIndex index;
  for (std::size_t size = kFeatureBlock; size < file.size(); size += 700) {
    read_feature_records(std::span(file).first(size), index);
  }
  read_feature_records(file, index);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(holds(file, index, i));
  EXPECT_EQ(index.damaged_bytes, 0U);
}

TEST(FeatureLog, EveryTruncationKeepsTheRecordsBeforeIt) {
  const Bytes file = file_of(20);
  std::vector<std::size_t> ends;
  std::size_t end = kFeatureBlock;
  for (int i = 0; i < 20; ++i) {
    end += feature_record_bytes(static_cast<std::uint32_t>(10 + i));
    ends.push_back(end);
  }
  for (std::size_t size = kFeatureBlock; size <= file.size(); ++size) {
    const auto whole = std::count_if(ends.begin(), ends.end(), [&](auto e) { return e <= size; });
    ASSERT_EQ(count_of(std::span(file).first(size)), whole) << size;
  }
}

TEST(FeatureLog, AFlippedBitCostsOneRecordAtMost) {
  Bytes file = file_of(20);
  for (std::size_t at = kFeatureBlock; at < file.size(); ++at) {
    const std::byte before = file[at];
    file[at] ^= static_cast<std::byte>(1 << at % 8);
    ASSERT_GE(count_of(file), 19) << at;
    file[at] = before;
  }
  EXPECT_EQ(count_of(file), 20);
}

TEST(FeatureLog, OverwrittenStretchesCostTheRecordsTheyTouch) {
  Rng rng(1);
  for (int round = 0; round < 2000; ++round) {
    Bytes file = file_of(20);
    const std::size_t begin =
        kFeatureBlock + rng.below(static_cast<std::uint32_t>(file.size() - kFeatureBlock));
    const std::size_t length = std::min<std::size_t>(1 + rng.below(700), file.size() - begin);
    for (std::size_t i = begin; i < begin + length; ++i) {
      file[i] = round % 2 == 0 ? std::byte{0} : static_cast<std::byte>(rng.next_u32());
    }
    int touched = 0;
    std::size_t start = kFeatureBlock;
    for (int i = 0; i < 20; ++i) {
      const std::size_t end = start + feature_record_bytes(static_cast<std::uint32_t>(10 + i));
      touched += start < begin + length && begin < end ? 1 : 0;
      start = end;
    }
    ASSERT_GE(count_of(file), 20 - touched);
  }
}

TEST(FeatureLog, AnyBytesAreSurvived) {
  Rng rng(2);
  for (int round = 0; round < 300; ++round) {
    Bytes noise(rng.below(5000));
    for (std::byte& b : noise) b = static_cast<std::byte>(rng.next_u32());
    FeatureIndex index;
    read_feature_records(noise, index);
    EXPECT_TRUE(index.places.empty());
  }
}

TEST(FeatureLog, ACutOffRecordIsReported) {
  const Bytes file = file_of(3);
  FeatureIndex index;
  read_feature_records(std::span(file).first(file.size() - 1), index);
  ASSERT_TRUE(index.cut_off_at.has_value());
  EXPECT_EQ(*index.cut_off_at, index.end);
  read_feature_records(file, index);
  EXPECT_FALSE(index.cut_off_at.has_value());
  EXPECT_EQ(index.places.size(), 3U);
}

TEST(FeatureLog, ChecksVectorsBeforeGivingThem) {
  Bytes file = file_of(1);
  FeatureIndex index;
  read_feature_records(file, index);
  FeaturePlace place = index.places[key_of(0)];
  EXPECT_EQ(checked_vector(file, place).size(), 10U);
  EXPECT_TRUE(checked_vector(std::span(file).first(file.size() - 64), place).empty());
  place.offset = std::numeric_limits<std::uint64_t>::max() - 8;
  EXPECT_TRUE(checked_vector(file, place).empty());
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Bytes other = file_of(0);
    append_feature_record(other, key_of(0), std::vector<float>{1, bad});  // with a right checksum
    FeatureIndex again;
    read_feature_records(other, again);
    EXPECT_TRUE(checked_vector(other, again.places[key_of(0)]).empty());
  }
  EXPECT_TRUE(all_finite(std::vector<float>{0, -0.0F, std::numeric_limits<float>::max(),
                                            std::numeric_limits<float>::denorm_min()}));
}

TEST(FeatureLog, TellsForeignDamagedAndLaterFilesApart) {
  const FeatureBlock good = feature_file_header();
  EXPECT_TRUE(check_feature_file_header(good).ok());
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_TRUE(is_unfinished_header(std::span(good).first(length)));
    EXPECT_FALSE(check_feature_file_header(std::span(good).first(length)).ok());
  }
  EXPECT_FALSE(is_unfinished_header(as_bytes("hello")));
  for (std::size_t at = 0; at < good.size(); ++at) {
    FeatureBlock flipped = good;
    flipped[at] ^= std::byte{1};
    EXPECT_EQ(check_feature_file_header(flipped).error().kind, ErrorKind::kCorrupt) << at;
  }
  FeatureBlock later = good;
  later[8] = std::byte{2};
  const std::uint64_t checksum = xxh3_64(std::span(later).first(56));
  std::memcpy(later.data() + 56, &checksum, sizeof checksum);
  EXPECT_EQ(check_feature_file_header(later).error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace graft
