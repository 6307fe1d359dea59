#include "fetch/archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/test_directory.h"
#include "fetch/test_archive.h"

namespace graft {
namespace {

namespace fs = std::filesystem;

void put(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::size_t entries_of(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), {}));
}

bool is_graph(std::string_view name) {
  return name.ends_with("frozen_graph.pb");
}

TEST(ReadArchiveEntry, FindsTheFileInEveryFormat) {
  using Format = Evil::Format;
  for (const Format format :
       {Format::kTarGz, Format::kTar, Format::kTarBz2, Format::kZip, Format::kPaxXz}) {
    const TestDirectory dir;
    const std::string content(100000, 'g');
    {
      Evil archive(dir / "a", format);
      archive.folder("mobilenet/").file("./mobilenet/labels.txt", "x");
      archive.file("mobilenet/frozen_graph.pb", content).file("mobilenet/other", "y");
    }
    const auto bytes = read_archive_entry(dir / "a", is_graph);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    EXPECT_EQ(as_text(*bytes), content);
    const auto named = read_archive_entry(
        dir / "a", [](std::string_view name) { return name == "mobilenet/labels.txt"; });
    ASSERT_TRUE(named.ok()) << named.error().message;
    EXPECT_EQ(as_text(*named), "x");
  }
}

TEST(LooksLikeArchive, GoesByContent) {
  const TestDirectory dir;
  using Format = Evil::Format;
  for (const Format format : {Format::kTarGz, Format::kTar, Format::kZip, Format::kPaxXz}) {
    Evil(dir / "no_suffix", format).file("a", "x");
    EXPECT_TRUE(looks_like_archive(dir / "no_suffix"));
  }
  for (const std::string content : {"", "<html>", "BZ", "\x1f", "\x0a\x05input"}) {
    put(dir / "a.tgz", content);
    EXPECT_FALSE(looks_like_archive(dir / "a.tgz")) << content;
  }
  EXPECT_FALSE(looks_like_archive(dir / "none"));
  EXPECT_FALSE(looks_like_archive(dir.path()));
}

TEST(ReadArchiveEntry, SaysWhatIsThereInstead) {
  const TestDirectory dir;
  Evil(dir / "a.tgz").file("quantized_graph.pb", "x");
  const auto missing = read_archive_entry(dir / "a.tgz", is_graph);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find("quantized_graph.pb"), std::string::npos);
  EXPECT_EQ(read_archive_entry(dir / "none", is_graph).error().kind, ErrorKind::kNotFound);
}

TEST(ReadArchiveEntry, NeverOffersLinksDevicesOrUnsafeNames) {
  const TestDirectory dir;
  {
    Evil archive(dir / "a.tgz");
    archive.symlink("a/frozen_graph.pb", "/etc/passwd");
    archive.hardlink("b/frozen_graph.pb", "/etc/passwd");
    archive.file("../frozen_graph.pb", "evil").file("/frozen_graph.pb", "evil");
    archive.special("c/frozen_graph.pb", AE_IFCHR).special("d/frozen_graph.pb", AE_IFIFO);
    archive.folder("e/frozen_graph.pb");
    archive.file("f/frozen_graph.pb", "good");
  }
  const auto bytes = read_archive_entry(dir / "a.tgz", is_graph);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  EXPECT_EQ(as_text(*bytes), "good");
}

TEST(ReadArchiveEntry, RefusesTwoCandidates) {
  const TestDirectory dir;
  Evil(dir / "a.tgz").file("frozen_graph.pb", "1").file("frozen_graph.pb", "2");
  EXPECT_EQ(read_archive_entry(dir / "a.tgz", is_graph).error().kind, ErrorKind::kCorrupt);
}

TEST(ReadArchiveEntry, StopsABombBeforeItIsRead) {
  const TestDirectory dir;
  const std::string zeros(3000000, '\0');
  Evil(dir / "a.tgz").file("bomb", zeros).file("frozen_graph.pb", "x");
  EXPECT_LT(fs::file_size(dir / "a.tgz"), 10000U);
  ArchiveLimits limits;
  limits.max_total_bytes = 1000000;
  const auto skipped = read_archive_entry(dir / "a.tgz", is_graph, limits);
  ASSERT_FALSE(skipped.ok());
  EXPECT_EQ(skipped.error().kind, ErrorKind::kUnsupported);
  const auto taken = read_archive_entry(
      dir / "a.tgz", [](std::string_view name) { return name == "bomb"; }, limits);
  EXPECT_EQ(taken.error().kind, ErrorKind::kUnsupported);
  limits.max_total_bytes = 10000000;
  EXPECT_TRUE(read_archive_entry(dir / "a.tgz", is_graph, limits).ok());
}

TEST(ReadArchiveEntry, CapsTheNumberOfEntries) {
  const TestDirectory dir;
  {
    Evil archive(dir / "a.tgz");
    for (int i = 0; i < 101; ++i) archive.file("f" + std::to_string(i), "");
  }
  ArchiveLimits limits;
  limits.max_entries = 100;
  EXPECT_EQ(read_archive_entry(dir / "a.tgz", is_graph, limits).error().kind,
            ErrorKind::kUnsupported);
}

TEST(ReadArchiveEntry, EveryTruncationAndManyFlipsAreErrorsOrTheTruth) {
  const TestDirectory dir;
  std::string content;
  for (int i = 0; i < 3000; ++i) content += static_cast<char>(i * i >> 3);
  Evil(dir / "a.tgz").file("frozen_graph.pb", content);
  const std::string whole = contents_of(dir / "a.tgz");
  const auto check = [&](std::string_view bytes) {
    put(dir / "b.tgz", bytes);
    const auto result = read_archive_entry(dir / "b.tgz", is_graph);
    // A flip inside the gzip header's unchecked fields may leave the content intact.
    if (result.ok()) {
      EXPECT_TRUE(as_text(*result) == content);
    }
    return result.ok();
  };
  for (std::size_t length = 0; length < whole.size() - 20; length += 7) {
    EXPECT_FALSE(check(whole.substr(0, length))) << length;
  }
  for (std::size_t at = 0; at < whole.size(); at += 5) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x20);
    check(flipped);
  }
}

// A zip's local header may claim another size than the stream behind it has: whoever passes over
// the entry by that size looks for the next one at another place than whoever reads it.
TEST(ReadArchiveEntry, FindsWhatUnpackingFinds) {
  constexpr std::size_t kPackedSizeAt = 18, kNameAt = 30;  // PKWARE's APPNOTE 4.3.7
  for (const unsigned char claimed : {1, 20, 60, 200}) {
    const TestDirectory dir;
    Evil(dir / "a.zip", Evil::Format::kZip).file("a", "first").file("b", "second");
    std::string bytes = contents_of(dir / "a.zip");
    ASSERT_EQ(bytes.substr(kNameAt, 1), "a");
    bytes[kPackedSizeAt] = static_cast<char>(claimed);
    put(dir / "a.zip", bytes);
    const auto unpacked = unpack_archive(dir / "a.zip", dir / "out");
    const auto read =
        read_archive_entry(dir / "a.zip", [](std::string_view name) { return name == "b"; });
    ASSERT_EQ(read.ok(), unpacked.ok()) << int{claimed};
    if (read.ok()) {
      EXPECT_EQ(as_text(*read), contents_of(dir / "out/b")) << int{claimed};
    }
  }
}

TEST(UnpackArchive, MakesTheFolderWithOrdinaryPermissions) {
  const TestDirectory dir;
  {
    Evil archive(dir / "a.tgz");
    archive.folder("./").folder("flower_photos/").file("flower_photos/daisy/1.jpg", "one", 04755);
    archive.file("flower_photos/\xE5\x90\x91\xE6\x97\xA5\xE8\x91\xB5/2.jpg", "two", 0000);
    archive.file("flower_photos/LICENSE.txt", "text");
  }
  const mode_t mask = umask(022);
  const auto unpacked = unpack_archive(dir / "a.tgz", dir / "new/place");
  umask(mask);
  ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
  const std::string top = dir / "new/place/flower_photos";
  EXPECT_EQ(contents_of(top + "/daisy/1.jpg"), "one");
  EXPECT_EQ(contents_of(top + "/\xE5\x90\x91\xE6\x97\xA5\xE8\x91\xB5/2.jpg"), "two");
  EXPECT_EQ(entries_of(dir / "new/place"), 1U);
  struct stat status {};
  ASSERT_EQ(stat((top + "/daisy/1.jpg").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
}

TEST(UnpackArchive, RefusesWholeWhatIsEvilInPart) {
  const auto refuse = [](const std::function<void(Evil&)>& add) {
    const TestDirectory dir;
    {
      Evil archive(dir / "a.tgz");
      archive.file("good/1.jpg", "x");
      add(archive);
    }
    const auto result = unpack_archive(dir / "a.tgz", dir / "in/out");
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt) << result.error().message;
    EXPECT_EQ(entries_of(dir / "in/out"), 0U) << result.error().message;
    EXPECT_EQ(entries_of(dir / "in"), 1U);
    EXPECT_EQ(entries_of(dir.path()), 2U);
  };
  refuse([](Evil& a) { a.file("../up.jpg", "x"); });
  refuse([](Evil& a) { a.file("a/../../up.jpg", "x"); });
  refuse([](Evil& a) { a.file("/tmp/graft_absolute.jpg", "x"); });
  refuse([](Evil& a) { a.symlink("a", "/etc").file("a/passwd", "x"); });
  refuse([](Evil& a) { a.symlink("a", ".."); });
  refuse([](Evil& a) { a.hardlink("a", "good/1.jpg"); });
  refuse([](Evil& a) { a.hardlink("a", "/etc/passwd"); });
  refuse([](Evil& a) { a.special("a", AE_IFCHR); });
  refuse([](Evil& a) { a.special("a", AE_IFBLK); });
  refuse([](Evil& a) { a.special("a", AE_IFIFO); });
  refuse([](Evil& a) { a.file("good/1.jpg", "y"); });
  refuse([](Evil& a) { a.file("good/./1.jpg", "y"); });
  refuse([](Evil& a) { a.folder(".."); });
  EXPECT_FALSE(fs::exists("/tmp/graft_absolute.jpg"));
}

TEST(UnpackArchive, AFileCannotAlsoBeAFolder) {
  const TestDirectory dir;
  Evil(dir / "a.tgz").file("a", "x").file("a/b", "y");
  EXPECT_FALSE(unpack_archive(dir / "a.tgz", dir / "out").ok());
  EXPECT_EQ(entries_of(dir / "out"), 0U);
}

TEST(UnpackArchive, NeverOverwrites) {
  const TestDirectory dir;
  Evil(dir / "a.tgz").file("a/1", "new").file("b/1", "new").file("c", "new");
  fs::create_directories(dir / "out/b");
  put(dir / "out/b/1", "mine");
  put(dir / "out/z", "mine");
  const auto result = unpack_archive(dir / "a.tgz", dir / "out");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(contents_of(dir / "out/b/1"), "mine");
  EXPECT_EQ(entries_of(dir / "out"), 2U);
  fs::remove_all(dir / "out/b");
  EXPECT_TRUE(unpack_archive(dir / "a.tgz", dir / "out").ok());
  EXPECT_EQ(contents_of(dir / "out/b/1"), "new");
  EXPECT_EQ(contents_of(dir / "out/z"), "mine");
  EXPECT_EQ(entries_of(dir / "out"), 4U);
}

TEST(UnpackArchive, LeavesNothingOfABombOrADamagedArchive) {
  const TestDirectory dir;
  Evil(dir / "bomb.tgz").file("a", std::string(3000000, '\0'));
  ArchiveLimits limits;
  limits.max_total_bytes = 1000000;
  EXPECT_EQ(unpack_archive(dir / "bomb.tgz", dir / "out", limits).error().kind,
            ErrorKind::kUnsupported);
  EXPECT_EQ(entries_of(dir / "out"), 0U);

  Evil(dir / "good.tar", Evil::Format::kTar).file("a", std::string(100000, 'a')).file("b", "b");
  put(dir / "cut.tar", contents_of(dir / "good.tar").substr(0, 60000));
  EXPECT_EQ(unpack_archive(dir / "cut.tar", dir / "out").error().kind, ErrorKind::kCorrupt);
  put(dir / "text.tgz", "<!DOCTYPE html>");
  EXPECT_EQ(unpack_archive(dir / "text.tgz", dir / "out").error().kind, ErrorKind::kCorrupt);
  put(dir / "empty.tgz", "");
  EXPECT_EQ(unpack_archive(dir / "empty.tgz", dir / "out").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(entries_of(dir / "out"), 0U);
}

TEST(UnpackArchive, StopsOnRequest) {
  const TestDirectory dir;
  Evil(dir / "a.tgz").file("a", "x");
  std::stop_source source;
  source.request_stop();
  const auto result = unpack_archive(dir / "a.tgz", dir / "out", {}, source.get_token());
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(entries_of(dir / "out"), 0U);
}

}  // namespace
}  // namespace graft
