#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/test_directory.h"

namespace graft {
namespace {

namespace fs = std::filesystem;

void put(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t entries_of(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), {}));
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

// Runs `body` in a child without root's power over permissions; its answer is the exit status.
int as_nobody(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534)))
      _exit(99);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST(ReadFile, ReturnsExactBytesIncludingZeros) {
  const TestDirectory dir;
  std::string content("a\0b\n\xff", 5);
  put(dir / "x", content);
  Bytes bytes;
  ASSERT_TRUE(read_file(dir / "x", bytes).ok());
  EXPECT_EQ(as_text(bytes), content);
  EXPECT_EQ(*read_text_file(dir / "x"), content);
}

TEST(ReadFile, KeepsCapacityBetweenCalls) {
  const TestDirectory dir;
  put(dir / "large", std::string(100000, 'x'));
  put(dir / "small", "y");
  Bytes bytes;
  ASSERT_TRUE(read_file(dir / "large", bytes).ok());
  const std::byte* const buffer = bytes.data();
  ASSERT_TRUE(read_file(dir / "small", bytes).ok());
  EXPECT_EQ(bytes.size(), 1U);
  EXPECT_EQ(bytes.data(), buffer);
  EXPECT_GE(bytes.capacity(), 100000U);
}

TEST(ReadFile, EmptyFileIsEmpty) {
  const TestDirectory dir;
  put(dir / "empty", "");
  Bytes bytes(10);
  ASSERT_TRUE(read_file(dir / "empty", bytes).ok());
  EXPECT_TRUE(bytes.empty());
  const auto mapped = MappedFile::open(dir / "empty");
  ASSERT_TRUE(mapped.ok());
  EXPECT_TRUE(mapped->bytes().empty());
}

TEST(ReadFile, ReadsFilesWhoseSizeIsNotAnnounced) {
  // The kernel's own files say that they have zero bytes.
  const auto text = read_text_file("/proc/self/status");
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("Pid:"), std::string::npos);
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  const TestDirectory dir;
  put(dir / "x", std::string(101, 'x'));
  Bytes bytes;
  EXPECT_TRUE(read_file(dir / "x", bytes, 101).ok());
  const auto refused = read_file(dir / "x", bytes, 100);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(read_text_file("/proc/self/status", 16).error().kind, ErrorKind::kUnsupported);
}

TEST(ReadFile, NamesWhatIsMissing) {
  const TestDirectory dir;
  Bytes bytes;
  const auto missing = read_file(dir / "a\nb", bytes);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find("a\\nb"), std::string::npos);
  EXPECT_EQ(missing.error().message.find('\n'), std::string::npos);
}

TEST(ReadFile, NeverBlocksOnWhatIsNotARegularFile) {
  const TestDirectory dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(mknod((dir / "socket").c_str(), S_IFSOCK | 0600, 0), 0);

  Bytes bytes;
  for (const std::string& path : {dir / "fifo", dir / "socket", std::string("/dev/zero")}) {
    EXPECT_EQ(read_file(path, bytes).error().kind, ErrorKind::kUnsupported) << path;
    EXPECT_EQ(MappedFile::open(path).error().kind, ErrorKind::kUnsupported) << path;
  }
  EXPECT_EQ(read_file(dir.path(), bytes).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(MappedFile::open(dir.path()).error().kind, ErrorKind::kInvalidArgument);
}

TEST(ReadFile, SaysThatPermissionIsMissing) {
  const TestDirectory dir;
  put(dir / "secret", "x");
  fs::permissions(dir.path(), fs::perms::all);
  fs::permissions(dir / "secret", fs::perms::none);
  EXPECT_EQ(as_nobody([&] {
              Bytes bytes;
              const auto refused = read_file(dir / "secret", bytes);
              return !refused.ok() && refused.error().kind == ErrorKind::kIo ? 0 : 1;
            }),
            0);
}

TEST(MappedFile, ShowsTheContentAndMoves) {
  const TestDirectory dir;
  put(dir / "x", "hello");
  auto mapped = MappedFile::open(dir / "x");
  ASSERT_TRUE(mapped.ok());
  MappedFile moved = std::move(*mapped);
  EXPECT_EQ(as_text(moved.bytes()), "hello");
  // Replacing by rename leaves the mapping on the old file.
  ASSERT_TRUE(write_atomically(dir / "x", "other").ok());
  EXPECT_EQ(as_text(moved.bytes()), "hello");
}

TEST(WriteAtomically, CreatesParentsAndLeavesNothingElse) {
  const TestDirectory dir;
  ASSERT_TRUE(write_atomically(dir / "a/b//c/out.pb", "content").ok());
  EXPECT_EQ(get(dir / "a/b/c/out.pb"), "content");
  EXPECT_EQ(entries_of(dir / "a/b/c"), 1U);
}

TEST(WriteAtomically, KeepsTheModeOfAnOldFileAndTheUmaskForANewOne) {
  const TestDirectory dir;
  put(dir / "old", "1");
  fs::permissions(dir / "old", fs::perms(0640));
  ASSERT_TRUE(write_atomically(dir / "old", "2").ok());
  EXPECT_EQ(mode_of(dir / "old"), 0640U);
  const mode_t mask = umask(027);
  ASSERT_TRUE(write_atomically(dir / "new", "2").ok());
  umask(mask);
  EXPECT_EQ(mode_of(dir / "new"), 0640U);
}

TEST(WriteAtomically, AcceptsLiteralNamesUpTo255Bytes) {
  const TestDirectory dir;
  for (const std::string& name : {std::string(255, 'n'), std::string("*?[\\ \n\xff\xfe"),
                                  std::string("\xE5\x8A\xAA\xE5\x8A\x9B.pb")}) {
    ASSERT_TRUE(write_atomically(dir / name, "x").ok()) << name;
    EXPECT_EQ(get(dir / name), "x");
  }
  EXPECT_EQ(write_atomically(dir / std::string(256, 'n'), "x").error().kind, ErrorKind::kIo);
  EXPECT_EQ(entries_of(dir.path()), 3U);
}

TEST(WriteAtomically, WritesThroughLinks) {
  const TestDirectory dir;
  fs::create_directory(dir / "real");
  put(dir / "real/target", "old");
  fs::create_symlink("real/target", dir / "link");
  fs::create_symlink("link", dir / "second");
  fs::create_symlink("real/later", dir / "dangling");
  ASSERT_TRUE(write_atomically(dir / "second", "new").ok());
  ASSERT_TRUE(write_atomically(dir / "dangling", "made").ok());
  EXPECT_TRUE(fs::is_symlink(dir / "link"));
  EXPECT_TRUE(fs::is_symlink(dir / "second"));
  EXPECT_TRUE(fs::is_symlink(dir / "dangling"));
  EXPECT_EQ(get(dir / "real/target"), "new");
  EXPECT_EQ(get(dir / "real/later"), "made");
  fs::create_symlink("loop", dir / "loop");
  EXPECT_EQ(write_atomically(dir / "loop", "x").error().kind, ErrorKind::kIo);
}

TEST(WriteAtomically, NeverReplacesWhatIsNotARegularFile) {
  const TestDirectory dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(write_atomically(dir / "fifo", "x").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(write_atomically("/dev/null", "x").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(write_atomically(dir.path(), "x").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(write_atomically(dir / "folder/", "x").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(write_atomically("", "x").error().kind, ErrorKind::kInvalidArgument);
  put(dir / "file", "1");
  EXPECT_EQ(write_atomically(dir / "file/below", "x").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(fs::is_fifo(dir / "fifo"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(WriteAtomically, KeepsTheOldFileWhenTheProducerFails) {
  const TestDirectory dir;
  put(dir / "out", "old");
  const auto result = write_atomically(dir / "out", [](const ByteSink& sink) -> Result<void> {
    GRAFT_TRY(sink(as_bytes("half of it")));
    return cancelled("stopped");
  });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(get(dir / "out"), "old");
  EXPECT_EQ(entries_of(dir.path()), 1U);
}

TEST(WriteAtomically, KeepsTheOldFileWhenTheSystemRefuses) {
  const TestDirectory dir;
  put(dir / "out", "old");
  // A file size limit makes write() stop short and then fail with EFBIG, as a full disk would.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto result = write_atomically(dir / "out", std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_NE(result.error().message.find("File too large"), std::string::npos);
  EXPECT_EQ(get(dir / "out"), "old");
  EXPECT_EQ(entries_of(dir.path()), 1U);
}

TEST(WriteAtomically, ManyWritersLeaveOneWholeFile) {
  const TestDirectory dir;
  {
    std::vector<std::jthread> writers;
    for (char c = 'a'; c < 'e'; ++c) {
      writers.emplace_back([&, c] {
        for (int i = 0; i < 20; ++i) {
          EXPECT_TRUE(write_atomically(dir / "out", std::string(3000, c)).ok());
        }
      });
    }
  }
  const std::string content = get(dir / "out");
  ASSERT_EQ(content.size(), 3000U);
  EXPECT_EQ(content, std::string(3000, content[0]));
  EXPECT_EQ(entries_of(dir.path()), 1U);
}

TEST(WriteAtomically, AKilledWriterLeavesOldOrNew) {
  const TestDirectory dir;
  const std::string a(300000, 'a');
  const std::string b(500000, 'b');
  put(dir / "out", a);
  for (int round = 0; round < 25; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) {
        if (!write_atomically(dir / "out", b).ok() || !write_atomically(dir / "out", a).ok()) {
          _exit(1);
        }
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 700 * round));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::string content = get(dir / "out");
    ASSERT_TRUE(content == a || content == b) << content.size();
  }
}

TEST(CheckWritable, AgreesWithWriting) {
  const TestDirectory dir;
  EXPECT_TRUE(check_writable(dir / "new").ok());
  EXPECT_TRUE(check_writable(dir / "not/yet/there/new").ok());
  EXPECT_FALSE(exists(dir / "not"));
  EXPECT_EQ(check_writable(dir.path()).error().kind, ErrorKind::kInvalidArgument);
  put(dir / "file", "x");
  EXPECT_TRUE(check_writable(dir / "file").ok());
  EXPECT_FALSE(check_writable(dir / "file/below").ok());
  EXPECT_EQ(entries_of(dir.path()), 1U);
  EXPECT_EQ(get(dir / "file"), "x");
}

TEST(CheckWritable, NoticesMissingPermission) {
  const TestDirectory dir;
  fs::permissions(dir.path(), fs::perms(0755));
  put(dir / "mine", "x");
  EXPECT_EQ(as_nobody([&] {
              if (geteuid() != 65534) return 0;  // an ordinary user owns the directory
              const auto direct = check_writable(dir / "new");
              const auto deep = check_writable(dir / "a/b/new");
              const auto old = check_writable(dir / "mine");
              const bool named = !direct.ok() && direct.error().message.starts_with(dir / "new: ");
              return !direct.ok() && !deep.ok() && !old.ok() && named &&
                             direct.error().kind == ErrorKind::kIo &&
                             !write_atomically(dir / "new", "x").ok()
                         ? 0
                         : 1;
            }),
            0);
}

TEST(MakeDirectories, MakesChainsAndAcceptsExistingOnes) {
  const TestDirectory dir;
  EXPECT_TRUE(make_directories(dir / "a/b/c/").ok());
  EXPECT_TRUE(make_directories(dir / "a/b/c").ok());
  EXPECT_TRUE(is_directory(dir / "a/b/c"));
  EXPECT_TRUE(make_directories("/").ok());
  put(dir / "file", "");
  EXPECT_EQ(make_directories(dir / "file").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(make_directories(dir / "file/x").error().kind, ErrorKind::kNotFound);
}

TEST(Paths, JoinSplitAndCleanLexically) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("/", "b"), "/b");
  EXPECT_EQ(file_name("a/b.c"), "b.c");
  EXPECT_EQ(file_name("b.c"), "b.c");
  EXPECT_EQ(parent_directory("a/b"), "a");
  EXPECT_EQ(parent_directory("a//b"), "a");
  EXPECT_EQ(parent_directory("a/b/"), "a");
  EXPECT_EQ(parent_directory("b"), ".");
  EXPECT_EQ(parent_directory(""), ".");
  EXPECT_EQ(parent_directory("/b"), "/");
  EXPECT_EQ(parent_directory("/"), "/");
  EXPECT_EQ(absolute_path("/a/./b//../c/"), "/a/c");
  EXPECT_EQ(absolute_path("/../.."), "/");
  EXPECT_EQ(absolute_path("x/../y"), fs::current_path().string() + "/y");
}

TEST(Paths, ErrnoTextIsTheSystemsOwn) {
  EXPECT_EQ(errno_text(ENOSPC), "No space left on device");
}

}  // namespace
}  // namespace graft
