#include "cli/photos.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace graft {
namespace {

using testing::ElementsAre;

class PhotosTest : public testing::Test {
 protected:
  PhotosTest() {
    std::string pattern = testing::TempDir() + "graft_photos_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~PhotosTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  std::string put(const std::string& name, std::string_view content) {
    std::string path = join_path(root_, name);
    EXPECT_TRUE(write_atomically(path, content).ok());
    return path;
  }
  std::vector<std::string> paths(const PhotoList& list) const {
    std::vector<std::string> names;
    for (const auto& photo : list.photos) {
      names.push_back(photo.path.starts_with(root_) ? photo.path.substr(root_.size() + 1)
                                                    : photo.path);
    }
    return names;
  }
  Result<PhotoList> collect(std::vector<std::string> arguments, const std::string& list = "") {
    return collect_photos(arguments, list);
  }

  std::string root_;
};

constexpr std::string_view kPngHead = "\x89PNG\r\n\x1a\n";

TEST_F(PhotosTest, AFolderIsWalkedInByteOrder) {
  put("b/2.jpg", "x");
  put("b/1.JPEG", "x");
  put("a.png", "x");
  put("readme.txt", "words");
  put("no_extension", kPngHead);
  put(".hidden.jpg", "x");
  put("._b.jpg", "x");
  put(".git/c.jpg", "x");
  const auto list = collect({root_});
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(paths(*list), ElementsAre("a.png", "no_extension", "b/1.JPEG", "b/2.jpg"));
  EXPECT_EQ(list->passed_over, 1U);
  EXPECT_TRUE(list->many);
}

TEST_F(PhotosTest, NamesAreLiteral) {
  const std::string odd = put("[a] *?\n\xff.jpg", "x");
  const auto list = collect({odd});
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->photos.size(), 1U);
  EXPECT_EQ(list->photos[0].path, odd);
  EXPECT_FALSE(list->many);
}

TEST_F(PhotosTest, LoopsAndPipesDoNotBlock) {
  put("a.jpg", "x");
  ASSERT_EQ(symlink(root_.c_str(), join_path(root_, "loop").c_str()), 0);
  ASSERT_EQ(symlink("nowhere.jpg", join_path(root_, "dangling.jpg").c_str()), 0);
  ASSERT_EQ(mkfifo(join_path(root_, "pipe.jpg").c_str(), 0600), 0);
  const auto list = collect({root_});
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(paths(*list), ElementsAre("a.jpg"));
}

TEST_F(PhotosTest, AListFileHasOnePathALine) {
  const std::string file = put("list.txt", "a.jpg\n\nb c.jpg\r\n");
  const auto list = collect({}, file);
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(paths(*list), ElementsAre("a.jpg", "b c.jpg"));
  EXPECT_TRUE(list->many);
  EXPECT_EQ(collect({}, join_path(root_, "missing.txt")).error().kind, ErrorKind::kNotFound);
}

TEST_F(PhotosTest, NothingOrStandardInputTwiceIsAMistake) {
  EXPECT_EQ(collect({}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(collect({"-", "-"}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(collect({"-"}, "-").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(PhotosTest, AnyPhotoIsTheFirstOfTheFirstClass) {
  EXPECT_EQ(any_photo(root_), "");
  put("roses/1.jpg", "x");
  put("daisy/b.jpg", "x");
  put("daisy/a.jpg", "x");
  put("daisy/LICENSE.txt", "x");
  put(".x/a.jpg", "x");
  EXPECT_EQ(any_photo(root_), join_path(root_, "daisy/a.jpg"));
}

TEST_F(PhotosTest, NamesWhatHoldsNoPhoto) {
  put("notes/a.txt", "words");
  const auto none = collect({root_});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(none.error().message,
            root_ +
                ": no photo in it (1 files that are no photos): name a photo, or a folder that "
                "has some");
  const auto empty_list = collect({}, put("list.txt", "\n\n"));
  ASSERT_FALSE(empty_list.ok());
  EXPECT_EQ(empty_list.error().kind, ErrorKind::kInvalidArgument);
  const auto no_name = collect({"a.jpg", ""});
  ASSERT_FALSE(no_name.ok());
  EXPECT_EQ(no_name.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace graft
