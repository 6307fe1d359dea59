// Our loops against libjpeg's: the same coefficients, pixels, verdicts and words.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "image/codecs.h"
#include "image/golden_files_testing.h"
#include "image/inverse_dct.h"
#include "image/jpeg_scan.h"
#include "image/resize.h"

namespace graft::codec {
namespace {

struct Encoding {
  std::string name;
  int width = 0, height = 0;
  int quality = 90;
  std::vector<std::array<int, 2>> sampling;  // across, down; a component each: 1, 3 or 4 of them
  int restart_units = 0;
  bool best_tables = false;
};

void PrintTo(const Encoding& e, std::ostream* out) {
  *out << e.name;
}

// What `write` makes a compressor write: from its settings to all rows or coefficients.
template <typename Write>
Bytes compressed(const Write& write) {
  jpeg_compress_struct c;
  jpeg_error_mgr errors;
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &out, &size);
  write(c);
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  Bytes bytes(size);
  std::memcpy(bytes.data(), out, size);
  free(out);
  return bytes;
}

// Noise over a slope: every kind of symbol turns up, and the noise is the coarser the lower it
// stands in the picture, so that blocks are short and long.
Bytes encode(const Encoding& e) {
  return compressed([&](jpeg_compress_struct& c) {
    c.image_width = static_cast<JDIMENSION>(e.width);
    c.image_height = static_cast<JDIMENSION>(e.height);
    c.input_components = static_cast<int>(e.sampling.size());
    c.in_color_space = e.sampling.size() == 1   ? JCS_GRAYSCALE
                       : e.sampling.size() == 4 ? JCS_CMYK
                                                : JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, e.quality, TRUE);
    for (std::size_t i = 0; i < e.sampling.size(); ++i) {
      c.comp_info[i].h_samp_factor = e.sampling[i][0];
      c.comp_info[i].v_samp_factor = e.sampling[i][1];
    }
    c.restart_interval = static_cast<unsigned>(e.restart_units);
    c.optimize_coding = e.best_tables ? TRUE : FALSE;
    jpeg_start_compress(&c, TRUE);
    Rng rng(7);
    std::vector<JSAMPLE> row(static_cast<std::size_t>(e.width) * e.sampling.size());
    for (int y = 0; y < e.height; ++y) {
      const auto noise = static_cast<std::uint32_t>(1 + 255 * y / e.height);
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] =
            static_cast<JSAMPLE>((i / 3 + static_cast<std::size_t>(y) + rng.below(noise)) & 255);
      }
      JSAMPROW rows[] = {row.data()};
      jpeg_write_scanlines(&c, rows, 1);
    }
  });
}

std::vector<Encoding> encodings() {
  std::vector<Encoding> all = {
      {"grey", 61, 45, 90, {{1, 1}}},
      {"grey_with_factors", 61, 45, 90, {{2, 2}}},
      {"yuv444", 83, 61, 90, {{1, 1}, {1, 1}, {1, 1}}},
      {"yuv422", 83, 61, 90, {{2, 1}, {1, 1}, {1, 1}}},
      {"yuv440", 83, 61, 90, {{1, 2}, {1, 1}, {1, 1}}},
      {"yuv420", 83, 61, 90, {{2, 2}, {1, 1}, {1, 1}}},
      {"yuv411", 83, 61, 90, {{4, 1}, {1, 1}, {1, 1}}},
      {"yuv410", 83, 61, 90, {{4, 2}, {1, 1}, {1, 1}}},
      {"three_lines", 83, 61, 90, {{1, 3}, {1, 1}, {1, 1}}},
      {"cmyk", 51, 39, 90, {{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
      {"one_pixel", 1, 1, 90, {{2, 2}, {1, 1}, {1, 1}}},
      {"coarse", 97, 75, 3, {{2, 2}, {1, 1}, {1, 1}}},
      {"finest", 97, 75, 100, {{2, 2}, {1, 1}, {1, 1}}},
      {"finest_best_tables", 97, 75, 100, {{1, 1}, {1, 1}, {1, 1}}, 0, true},
      {"larger_than_the_window", 417, 301, 97, {{2, 2}, {1, 1}, {1, 1}}, 0, true},
      {"restart_each_unit", 83, 61, 90, {{2, 2}, {1, 1}, {1, 1}}, 1},
      {"restart_each_seven", 417, 301, 95, {{1, 1}, {1, 1}, {1, 1}}, 7},
  };
  return all;
}

class JpegEncodings : public testing::TestWithParam<Encoding> {};
INSTANTIATE_TEST_SUITE_P(All, JpegEncodings, testing::ValuesIn(encodings()),
                         [](const auto& tested) { return tested.param.name; });

// All coefficients, in the order of the scan's units, or none where the scan gave up.
std::vector<JCOEF> by_scan(jpeg_decompress_struct& c) {
  std::vector<JCOEF> all;
  if (!JpegScan::reads(c)) return all;
  const auto scan = std::make_unique<JpegScan>(c);
  while (!scan->finished()) {
    std::array<JBLOCK, D_MAX_BLOCKS_IN_MCU> unit{};
    std::array<JBLOCKROW, D_MAX_BLOCKS_IN_MCU> rows{};
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = &unit[i];
    if (!scan->decode_mcu(rows.data())) return {};
    const JCOEF* const first = unit[0];
    all.insert(all.end(), first, first + std::ptrdiff_t{c.blocks_in_MCU} * DCTSIZE2);
  }
  EXPECT_EQ(scan->rest().size(), 2U);  // the end marker
  return all;
}

std::vector<JCOEF> by_libjpeg(jpeg_decompress_struct& c) {
  std::vector<JCOEF> all;
  const std::size_t units = std::size_t{c.MCUs_per_row} * c.MCU_rows_in_scan;
  for (std::size_t i = 0; i < units; ++i) {
    std::array<JBLOCK, D_MAX_BLOCKS_IN_MCU> unit{};
    std::array<JBLOCKROW, D_MAX_BLOCKS_IN_MCU> rows{};
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = &unit[k];
    EXPECT_EQ(c.entropy->decode_mcu(&c, rows.data()), TRUE);
    const JCOEF* const first = unit[0];
    all.insert(all.end(), first, first + std::ptrdiff_t{c.blocks_in_MCU} * DCTSIZE2);
  }
  EXPECT_EQ(c.err->num_warnings, 0);
  return all;
}

std::vector<JCOEF> coefficients(const Bytes& bytes,
                                std::vector<JCOEF> (*by)(jpeg_decompress_struct&)) {
  jpeg_decompress_struct c;
  jpeg_error_mgr errors;
  c.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&c);
  jpeg_mem_src(&c, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&c, TRUE);
  jpeg_start_decompress(&c);
  std::vector<JCOEF> all = by(c);
  jpeg_destroy_decompress(&c);
  return all;
}

TEST_P(JpegEncodings, GiveTheCoefficientsThatLibjpegReads) {
  const Bytes bytes = encode(GetParam());
  const std::vector<JCOEF> expected = coefficients(bytes, by_libjpeg);
  for (const InstructionSet set : instruction_sets()) {
    JpegScan::use(set);
    EXPECT_EQ(coefficients(bytes, by_scan), expected) << static_cast<int>(set);
  }
  JpegScan::use(instruction_set());
}

struct Outcome {
  bool ok = false;
  std::string words;
  std::vector<std::uint8_t> pixels;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome(decltype(decode_jpeg)& decode, ByteSpan bytes) {
  Outcome outcome;
  Image image;
  DecodeNote note;
  const auto decoded = decode(bytes, {.limits = {.max_pixels = 1 << 20}}, image, note);
  outcome.ok = decoded.ok();
  outcome.words = decoded.ok() ? note.warning : decoded.error().message;
  if (decoded.ok()) outcome.pixels = image.pixels;
  return outcome;
}

TEST_P(JpegEncodings, GiveThePixelsThatLibjpegGives) {
  const Bytes bytes = encode(GetParam());
  const Outcome expected = outcome(decode_jpeg_by_libjpeg, bytes);
  EXPECT_TRUE(expected.ok);
  for (const InstructionSet set : instruction_sets()) {
    InverseDct::use(set);
    EXPECT_EQ(outcome(decode_jpeg, bytes), expected) << static_cast<int>(set);
  }
  InverseDct::use(instruction_set());
}

// A picture of coefficients that no encoder would write, `density` of 256 of them not zero and up
// to `most`, by steps up to `most_step`: such sums wrap around.
Bytes wild(int most, int density, unsigned most_step, std::uint64_t seed) {
  constexpr JDIMENSION kBlocks = 8;
  return compressed([&](jpeg_compress_struct& c) {
    c.image_width = c.image_height = kBlocks * DCTSIZE;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    Rng rng(seed);
    std::array<unsigned, DCTSIZE2> steps;
    for (const int table : {0, 1}) {
      for (unsigned& step : steps) step = 1 + rng.below(most_step);
      jpeg_add_quant_table(&c, table, steps.data(), 100, TRUE);
    }
    std::array<jvirt_barray_ptr, 3> arrays{};
    for (int i = 0; i < 3; ++i) {
      c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
      arrays[static_cast<std::size_t>(i)] = c.mem->request_virt_barray(
          reinterpret_cast<j_common_ptr>(&c), JPOOL_IMAGE, TRUE, kBlocks, kBlocks, 1);
    }
    jpeg_write_coefficients(&c, arrays.data());
    const auto value = [&] {
      const bool zero = static_cast<int>(rng.below(256)) >= density;
      return static_cast<JCOEF>(
          zero ? 0 : static_cast<int>(rng.below(2 * static_cast<std::uint32_t>(most) + 1)) - most);
    };
    for (jvirt_barray_ptr array : arrays) {
      for (JDIMENSION row = 0; row < kBlocks; ++row) {
        JBLOCKARRAY const blocks =
            c.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&c), array, row, 1, TRUE);
        for (JDIMENSION block = 0; block < kBlocks; ++block) {
          for (JCOEF& coefficient : blocks[0][block]) coefficient = value();
        }
      }
    }
  });
}

TEST(JpegCoefficients, GiveThePixelsThatLibjpegGivesHoweverWild) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const int most = std::array{1, 30, 1023}[seed % 3];
    const int density = std::array{3, 60, 256}[seed / 3 % 3];
    const unsigned most_step = std::array{1U, 16U, 255U}[seed / 9 % 3];
    const Bytes bytes = wild(most, density, most_step, seed);
    const Outcome expected = outcome(decode_jpeg_by_libjpeg, bytes);
    ASSERT_TRUE(expected.ok) << expected.words;
    for (const InstructionSet set : instruction_sets()) {
      InverseDct::use(set);
      EXPECT_EQ(outcome(decode_jpeg, bytes), expected) << seed << " " << static_cast<int>(set);
    }
  }
  InverseDct::use(instruction_set());
}

TEST_P(JpegEncodings, AreEnoughForTheResizeWhereNotAllIsDecoded) {
  const Bytes bytes = encode(GetParam());
  Image all;
  DecodeNote note;
  ASSERT_TRUE(decode_jpeg_by_libjpeg(bytes, {}, all, note).ok());
  for (const auto& [height, width] : std::vector<std::array<int, 2>>{
           {1, 1}, {2, 3}, {5, 5}, {9, 31}, {31, 9}, {17, 23}, {30, 41}, {64, 64}, {224, 224}}) {
    Image some{all.width, all.height, std::vector<std::uint8_t>(all.pixels.size(), 0xA5)};
    const DecodeOptions only = {.only_for_height = height, .only_for_width = width};
    ASSERT_TRUE(decode_jpeg(bytes, only, some, note).ok());
    std::vector<float> expected(static_cast<std::size_t>(height * width) * 3), got = expected;
    resize_normalize(all, height, width, {}, expected);
    resize_normalize(some, height, width, {}, got);
    EXPECT_EQ(got, expected) << height << " x " << width;
  }
}

TEST_P(JpegEncodings, GiveThePixelsThatLibjpegGivesAtASmallerSize) {
  const Bytes bytes = encode(GetParam());
  for (const int least : {1, 10, 20, 40}) {
    const DecodeOptions small = {
        .rule = DecodeRule::kAreaMean, .only_for_height = least, .only_for_width = least};
    Image ours, theirs;
    DecodeNote note;
    ASSERT_TRUE(decode_jpeg_by_libjpeg(bytes, small, theirs, note).ok());
    ASSERT_TRUE(decode_jpeg(bytes, small, ours, note).ok());
    EXPECT_EQ(ours.width, theirs.width);
    EXPECT_EQ(ours.pixels, theirs.pixels) << least;
  }
}

TEST(JpegLoops, LeaveOutWhatNoPixelDependsOn) {
  const Bytes bytes = encode({"large", 640, 480, 90, {{2, 2}, {1, 1}, {1, 1}}});
  Image image{640, 480, std::vector<std::uint8_t>(std::size_t{640} * 480 * 3, 0)};
  DecodeNote note;
  ASSERT_TRUE(decode_jpeg(bytes, {.only_for_height = 16, .only_for_width = 16}, image, note).ok());
  const auto row_is_black = [&](std::size_t y) {
    const auto begin = image.pixels.begin() + static_cast<std::ptrdiff_t>(y * 640 * 3);
    return std::all_of(begin, begin + std::ptrdiff_t{640 * 3}, [](auto v) { return v == 0; });
  };
  EXPECT_FALSE(row_is_black(30));  // 480 / 16 = 30: the second line of the result
  EXPECT_TRUE(row_is_black(40));
}

// Every bit turned, every length cut short, and bytes put in: libjpeg's verdict, words and pixels.
TEST(JpegLoops, LeaveWhatIsNotSoundToLibjpeg) {
  std::size_t accepted = 0, warned = 0;
  const auto compare = [&](const Bytes& bytes, const std::string& what) {
    const Outcome expected = outcome(decode_jpeg_by_libjpeg, bytes);
    ASSERT_EQ(outcome(decode_jpeg, bytes), expected) << what;
    accepted += expected.ok ? 1 : 0;
    warned += expected.ok && !expected.words.empty() ? 1 : 0;
  };
  for (const Encoding& e : {Encoding{"", 19, 13, 60, {{2, 2}, {1, 1}, {1, 1}}, 1},
                            Encoding{"", 17, 9, 95, {{1, 1}, {1, 1}, {1, 1}}, 0, true}}) {
    const Bytes sound = encode(e);
    for (std::size_t i = 0; i < sound.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        Bytes bytes = sound;
        bytes[i] ^= static_cast<std::byte>(1 << bit);
        compare(bytes, "bit " + std::to_string(bit) + " of byte " + std::to_string(i));
      }
      compare(Bytes(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(i)),
              "the first " + std::to_string(i) + " bytes");
      for (const int put : {0x00, 0xD0, 0xD9, 0xFF}) {
        Bytes bytes = sound;
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(i), static_cast<std::byte>(put));
        compare(bytes, std::to_string(put) + " put before byte " + std::to_string(i));
      }
    }
  }
  EXPECT_GT(accepted, 1000U);
  EXPECT_GT(warned, 500U);
}

}  // namespace
}  // namespace graft::codec
