#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/test_directory.h"
#include "data/dataset.h"
#include "data/text_cache.h"

namespace graft {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Scan : public ::testing::Test {
 protected:
  void put(const std::string& name, std::string_view content = "x") const {
    fs::create_directories(parent_directory(dir_ / name));
    std::ofstream(dir_ / name, std::ios::binary) << content;
  }
  Result<Dataset> scan(SplitKey key = SplitKey::kPath) const {
    ScanOptions options;
    options.image_dir = dir_.path();
    options.split.key = key;
    return scan_image_folder(options);
  }
  Dataset scanned() const {
    auto dataset = scan();
    EXPECT_TRUE(dataset.ok()) << dataset.error().message;
    return dataset.ok() ? std::move(*dataset) : Dataset{};
  }
  static std::vector<std::string> names(const Dataset& dataset) {
    std::vector<std::string> all;
    for (const Example& e : dataset.examples) all.push_back(e.folder + "/" + e.file);
    return all;
  }
  std::string reason_of(const Dataset& dataset, const std::string& name) const {
    for (const Skipped& s : dataset.skipped) {
      if (s.path == dir_ / name) return s.reason;
    }
    return "";
  }
  const TestDirectory dir_;
};

TEST_F(Scan, SortsByBytesAndFillsEveryField) {
  put("b/2.jpg");
  put("b/10.JPG");
  put("C/1.jpeg");
  put("a/x.PNG");
  const Dataset dataset = scanned();
  EXPECT_THAT(names(dataset), ElementsAre("C/1.jpeg", "a/x.PNG", "b/10.JPG", "b/2.jpg"));
  ASSERT_EQ(dataset.classes.size(), 3U);
  EXPECT_EQ(dataset.classes[0].folder, "C");
  SplitOptions split;
  for (const Example& e : dataset.examples) {
    EXPECT_EQ(e.path, dir_.path() + "/" + e.folder + "/" + e.file);
    EXPECT_EQ(dataset.classes[static_cast<std::size_t>(e.label)].folder, e.folder);
    EXPECT_EQ(e.split, split_of(e.path, split));
  }
  EXPECT_THAT(dataset.skipped, IsEmpty());
}

TEST_F(Scan, BAndbWouldClash) {
  put("b/1.jpg");
  put("B/1.jpg");
  const auto clash = scan();
  ASSERT_FALSE(clash.ok());
  EXPECT_THAT(clash.error().message, HasSubstr("--labels verbatim"));
  ScanOptions options;
  options.image_dir = dir_.path();
  options.labels = LabelRule::kVerbatim;
  EXPECT_TRUE(scan_image_folder(options).ok());
}

TEST_F(Scan, MeasuringNeedsNeitherTwoClassesNorTwoLabels) {
  ScanOptions options;
  options.image_dir = dir_.path();
  options.for_training = false;
  EXPECT_FALSE(scan_image_folder(options).ok());
  put("b/1.jpg");
  const auto one = scan_image_folder(options);
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(one->examples.size(), 1U);
  put("B/1.jpg");
  const auto two = scan_image_folder(options);
  ASSERT_TRUE(two.ok()) << two.error().message;
  EXPECT_EQ(two->classes.size(), 2U);
}

TEST_F(Scan, KeepsTheSpellingOfTheFolder) {
  put("a/1.jpg");
  put("b/1.jpg");
  const auto path_with = [&](const std::string& spelled) {
    ScanOptions options;
    options.image_dir = spelled;
    auto dataset = scan_image_folder(options);
    return dataset.ok() ? dataset->examples[0].path : dataset.error().message;
  };
  // As os.path.join does it.
  EXPECT_EQ(path_with(dir_.path() + "/"), dir_ / "a/1.jpg");
  EXPECT_EQ(path_with(dir_.path() + "//"), dir_.path() + "//a/1.jpg");
  EXPECT_EQ(path_with(dir_.path() + "/."), dir_.path() + "/./a/1.jpg");
}

TEST_F(Scan, RelativeKeysDoNotDependOnThePlace) {
  put("a/1.jpg");
  put("b/1.jpg");
  const auto dataset = scan(SplitKey::kRelative);
  ASSERT_TRUE(dataset.ok());
  for (const Example& e : dataset->examples) {
    EXPECT_EQ(e.split, split_of(e.folder + "/" + e.file, {}));
  }
}

TEST_F(Scan, TakesEveryPhotoExtensionInAnyCase) {
  for (const std::string e :
       {"jpg", "JPEG", "Png", "webp", "gif", "BMP", "tif", "TIFF", "heic", "HEIF"}) {
    put("a/x." + e);
  }
  put("b/1.jpg");
  EXPECT_EQ(scanned().examples.size(), 11U);
}

TEST_F(Scan, LooksIntoFilesOfOtherNames) {
  using std::string_view_literals::operator""sv;
  put("a/jpeg", "\xFF\xD8\xFF\xE0 ..."sv);
  put("a/png.txt", "\x89PNG\r\n\x1A\n..."sv);
  put("a/gif.", "GIF89a..."sv);
  put("a/bmp.x", "BM\x46\0\0\0\0\0\0\0..."sv);
  put("a/webp.x", "RIFF....WEBPVP8 "sv);
  put("a/tiff1.x", "II*\0..."sv);
  put("a/tiff2.x", "MM\0*..."sv);
  put("a/heic.x",
      "\0\0\0\x18"
      "ftypheic...."sv);
  put("b/1.jpg");
  put("b/notes.txt", "BMW is no bitmap"sv);
  put("b/movie.mp4",
      "\0\0\0\x18"
      "ftypisom...."sv);
  put("b/empty", "");
  const Dataset dataset = scanned();
  EXPECT_EQ(dataset.examples.size(), 9U);
  EXPECT_EQ(dataset.skipped.size(), 3U);
  EXPECT_EQ(reason_of(dataset, "b/notes.txt"), "not a photo");
  EXPECT_EQ(reason_of(dataset, "b/movie.mp4"), "not a photo");
  EXPECT_EQ(reason_of(dataset, "b/empty"), "not a photo");
}

TEST_F(Scan, IgnoresHiddenFilesAndFolders) {
  put("a/1.jpg");
  put("a/._1.jpg");
  put("a/.DS_Store");
  put("b/1.jpg");
  put(".cache/1.jpg");
  put("LICENSE.txt");
  const Dataset dataset = scanned();
  EXPECT_THAT(names(dataset), ElementsAre("a/1.jpg", "b/1.jpg"));
  EXPECT_THAT(dataset.skipped, IsEmpty());
}

TEST_F(Scan, NamesWhatItPassesOver) {
  put("a/1.jpg");
  put("a/more/2.jpg");
  put("b/1.jpg");
  put("beside.jpg");
  const Dataset dataset = scanned();
  EXPECT_EQ(dataset.examples.size(), 2U);
  EXPECT_THAT(reason_of(dataset, "a/more"), HasSubstr("a folder inside a class folder"));
  EXPECT_THAT(reason_of(dataset, "beside.jpg"), HasSubstr("beside the class folders"));
}

TEST_F(Scan, NeverBlocksOnAndNeverOpensSpecialFiles) {
  put("a/1.jpg");
  put("b/1.jpg");
  ASSERT_EQ(mkfifo((dir_ / "a/fifo.jpg").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((dir_ / "a/fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(mknod((dir_ / "a/s.jpg").c_str(), S_IFSOCK | 0600, 0), 0);
  fs::create_symlink("/dev/zero", dir_ / "a/device.jpg");
  fs::create_symlink("fifo", dir_ / "a/link_to_fifo");
  const Dataset dataset = scanned();
  EXPECT_EQ(dataset.examples.size(), 2U);
  for (const std::string name :
       {"a/fifo.jpg", "a/fifo", "fifo", "a/s.jpg", "a/device.jpg", "a/link_to_fifo"}) {
    EXPECT_THAT(reason_of(dataset, name), HasSubstr("pipe, socket or device")) << name;
  }
}

TEST_F(Scan, FollowsLinksButNotInCircles) {
  put("a/1.jpg");
  put("b/1.jpg");
  put("elsewhere.d/real.jpg");
  fs::rename(dir_ / "elsewhere.d", dir_ / ".elsewhere");
  fs::create_symlink("../.elsewhere/real.jpg", dir_ / "a/linked.jpg");
  fs::create_symlink(".elsewhere", dir_ / "c");
  fs::create_symlink("loop.jpg", dir_ / "a/loop.jpg");
  fs::create_symlink("nowhere.jpg", dir_ / "a/dangling.jpg");
  fs::create_symlink("..", dir_ / "a/up");
  fs::create_symlink("loop", dir_ / "loop");
  fs::create_symlink(".", dir_ / "self");
  const Dataset dataset = scanned();
  EXPECT_THAT(names(dataset), ElementsAre("a/1.jpg", "a/linked.jpg", "b/1.jpg", "c/real.jpg"));
  EXPECT_THAT(reason_of(dataset, "a/loop.jpg"), HasSubstr("leads back"));
  EXPECT_THAT(reason_of(dataset, "a/dangling.jpg"), HasSubstr("not there"));
  EXPECT_THAT(reason_of(dataset, "a/up"), HasSubstr("a folder inside"));
  EXPECT_THAT(reason_of(dataset, "loop"), HasSubstr("leads back"));
  EXPECT_THAT(dataset.warnings, Contains(HasSubstr("self: No files found")));
}

TEST_F(Scan, TakesNamesLiterally) {
  const std::string long_name = std::string(251, 'n') + ".jpg";
  for (const std::string name :
       {"*.jpg", "?[\\].jpg", "a\nb.jpg", "\xFF\xFE.jpg", " .jpg", "\xE8\x8A\xB1.jpg", "-rf.jpg"}) {
    put("a/" + name);
  }
  put("a/" + long_name);
  put("\xE7\x8E\xAB\xE7\x91\xB0/1.jpg");
  put("\xE9\x83\x81\xE9\x87\x91/1.jpg");
  put("\xFF\n/1.jpg");
  const Dataset dataset = scanned();
  EXPECT_EQ(dataset.examples.size(), 11U);
  EXPECT_THAT(dataset.skipped, IsEmpty());
  EXPECT_THAT(names(dataset), Contains("a/a\nb.jpg"));
  ASSERT_EQ(dataset.classes.size(), 4U);  // two Chinese names do not become one
  for (const std::string& warning : dataset.warnings) {
    EXPECT_EQ(warning.find('\n'), std::string::npos);
  }
}

TEST_F(Scan, LeavesOutFoldersWithoutPhotos) {
  put("a/1.jpg");
  put("b/1.jpg");
  put("docs/readme.txt");
  fs::create_directory(dir_ / "empty");
  const Dataset dataset = scanned();
  EXPECT_EQ(dataset.classes.size(), 2U);
  EXPECT_THAT(dataset.warnings, Contains(HasSubstr("docs: No files found")));
  EXPECT_THAT(dataset.warnings, Contains(HasSubstr("empty: No files found")));
}

TEST_F(Scan, WarnsOfSmallClassesAsTheOriginalDoes) {
  for (int i = 0; i < 19; ++i) put("few/" + std::to_string(i) + ".jpg");
  for (int i = 0; i < 20; ++i) put("enough/" + std::to_string(i) + ".jpg");
  const Dataset dataset = scanned();
  EXPECT_THAT(
      dataset.warnings,
      Contains(AllOf(HasSubstr("few: Folder has less than 20 images, which may cause issues"),
                     HasSubstr("it has 19"))));
  EXPECT_THAT(dataset.warnings, ::testing::Not(Contains(HasSubstr("enough: Folder has"))));
}

void expect_error(const Result<Dataset>& result, ErrorKind kind, std::string_view part) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_THAT(result.error().message, HasSubstr(part));
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
}

Result<Dataset> scan_path(const std::string& path) {
  ScanOptions options;
  options.image_dir = path;
  return scan_image_folder(options);
}

TEST_F(Scan, TeachesWhatToGive) {
  expect_error(scan(), ErrorKind::kInvalidArgument, "it has no folders");
  put("1.jpg");
  put("2.jpg");
  expect_error(scan(), ErrorKind::kInvalidArgument, "holds 2 photos but no class folders");
  put("a/1.jpg");
  expect_error(scan(), ErrorKind::kInvalidArgument, "Only one valid folder of images found ('a')");
  put("b/1.jpg");
  EXPECT_TRUE(scan().ok());
  expect_error(scan_path(dir_ / "1.jpg"), ErrorKind::kInvalidArgument, "is a file, not a folder");
  expect_error(scan_path(""), ErrorKind::kInvalidArgument, "--image_dir: empty");
}

TEST_F(Scan, FindsTheFolderThatWasMeant) {
  put("tf_files/flower_photos/daisy/1.jpg");
  put("tf_files/flower_photos/roses/1.jpg");
  put("tf_files/models/readme.txt");
  expect_error(scan_path(dir_ / "tf_files"), ErrorKind::kInvalidArgument,
               "did you mean " + dir_.path() + "/tf_files/flower_photos?");
  expect_error(scan_path(dir_ / "tf_files/flower_photo"), ErrorKind::kNotFound,
               "did you mean " + dir_.path() + "/tf_files/flower_photos?");
  expect_error(scan_path(dir_ / "tf_file/flower_photos/"), ErrorKind::kNotFound,
               "did you mean " + dir_.path() + "/tf_files?");
  expect_error(scan_path(dir_ / "x/y/z"), ErrorKind::kNotFound,
               "the nearest that exists is " + dir_.path());
}

TEST_F(Scan, RefusesImpossiblePercentages) {
  put("a/1.jpg");
  put("b/1.jpg");
  ScanOptions options;
  options.image_dir = dir_.path();
  options.split.testing_percentage = 70;
  options.split.validation_percentage = 40;
  EXPECT_EQ(scan_image_folder(options).error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(Scan, NamesFoldersThatItMayNotRead) {
  put("a/1.jpg");
  put("b/1.jpg");
  put("locked/1.jpg");
  put("a/locked", "?");
  fs::permissions(dir_.path(), fs::perms(0777));
  fs::permissions(dir_ / "b", fs::perms(0777));
  fs::permissions(dir_ / "locked", fs::perms::none);
  fs::permissions(dir_ / "a/locked", fs::perms::none);
  const pid_t child = fork();
  if (child == 0) {
    // Root may read everything: be nobody.
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(2);
    const auto dataset = scan();
    const bool right = dataset.ok() && dataset->examples.size() == 2 &&
                       reason_of(*dataset, "locked").find("Permission denied") < 100 &&
                       reason_of(*dataset, "a/locked").find("Permission denied") < 100;
    // One class alone fails, and the error names the folder that may have been the other.
    fs::remove_all(dir_ / "b");
    const auto one = scan();
    const bool named = !one.ok() &&
                       one.error().message.find(dir_ / "locked") != std::string::npos &&
                       one.error().message.find("Permission denied") != std::string::npos;
    _exit(right && named ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  fs::permissions(dir_ / "locked", fs::perms::owner_all);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Scan, TextCachesStandInForPhotos) {
  const std::string arch = "mobilenet_0.50_224";
  put("daisy/1.jpg_" + arch + ".txt");
  put("daisy/1.jpg_mobilenet_1.0_128.txt");
  put("daisy/10.jpg_" + arch + ".txt");
  put("roses/_" + arch + ".txt");  // a cache of no photo
  put("roses/2.jpg_" + arch + ".txt");
  put("features.cache");
  ScanOptions options;
  options.image_dir = "tf_files/flower_photos";
  const auto dataset = scan_text_caches(dir_.path(), arch, options);
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_THAT(names(*dataset), ElementsAre("daisy/1.jpg", "daisy/10.jpg", "roses/2.jpg"));
  EXPECT_EQ(dataset->examples[0].path, "tf_files/flower_photos/daisy/1.jpg");
  EXPECT_EQ(dataset->examples[0].split, split_of("tf_files/flower_photos/daisy/1.jpg", {}));
  EXPECT_EQ(text_cache_path(dir_.path(), "daisy", "1.jpg", arch),
            dir_ / ("daisy/1.jpg_" + arch + ".txt"));

  const auto other = scan_text_caches(dir_.path(), "inception_v3", options);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(other.error().message, HasSubstr("mobilenet_0.50_224, mobilenet_1.0_128"));
  EXPECT_EQ(scan_text_caches(dir_ / "none", arch, options).error().kind, ErrorKind::kNotFound);
}

// 1,000 caches that TensorFlow wrote; the counts are Python's (see dataset_test.cc).
TEST(ScanShared, SplitsTensorFlowsCachesAsPythonDoes) {
  const char* const named = std::getenv("GRAFT_SHARED");
  const std::string shared = named != nullptr ? named : GRAFT_SOURCE_DIR "/../shared";
  if (!is_directory(shared + "/bottlenecks")) {
    GTEST_SKIP() << "needs the shared bottlenecks, " << shared << " is not there";
  }
  ScanOptions options;
  options.image_dir = "tf_files/flower_photos";
  auto dataset = scan_text_caches(shared + "/bottlenecks", "mobilenet_0.50_224", options);
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->count(Split::kTraining), 792U);
  EXPECT_EQ(dataset->count(Split::kTesting), 104U);
  EXPECT_EQ(dataset->count(Split::kValidation), 104U);
  options.split.key = SplitKey::kRelative;
  options.split.seed = 7;
  dataset = scan_text_caches(shared + "/bottlenecks", "mobilenet_0.50_224", options);
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->count(Split::kTraining), 813U);
  EXPECT_EQ(dataset->count(Split::kTesting), 90U);
  EXPECT_EQ(dataset->count(Split::kValidation), 97U);
  for (const Example& example : dataset->examples) {
    const auto values = read_text_cache(text_cache_path(shared + "/bottlenecks", example.folder,
                                                        example.file, "mobilenet_0.50_224"),
                                        1001);
    ASSERT_TRUE(values.ok()) << values.error().message;
  }
}

}  // namespace
}  // namespace graft
