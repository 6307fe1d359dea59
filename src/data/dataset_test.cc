#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Expected values by Python, straight from retrain.py's formula:
//   h = re.sub(r'_nohash_.*$', '', path)            # + '#%d' % seed where there is one
//   p = (int(hashlib.sha1(h.encode()).hexdigest(), 16) % 2**27) * (100.0 / (2**27 - 1))
//   validation if p < 30, testing if p < 60, else training
TEST(SplitOf, AsPythonComputesIt) {
  const struct {
    std::string path;
    Split split;
  } kCases[] = {
      {"flower_photos/daisy/1.jpg", Split::kTraining},
      {"flower_photos/daisy/2.jpg", Split::kValidation},
      {"flower_photos/daisy/3.jpg", Split::kTraining},
      {"flower_photos/daisy/4.jpg", Split::kTraining},
      {"flower_photos/daisy/5.jpg", Split::kTesting},
      {"flower_photos/daisy/6.jpg", Split::kValidation},
      {"flower_photos/daisy/7.jpg", Split::kTraining},
      {"flower_photos/daisy/8.jpg", Split::kValidation},
      {"flower_photos/daisy/9.jpg", Split::kTesting},
      {"flower_photos/daisy/10.jpg", Split::kTesting},
      {"flower_photos/daisy/11.jpg", Split::kTraining},
      {"flower_photos/daisy/12.jpg", Split::kTesting},
      {"./flower_photos/daisy/1.jpg", Split::kTraining},
      {"flower_photos/roses/a_nohash_0.jpg", Split::kValidation},
      {"flower_photos/roses/a_nohash_1.jpg", Split::kValidation},
      {"flower_photos/roses/a", Split::kValidation},
      {"flower_photos/\xE5\x90\x91\xE6\x97\xA5\xE8\x91\xB5/1.jpg", Split::kTesting},
      {"tf_files/flower_photos/tulips/IMG 1 (2).JPG", Split::kValidation},
      {"daisy/1.jpg", Split::kTesting},
      {"x\n_nohash_b\ny", Split::kValidation},  // "." stops at a newline …
      {"x_nohash_b\ny", Split::kTesting},
      {"x_nohash_b\n", Split::kValidation},  // … and "$" matches before the last one
      {"", Split::kTraining},
  };
  SplitOptions options;
  options.validation_percentage = 30;
  options.testing_percentage = 30;
  for (const auto& c : kCases) EXPECT_EQ(split_of(c.path, options), c.split) << c.path;
}

TEST(SplitOf, FollowsThePercentages) {
  SplitOptions options;
  options.validation_percentage = 15;
  options.testing_percentage = 25;
  int counts[3] = {};
  for (int i = 1; i <= 1000; ++i) {
    char path[32];
    std::snprintf(path, sizeof path, "photos/c/%04d.jpg", i);
    ++counts[static_cast<int>(split_of(path, options))];
  }
  // By the same Python.
  EXPECT_EQ(counts[static_cast<int>(Split::kTraining)], 615);
  EXPECT_EQ(counts[static_cast<int>(Split::kTesting)], 247);
  EXPECT_EQ(counts[static_cast<int>(Split::kValidation)], 138);

  options.validation_percentage = 0;
  options.testing_percentage = 0;
  EXPECT_EQ(split_of("flower_photos/roses/a", options), Split::kTraining);
  options.testing_percentage = 100;
  EXPECT_EQ(split_of("flower_photos/roses/a", options), Split::kTesting);
}

TEST(SplitOf, ASeedGivesAnotherSplit) {
  SplitOptions options;
  const auto splits = [&](std::uint64_t seed) {
    options.seed = seed;
    std::string letters;
    for (int i = 1; i <= 6; ++i) {
      const Split split = split_of("flower_photos/daisy/" + std::to_string(i) + ".jpg", options);
      letters += name_of(split)[0];
    }
    return letters;
  };
  EXPECT_EQ(splits(1), "tvtttt");  // by the same Python
  EXPECT_EQ(splits(3), "vttttt");
  options.seed = 5;
  EXPECT_EQ(split_of("flower_photos/daisy/2.jpg", options), Split::kValidation);
  EXPECT_EQ(split_of("flower_photos/daisy/4.jpg", options), Split::kTesting);
  EXPECT_EQ(split_of("flower_photos/daisy/6.jpg", options), Split::kTesting);
}

TEST(CheckPercentages, RefusesWhatLeavesNothing) {
  const auto check = [](double testing, double validation) {
    SplitOptions options;
    options.testing_percentage = testing;
    options.validation_percentage = validation;
    return check_percentages(options).ok();
  };
  EXPECT_TRUE(check(10, 10));
  EXPECT_TRUE(check(0, 0));
  EXPECT_TRUE(check(50, 50));
  EXPECT_FALSE(check(60, 50));
  EXPECT_FALSE(check(-1, 10));
  EXPECT_FALSE(check(10, 101));
  EXPECT_FALSE(check(std::nan(""), 10));
  EXPECT_FALSE(check(std::numeric_limits<double>::infinity(), 10));
}

// The left group by Python's re.sub(r'[^a-z0-9]+', ' ', name.lower()).
TEST(LabelOf, TheOriginalRuleWhereItIsUnambiguous) {
  const auto label = [](std::string_view folder) { return label_of(folder, LabelRule::kOriginal); };
  EXPECT_EQ(label("daisy"), "daisy");
  EXPECT_EQ(label("Daisy"), "daisy");
  EXPECT_EQ(label("Rose Bush!"), "rose bush ");
  EXPECT_EQ(label("__a--b__"), " a b ");
  EXPECT_EQ(label("IMG_2017"), "img 2017");
  EXPECT_EQ(label("a.b"), "a b");
  EXPECT_EQ(label("a\nb"), "a b");
  // Where it would lose the name, the name itself.
  EXPECT_EQ(label("\xE7\x8E\xAB\xE7\x91\xB0"), "\xE7\x8E\xAB\xE7\x91\xB0");
  EXPECT_EQ(label("Caf\xC3\xA9"), "Caf\xC3\xA9");
  EXPECT_EQ(label("!!!"), "!!!");
  EXPECT_EQ(label("..."), "...");
  EXPECT_EQ(label("bad\xFF"), "bad\xFF");
}

TEST(LabelOf, VerbatimKeepsOneLine) {
  EXPECT_EQ(label_of("Rose Bush!", LabelRule::kVerbatim), "Rose Bush!");
  EXPECT_EQ(label_of("a\nb\rc", LabelRule::kVerbatim), "a b c");
}

Dataset dataset_of(std::initializer_list<std::pair<std::string, std::string>> splits_by_class) {
  Dataset dataset;
  dataset.image_dir = "d";
  for (const auto& [folder, splits] : splits_by_class) {
    for (std::size_t i = 0; i < splits.size(); ++i) {
      Example example;
      example.folder = folder;
      example.file = std::to_string(i) + ".jpg";
      example.path = "d/" + folder + "/" + example.file;
      example.label = static_cast<std::int32_t>(dataset.classes.size());
      example.split = splits[i] == 't'   ? Split::kTraining
                      : splits[i] == 'v' ? Split::kValidation
                                         : Split::kTesting;
      dataset.examples.push_back(std::move(example));
    }
    dataset.classes.push_back({folder, folder});
  }
  return dataset;
}

TEST(Dataset, CountsAndLists) {
  const Dataset dataset = dataset_of({{"a", "ttvx"}, {"b", "tx"}});
  EXPECT_EQ(dataset.count(Split::kTraining), 3U);
  EXPECT_EQ(dataset.count(Split::kTesting), 2U);
  EXPECT_EQ(dataset.count(Split::kValidation), 1U);
  EXPECT_THAT(dataset.of(0, Split::kTraining), ElementsAre(0, 1));
  EXPECT_THAT(dataset.of(1, Split::kTesting), ElementsAre(5));
  EXPECT_THAT(dataset.of(1, Split::kValidation), ElementsAre());
}

TEST(CheckClasses, NamesBothFoldersOfOneLabel) {
  Dataset dataset;
  dataset.image_dir = "d";
  dataset.classes = {{"Rose!", "rose "}, {"rose?", "rose "}};
  const auto clash = check_classes(dataset);
  ASSERT_FALSE(clash.ok());
  EXPECT_EQ(clash.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(clash.error().message, HasSubstr("'Rose!'"));
  EXPECT_THAT(clash.error().message, HasSubstr("'rose?'"));
  EXPECT_THAT(clash.error().message, HasSubstr("--labels verbatim"));
}

TEST(DropExamples, MovesThemToSkippedAndRelabels) {
  Dataset dataset = dataset_of({{"a", "tt"}, {"b", "tv"}, {"c", "txt"}});
  add_size_warnings(dataset);
  const auto dropped = drop_examples(
      dataset, {{"d/b/0.jpg", "broken"}, {"d/b/1.jpg", "empty"}, {"d/c/0.jpg", "huge"}});
  ASSERT_TRUE(dropped.ok()) << dropped.error().message;
  ASSERT_EQ(dataset.classes.size(), 2U);
  EXPECT_EQ(dataset.classes[1].folder, "c");
  std::vector<std::string> paths;
  for (const Example& e : dataset.examples) {
    paths.push_back(e.path);
    EXPECT_EQ(dataset.classes[static_cast<std::size_t>(e.label)].folder, e.folder);
  }
  EXPECT_THAT(paths, ElementsAre("d/a/0.jpg", "d/a/1.jpg", "d/c/1.jpg", "d/c/2.jpg"));
  ASSERT_EQ(dataset.skipped.size(), 3U);
  EXPECT_EQ(dataset.skipped[2].reason, "huge");
  EXPECT_THAT(dataset.warnings, ::testing::Contains(HasSubstr("b: none of its photos")));
  EXPECT_THAT(dataset.warnings, ::testing::Contains(HasSubstr("it has 2")).Times(2));
  EXPECT_THAT(dataset.warnings, ::testing::Not(::testing::Contains(HasSubstr("it has 3"))));
  EXPECT_THAT(dataset.warnings, ::testing::Contains(HasSubstr("validation set")));
}

TEST(DropExamples, NothingBadIsStillChecked) {
  Dataset good = dataset_of({{"a", "t"}, {"b", "t"}});
  EXPECT_TRUE(drop_examples(good, {}).ok());
  EXPECT_EQ(good.examples.size(), 2U);
}

TEST(DropExamples, NeedsTwoClassesToTrainOn) {
  Dataset one = dataset_of({{"a", "ttt"}, {"b", "vx"}});
  const auto only = drop_examples(one, {});
  ASSERT_FALSE(only.ok());
  EXPECT_EQ(only.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(only.error().message, HasSubstr("only one class"));
  EXPECT_THAT(only.error().message, HasSubstr("add photos"));
  Dataset all_bad = dataset_of({{"a", "t"}, {"b", "t"}});
  const auto none = drop_examples(all_bad, {{"d/a/0.jpg", "empty"}, {"d/b/0.jpg", "x"}});
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message,
              HasSubstr("2 could not be used, the first is d/a/0.jpg (empty)"));
  EXPECT_TRUE(all_bad.examples.empty());
}

}  // namespace
}  // namespace graft
