#include "image/decode.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "image/codecs.h"
#include "image/encode.h"
#include "image/golden_files_testing.h"

namespace graft {
namespace {

using namespace std::string_view_literals;

TEST(SniffFormat, KnowsEveryFormatByItsContent) {
  const auto sniff = [](std::string_view text) { return sniff_format(as_bytes(text)); };
  EXPECT_EQ(sniff("\xFF\xD8\xFF"), ImageFormat::kJpeg);
  EXPECT_EQ(sniff("\x89PNG\r\n\x1A\n"), ImageFormat::kPng);
  EXPECT_EQ(sniff("GIF89a"), ImageFormat::kGif);
  EXPECT_EQ(sniff("BM"), ImageFormat::kBmp);
  EXPECT_EQ(sniff("RIFF\1\2\3\4WEBP"), ImageFormat::kWebp);
  EXPECT_EQ(sniff("RIFF\1\2\3\4WAVE"), ImageFormat::kUnknown);
  EXPECT_EQ(sniff("II*\0"sv), ImageFormat::kTiff);
  EXPECT_EQ(sniff("MM\0*"sv), ImageFormat::kTiff);
  EXPECT_EQ(sniff("\0\0\0\x18"
                  "ftypheic"sv),
            ImageFormat::kHeic);
  EXPECT_EQ(sniff("\0\0\0\x18"
                  "ftypisom"sv),
            ImageFormat::kUnknown);
  EXPECT_EQ(sniff(""), ImageFormat::kUnknown);
  EXPECT_EQ(sniff("\xFF\xD8"), ImageFormat::kUnknown);
  EXPECT_EQ(sniff("<html>"), ImageFormat::kUnknown);
}

TEST(DecodeImage, SaysWhatIsWrongAndWhatToDo) {
  const auto message = [](std::string_view text) {
    Image image;
    const auto result = decode_image(as_bytes(text), {}, image);
    return result.ok() ? "accepted" : result.error().message;
  };
  EXPECT_EQ(message(""), "empty file: nothing to decode: get a good copy or remove it");
  EXPECT_EQ(
      message("hello, I am a text"),
      "not a picture: its content is none of JPEG, PNG, GIF, BMP, WebP, TIFF, HEIC: convert or "
      "remove it");
  EXPECT_EQ(message(as_text(golden_file("files/truncated_half.jpg"))),
            "damaged JPEG (it ends before the picture does): it cannot be decoded: get a good copy "
            "or remove it");
  EXPECT_EQ(message(as_text(golden_file("files/truncated_half.png"))),
            "damaged PNG (it ends before the picture does): it cannot be decoded: get a good copy "
            "or remove it");
}

TEST(DecodeImage, NotesWhatWasDamagedYetAccepted) {
  const auto note_of = [](const std::string& name) {
    Image image;
    DecodeNote note;
    EXPECT_TRUE(decode_image(golden_file("files/" + name), {}, image, &note).ok()) << name;
    return note;
  };
  for (const char* name :
       {"early_end_marker.jpg", "lost_restart_marker.jpg", "wrong_restart_marker.jpg"}) {
    const DecodeNote note = note_of(name);
    EXPECT_TRUE(note.corrupt_but_decodable) << name;
    EXPECT_FALSE(note.warning.empty()) << name;
  }
  for (const char* name : {"sample_420.jpg", "rgb8.png", "plain.gif", "bad_text_crc.png"}) {
    const DecodeNote note = note_of(name);
    EXPECT_FALSE(note.corrupt_but_decodable) << name << ": " << note.warning;
  }
}

TEST(DecodeImage, FirstFrameOfAnAnimation) {
  Image still;
  Image animated;
  ASSERT_TRUE(decode_image(golden_file("files/lossless.webp"), {}, still).ok());
  ASSERT_TRUE(decode_image(golden_file("files/animated.webp"), {}, animated).ok());
  EXPECT_EQ(still.pixels, animated.pixels);
  ASSERT_TRUE(decode_image(golden_file("files/rgb8.png"), {}, still).ok());
  ASSERT_TRUE(decode_image(golden_file("files/animated.png"), {}, animated).ok());
  EXPECT_EQ(still.pixels, animated.pixels);
}

// A 3 × 2 picture whose pixels are numbered, turned as each orientation prescribes: the rows of
// the upright picture, by the table of EXIF 2.32 (where row 0 and column 0 lie).
TEST(Orientation, TurnsThePictureUpright) {
  const std::vector<std::vector<std::vector<int>>> upright = {
      {{0, 1, 2}, {3, 4, 5}},    // 1: top, left
      {{2, 1, 0}, {5, 4, 3}},    // 2: top, right
      {{5, 4, 3}, {2, 1, 0}},    // 3: bottom, right
      {{3, 4, 5}, {0, 1, 2}},    // 4: bottom, left
      {{0, 3}, {1, 4}, {2, 5}},  // 5: left, top
      {{3, 0}, {4, 1}, {5, 2}},  // 6: right, top
      {{5, 2}, {4, 1}, {3, 0}},  // 7: right, bottom
      {{2, 5}, {1, 4}, {0, 3}},  // 8: left, bottom
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Image image{3, 2, {}};
    for (int i = 0; i < 6; ++i) {
      for (int c = 0; c < 3; ++c) image.pixels.push_back(static_cast<std::uint8_t>(i * 10 + c));
    }
    codec::apply_orientation(orientation, image);
    const auto& rows = upright[static_cast<std::size_t>(orientation - 1)];
    ASSERT_EQ(image.height, static_cast<int>(rows.size())) << orientation;
    ASSERT_EQ(image.width, static_cast<int>(rows[0].size())) << orientation;
    std::size_t at = 0;
    for (const auto& row : rows) {
      for (const int number : row) {
        for (int c = 0; c < 3; ++c) EXPECT_EQ(image.pixels[at++], number * 10 + c) << orientation;
      }
    }
  }
}

TEST(Orientation, IsAppliedOnlyWhenAskedFor) {
  const Bytes rotated = golden_file("files/exif_orientation_6.jpg");
  Image as_stored;
  Image upright;
  ASSERT_TRUE(decode_image(rotated, {}, as_stored).ok());
  ASSERT_TRUE(decode_image(rotated, {.apply_exif_orientation = true}, upright).ok());
  EXPECT_EQ(as_stored.width, upright.height);
  EXPECT_EQ(as_stored.height, upright.width);
  codec::apply_orientation(6, as_stored);
  EXPECT_EQ(as_stored.pixels, upright.pixels);
}

TEST(Orientation, UnreadableExifMeansAsStored) {
  EXPECT_EQ(codec::exif_orientation({}), 1);
  EXPECT_EQ(codec::exif_orientation(as_bytes("Exif\0\0"sv)), 1);
  EXPECT_EQ(codec::exif_orientation(as_bytes("Exif\0\0II*\0\xFF\xFF\xFF\xFF"sv)), 1);
  EXPECT_EQ(codec::exif_orientation(
                as_bytes("Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x08\0\0\0\0\0\0\0"sv)),
            8);
  EXPECT_EQ(codec::exif_orientation(
                as_bytes("Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0"sv)),
            3);
  EXPECT_EQ(codec::exif_orientation(
                as_bytes("Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0"sv)),
            1);
}

TEST(EncodePng, ComesBackUnchanged) {
  Image image{37, 23, {}};
  for (int i = 0; i < 37 * 23 * 3; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * i));
  const auto png = encode_png(image);
  ASSERT_TRUE(png.ok()) << png.error().message;
  EXPECT_EQ(sniff_format(*png), ImageFormat::kPng);
  Image back;
  ASSERT_TRUE(decode_image(*png, {}, back).ok());
  EXPECT_EQ(back.width, 37);
  EXPECT_EQ(back.height, 23);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST(EncodeJpeg, ComesBackNearly) {
  Image image{40, 30, {}};
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>(60 + 3 * x + 2 * y + 5 * c));
      }
    }
  }
  Image back;
  const auto fine = encode_jpeg(image, 95);
  const auto coarse = encode_jpeg(image, 20);
  ASSERT_TRUE(fine.ok() && coarse.ok());
  EXPECT_LT(coarse->size(), fine->size());
  ASSERT_TRUE(decode_image(*fine, {}, back).ok());
  ASSERT_EQ(back.pixels.size(), image.pixels.size());
  for (std::size_t i = 0; i < back.pixels.size(); ++i) {
    EXPECT_NEAR(back.pixels[i], image.pixels[i], 8);  // a smooth ramp at quality 95
  }
}

TEST(Encode, RefusesWhatHasNoSize) {
  EXPECT_FALSE(encode_jpeg(Image{}).ok());
  EXPECT_FALSE(encode_png(Image{}).ok());
  EXPECT_FALSE(encode_png(Image{2, 2, {1, 2, 3}}).ok());
  EXPECT_FALSE(encode_jpeg(Image{1, 1, {1, 2, 3}}, 0).ok());
  EXPECT_TRUE(encode_jpeg(Image{1, 1, {1, 2, 3}}).ok());
}

}  // namespace
}  // namespace graft
