#include "cli/options.h"

#include <gtest/gtest.h>

namespace graft {
namespace {

enum class Format { kStore, kText };

struct Values {
  std::string dir = "tf_files", arch = "mobilenet_0.50_224";
  int steps = 4000, batch = -1;
  float rate = 0.01F;
  double percentage = 10;
  bool flip = false, resume = true;
  Format format = Format::kStore;
  std::uint64_t seed = 0;
  std::optional<int> height;
  std::vector<std::string> photos;
};

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() {
    options_.text("image_dir", v_.dir, "DIR", "Photos.");
    options_.text("architecture", v_.arch, "NAME", "Network.");
    options_.integer("how_many_training_steps", v_.steps, "Steps.", 1);
    options_.integer("test_batch_size", v_.batch, "Batch.", -1);
    options_.number("learning_rate", v_.rate, "Rate.", 1e-12, 1e6);
    options_.number("testing_percentage", v_.percentage, "Percent.", 0, 100);
    options_.flag("flip_left_right", v_.flip, "Mirror.");
    options_.flag("resume", v_.resume, "Go on.");
    options_.choice<Format>("bottleneck_format", v_.format,
                            {{"store", Format::kStore}, {"text", Format::kText}}, "Cache.");
    options_.integer("seed", v_.seed, "Seed.");
    options_.integer("input_height", v_.height, "Height.", 1, 8192);
  }

  Result<Options::Parsed> parse(std::vector<std::string> words) { return options_.parse(words); }
  std::string error_of(std::vector<std::string> words) {
    const auto parsed = parse(std::move(words));
    EXPECT_FALSE(parsed.ok());
    if (parsed.ok()) return "";
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
    return parsed.error().message;
  }

  Values v_;
  Options options_{"retrain", "train"};
};

TEST_F(OptionsTest, NothingGivenKeepsDefaults) {
  ASSERT_TRUE(parse({}).ok());
  EXPECT_EQ(v_.steps, 4000);
  EXPECT_FALSE(options_.given("image_dir"));
}

TEST_F(OptionsTest, BothFormsOfAValue) {
  ASSERT_TRUE(parse({"--image_dir=a b", "--how_many_training_steps", "500", "--learning_rate=1e-3",
                     "--bottleneck_format", "text", "--seed=18446744073709551615"})
                  .ok());
  EXPECT_EQ(v_.dir, "a b");
  EXPECT_EQ(v_.steps, 500);
  EXPECT_EQ(v_.rate, 1e-3F);
  EXPECT_EQ(v_.format, Format::kText);
  EXPECT_EQ(v_.seed, 18446744073709551615U);
  EXPECT_TRUE(options_.given("image_dir"));
}

TEST_F(OptionsTest, ANegativeNumberIsAValueNotAnOption) {
  v_.batch = 7;
  ASSERT_TRUE(parse({"--test_batch_size", "-1"}).ok());
  EXPECT_EQ(v_.batch, -1);
}

TEST_F(OptionsTest, AnEmptyValueSwallowsNothing) {
  ASSERT_TRUE(parse({"--architecture=", "--image_dir=photos"}).ok());
  EXPECT_EQ(v_.arch, "");
  EXPECT_EQ(v_.dir, "photos");
  ASSERT_TRUE(parse({"--architecture", "", "--image_dir", "others"}).ok());
  EXPECT_EQ(v_.arch, "");
  EXPECT_EQ(v_.dir, "others");
}

TEST_F(OptionsTest, AnOptionIsNoValueOfTheOneBeforeIt) {
  for (const char* next : {"--image_dir=photos", "--image_dir", "--noresume", "--help"}) {
    EXPECT_NE(error_of({"--architecture", next}).find("--architecture: its value is missing"),
              std::string::npos)
        << next;
  }
  options_.missing_is_empty("architecture");
  ASSERT_TRUE(parse({"--architecture", "--image_dir", "photos"}).ok());
  EXPECT_EQ(v_.arch, "");
  EXPECT_EQ(v_.dir, "photos");
  v_.arch = "x";
  ASSERT_TRUE(parse({"--architecture"}).ok());
  EXPECT_EQ(v_.arch, "");
}

TEST_F(OptionsTest, ANameMayBeCutShortWhereItIsClear) {
  ASSERT_TRUE(parse({"--im=a", "--how_many", "7", "--flip", "--nores", "--bottle=text"}).ok());
  EXPECT_EQ(v_.dir, "a");
  EXPECT_EQ(v_.steps, 7);
  EXPECT_TRUE(v_.flip);
  EXPECT_FALSE(v_.resume);
  EXPECT_EQ(v_.format, Format::kText);
  EXPECT_TRUE(options_.given("image_dir"));
  EXPECT_EQ(error_of({"--test=5"}),
            "--test: is the beginning of several options: write one of --test_batch_size, "
            "--testing_percentage");
  EXPECT_NE(error_of({"--noim"}).find("no such option"), std::string::npos);
  EXPECT_NE(error_of({"--=5"}).find("no such option"), std::string::npos);
  // What somebody pasted is quoted only as far as it tells what it was.
  const std::string pasted(3000, 'x');
  EXPECT_LT(error_of({"--" + pasted}).size(), 400U);
  EXPECT_LT(error_of({"--how_many=" + pasted}).size(), 400U);
  // A whole name counts before those that it begins.
  int crop = 0, cropped = 0;
  options_.integer("crop", crop, "Crop.");
  options_.integer("cropped", cropped, "Cropped.");
  ASSERT_TRUE(parse({"--crop=3"}).ok());
  EXPECT_EQ(crop, 3);
}

TEST_F(OptionsTest, AValueMayHoldEqualsSignsAndDashes) {
  ASSERT_TRUE(parse({"--image_dir=a=b=--c"}).ok());
  EXPECT_EQ(v_.dir, "a=b=--c");
  ASSERT_TRUE(parse({"--image_dir", "--c"}).ok());
  EXPECT_EQ(v_.dir, "--c");
}

TEST_F(OptionsTest, EveryFormOfAFlag) {
  ASSERT_TRUE(parse({"--flip_left_right"}).ok());
  EXPECT_TRUE(v_.flip);
  ASSERT_TRUE(parse({"--flip_left_right=false"}).ok());
  EXPECT_FALSE(v_.flip);
  ASSERT_TRUE(parse({"--flip_left_right=True"}).ok());
  EXPECT_TRUE(v_.flip);
  ASSERT_TRUE(parse({"--noflip_left_right"}).ok());
  EXPECT_FALSE(v_.flip);
  ASSERT_TRUE(parse({"--noresume"}).ok());
  EXPECT_FALSE(v_.resume);
  ASSERT_TRUE(parse({"--flip_left_right", "true", "--resume", "False"}).ok());
  EXPECT_TRUE(v_.flip);
  EXPECT_FALSE(v_.resume);
  EXPECT_NE(error_of({"--flip_left_right=maybe"}).find("'maybe'"), std::string::npos);
  EXPECT_NE(error_of({"--flip_left_right", "maybe"}).find("'maybe'"), std::string::npos);
  EXPECT_NE(error_of({"--noresume=true"}).find("takes no value"), std::string::npos);
  EXPECT_NE(error_of({"--noimage_dir"}).find("no such option"), std::string::npos);
}

TEST_F(OptionsTest, TheLastOfSeveralWins) {
  ASSERT_TRUE(parse({"--seed=1", "--seed=2"}).ok());
  EXPECT_EQ(v_.seed, 2U);
}

TEST_F(OptionsTest, UnknownOptionsNameTheNearest) {
  EXPECT_NE(error_of({"--image-dir=x"}).find("did you mean --image_dir?"), std::string::npos);
  EXPECT_NE(error_of({"--how_many_trainig_steps=5"}).find("--how_many_training_steps"),
            std::string::npos);
  EXPECT_NE(error_of({"-v"}).find("-v"), std::string::npos);
}

TEST_F(OptionsTest, ValuesThatCannotBe) {
  EXPECT_NE(error_of({"--how_many_training_steps=0"}).find("1 or more"), std::string::npos);
  EXPECT_NE(error_of({"--how_many_training_steps=5x"}).find("'5x'"), std::string::npos);
  EXPECT_NE(error_of({"--how_many_training_steps=99999999999"}).find("whole number"),
            std::string::npos);
  EXPECT_NE(error_of({"--how_many_training_steps="}).find("empty"), std::string::npos);
  EXPECT_NE(error_of({"--testing_percentage=101"}).find("from 0 to 100"), std::string::npos);
  EXPECT_NE(error_of({"--learning_rate=nan"}).find("'nan'"), std::string::npos);
  EXPECT_NE(error_of({"--seed=-1"}).find("whole number"), std::string::npos);
  EXPECT_NE(error_of({"--bottleneck_format=xml"}).find("store|text"), std::string::npos);
  EXPECT_NE(error_of({"--image_dir"}).find("missing"), std::string::npos);
  EXPECT_NE(error_of({"--input_height=0"}).find("from 1 to 8192"), std::string::npos);
}

TEST_F(OptionsTest, ArgumentsOnlyWhereTheyAreTaken) {
  EXPECT_NE(error_of({"photo.jpg"}).find("'photo.jpg'"), std::string::npos);
  options_.arguments(v_.photos);
  ASSERT_TRUE(parse({"-", "[a].jpg", "--seed=3", "b c.jpg", "--", "--seed=4", "-x.jpg"}).ok());
  EXPECT_EQ(v_.photos, (std::vector<std::string>{"-", "[a].jpg", "b c.jpg", "--seed=4", "-x.jpg"}));
  EXPECT_EQ(v_.seed, 3U);
}

TEST_F(OptionsTest, HelpShowsEveryOptionWithTheDefaultThatHolds) {
  const std::string help = options_.help(80);
  EXPECT_NE(help.find("--how_many_training_steps=N"), std::string::npos);
  EXPECT_NE(help.find("(default 4000)"), std::string::npos);
  EXPECT_NE(help.find("(default 0.01)"), std::string::npos);
  EXPECT_NE(help.find("--bottleneck_format=store|text"), std::string::npos);
  std::size_t start = 0;
  while (start < help.size()) {
    const std::size_t end = help.find('\n', start);
    EXPECT_LE(end - start, 80U) << help.substr(start, end - start);
    start = end + 1;
  }
  ASSERT_TRUE(parse({"--help"}).ok());
  EXPECT_EQ(*parse({"--help"}), Options::Parsed::kHelp);
}

TEST_F(OptionsTest, ValuesAreWhatHolds) {
  ASSERT_TRUE(parse({"--learning_rate=0.005", "--image_dir=\xff"}).ok());
  const Json values = options_.values();
  EXPECT_EQ(values["learning_rate"].dump(), "0.005");
  EXPECT_EQ(values["image_dir"], "\\xff");
  EXPECT_EQ(values["bottleneck_format"], "store");
  EXPECT_EQ(values["resume"], true);
  EXPECT_TRUE(values["input_height"].is_null());
  EXPECT_EQ(values.size(), 11U);
}

}  // namespace
}  // namespace graft
