#include "data/feature_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "base/file.h"
#include "base/rng.h"
#include "base/test_directory.h"

namespace graft {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::size_t kWidth = 100;

FeatureRecord record_of(int number, std::size_t width = kWidth) {
  FeatureRecord record;
  const std::string text = std::to_string(number);
  record.key = {xxh3_128(as_bytes(text)), space_of("mobilenet")};
  Rng rng(static_cast<std::uint64_t>(number));
  record.values.resize(width);
  for (float& value : record.values) value = rng.normal();
  return record;
}

std::vector<FeatureRecord> records_of(int first, int count, std::size_t width = kWidth) {
  std::vector<FeatureRecord> records;
  for (int i = first; i < first + count; ++i) records.push_back(record_of(i, width));
  return records;
}

std::string get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

class Cache : public ::testing::Test {
 protected:
  FeatureCache opened() const {
    auto cache = FeatureCache::open(dir_.path());
    EXPECT_TRUE(cache.ok()) << cache.error().message;
    return std::move(*cache);
  }
  // How many of the first `count` records are found, and right.
  static int found_in(const FeatureCache& cache, int count, std::size_t width = kWidth) {
    const auto snapshot = cache.snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.error().message;
    int found = 0;
    for (int i = 0; i < count; ++i) {
      const FeatureRecord record = record_of(i, width);
      const auto values = snapshot->find(record.key, width);
      if (!values.has_value()) continue;
      EXPECT_TRUE(
          std::equal(values->begin(), values->end(), record.values.begin(), record.values.end()));
      ++found;
    }
    return found;
  }
  std::string file() const { return dir_ / "features.cache"; }
  const TestDirectory dir_;
};

TEST_F(Cache, KeepsWhatIsPutAcrossOpens) {
  {
    FeatureCache cache = opened();
    EXPECT_TRUE(cache.writable());
    EXPECT_EQ(cache.path(), file());
    EXPECT_EQ(found_in(cache, 10), 0);
    ASSERT_TRUE(cache.put_batch(records_of(0, 7)).ok());
    ASSERT_TRUE(cache.put_batch(records_of(7, 3)).ok());
    ASSERT_TRUE(cache.put_batch({}).ok());
    EXPECT_EQ(found_in(cache, 10), 10);
  }
  EXPECT_EQ(found_in(opened(), 10), 10);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), 1);
}

TEST_F(Cache, VisitsEveryRecordInTheOrderOfTheFile) {
  FeatureCache cache = opened();
  ASSERT_TRUE(cache.put_batch(records_of(0, 5)).ok());
  std::string bytes = get(file());
  bytes[bytes.size() - 2 * 512 + 70] ^= 1;  // a record takes 64 + 448 bytes: in the fourth's vector
  put(file(), bytes);
  const auto snapshot = opened().snapshot();
  ASSERT_TRUE(snapshot.ok());
  int seen = 0;
  ASSERT_TRUE(snapshot
                  ->for_each([&](const FeatureKey& key, std::span<const float> values) {
                    const FeatureRecord record = record_of(seen++);
                    EXPECT_EQ(key, record.key);
                    if (seen == 4) {
                      EXPECT_TRUE(values.empty());
                    } else {
                      EXPECT_TRUE(std::equal(values.begin(), values.end(), record.values.begin(),
                                             record.values.end()));
                    }
                    return Result<void>();
                  })
                  .ok());
  EXPECT_EQ(seen, 5);
  const auto stopped =
      snapshot->for_each([](const FeatureKey&, std::span<const float>) -> Result<void> {
        return cancelled("enough");
      });
  EXPECT_FALSE(stopped.ok());
}

TEST_F(Cache, PruningKeepsWhatIsWantedAndOthersGoOnWithTheNewFile) {
  FeatureCache cache = opened();
  FeatureCache other = opened();  // as another process would have it
  ASSERT_TRUE(cache.put_batch(records_of(0, 6)).ok());
  EXPECT_EQ(found_in(other, 6), 6);
  const auto before = other.snapshot();
  ASSERT_TRUE(before.ok());
  std::string bytes = get(file());
  bytes[bytes.size() - 70] ^= 1;  // in the last vector
  put(file(), bytes);

  const FeatureKey unwanted = record_of(2).key;
  const auto pruned = cache.prune([&](const FeatureKey& key) { return key != unwanted; });
  ASSERT_TRUE(pruned.ok()) << pruned.error().message;
  EXPECT_EQ(pruned->kept, 4U);
  EXPECT_EQ(pruned->dropped, 1U);
  EXPECT_EQ(pruned->damaged, 1U);
  EXPECT_EQ(pruned->bytes_before, bytes.size());
  EXPECT_EQ(pruned->bytes_after, get(file()).size());
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), 1);

  // What others put afterwards is in the new file, and all of them see it.
  ASSERT_TRUE(other.put_batch(records_of(6, 2)).ok());
  EXPECT_EQ(found_in(other, 8), 6);
  EXPECT_EQ(found_in(cache, 8), 6);
  EXPECT_EQ(found_in(opened(), 8), 6);
  // An earlier view lives on.
  const FeatureRecord gone = record_of(2);
  const auto values = before->find(gone.key, kWidth);
  ASSERT_TRUE(values.has_value());
  EXPECT_TRUE(std::equal(values->begin(), values->end(), gone.values.begin()));
}

TEST_F(Cache, KeysAreContentAndSpaceAndWidth) {
  FeatureCache cache = opened();
  const FeatureRecord record = record_of(1);
  ASSERT_TRUE(cache.put_batch(std::vector{record}).ok());
  const auto snapshot = cache.snapshot();
  ASSERT_TRUE(snapshot.ok());
  EXPECT_TRUE(snapshot->find(record.key, kWidth).has_value());
  FeatureKey other = record.key;
  other.space = space_of("inception");
  EXPECT_FALSE(snapshot->find(other, kWidth).has_value());
  other = record.key;
  other.content = xxh3_128(as_bytes("an edited photo"));
  EXPECT_FALSE(snapshot->find(other, kWidth).has_value());
  EXPECT_EQ(snapshot->damaged(), 0U);
  EXPECT_FALSE(snapshot->find(record.key, kWidth + 1).has_value());
  EXPECT_EQ(snapshot->damaged(), 1U);
}

TEST_F(Cache, SnapshotsStayAsTheyWere) {
  FeatureCache cache = opened();
  ASSERT_TRUE(cache.put_batch(records_of(0, 1)).ok());
  auto before = cache.snapshot();
  ASSERT_TRUE(before.ok());
  const auto span = before->find(record_of(0).key, kWidth);
  ASSERT_TRUE(span.has_value());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(span->data()) % 64, 0U);
  ASSERT_TRUE(cache.put_batch(records_of(1, 500)).ok());
  EXPECT_FALSE(before->find(record_of(1).key, kWidth).has_value());
  EXPECT_EQ(before->stats().records, 1U);
  EXPECT_EQ(cache.snapshot()->stats().records, 501U);
  { const FeatureCache gone = std::move(cache); }
  EXPECT_EQ((*span)[5], record_of(0).values[5]);
}

TEST_F(Cache, DoesNotStoreTheSameTwice) {
  FeatureCache cache = opened();
  ASSERT_TRUE(cache.put_batch(records_of(0, 10)).ok());
  const auto size = fs::file_size(file());
  ASSERT_TRUE(opened().put_batch(records_of(0, 10)).ok());
  EXPECT_EQ(fs::file_size(file()), size);
  FeatureRecord changed = record_of(3);
  changed.values[0] += 1;
  ASSERT_TRUE(cache.put_batch(std::vector{changed}).ok());
  EXPECT_EQ((*cache.snapshot()->find(changed.key, kWidth))[0], changed.values[0]);
  EXPECT_EQ(cache.snapshot()->stats().records, 10U);
}

TEST_F(Cache, RefusesVectorsThatCannotBeRight) {
  FeatureCache cache = opened();
  FeatureRecord bad = record_of(0);
  bad.values[7] = std::nanf("");
  EXPECT_EQ(cache.put_batch(std::vector{record_of(1), bad}).error().kind,
            ErrorKind::kInvalidArgument);
  bad.values.clear();
  EXPECT_FALSE(cache.put_batch(std::vector{bad}).ok());
  EXPECT_EQ(cache.snapshot()->stats().records, 0U);
}

TEST_F(Cache, CountsWhatItHolds) {
  FeatureCache cache = opened();
  auto records = records_of(0, 5);
  records[0].key.space = space_of("another");
  ASSERT_TRUE(cache.put_batch(records).ok());
  const FeatureCacheStats stats = cache.snapshot()->stats();
  EXPECT_EQ(stats.records, 5U);
  EXPECT_EQ(stats.spaces, 2U);
  EXPECT_EQ(stats.file_bytes, fs::file_size(file()));
  EXPECT_EQ(stats.damaged_bytes, 0U);
  EXPECT_TRUE(cache.snapshot()->has(records[0].key.space));
  EXPECT_TRUE(cache.snapshot()->has(records[1].key.space));
  EXPECT_FALSE(cache.snapshot()->has(space_of("a third")));
}

TEST_F(Cache, ADamagedRecordIsMissedAndReplaced) {
  ASSERT_TRUE(opened().put_batch(records_of(0, 10)).ok());
  const std::string whole = get(file());
  Rng rng(3);
  for (int round = 0; round < 200; ++round) {
    std::string damaged = whole;
    const std::size_t at = 64 + rng.below(static_cast<std::uint32_t>(whole.size() - 64));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << rng.below(8)));
    put(file(), damaged);
    FeatureCache cache = opened();
    const int found = found_in(cache, 10);  // checks that what is found is right
    ASSERT_GE(found, 9);
    ASSERT_TRUE(cache.put_batch(records_of(0, 10)).ok());
    ASSERT_EQ(found_in(cache, 10), 10);
    ASSERT_EQ(found_in(opened(), 10), 10);
  }
}

TEST_F(Cache, EveryTruncationIsSurvivedAndMended) {
  ASSERT_TRUE(opened().put_batch(records_of(0, 6)).ok());
  const std::string whole = get(file());
  for (std::size_t size = 0; size < whole.size(); size += 13) {
    put(file(), whole.substr(0, size));
    FeatureCache cache = opened();
    const int found = found_in(cache, 6);
    ASSERT_EQ(found, size < 64 ? 0 : static_cast<int>((size - 64) / ((whole.size() - 64) / 6)));
    ASSERT_TRUE(cache.put_batch(records_of(0, 6)).ok());
    ASSERT_EQ(found_in(cache, 6), 6) << size;
    ASSERT_EQ(found_in(opened(), 6), 6) << size;
    // What was cut off was replaced, not left lying between the records.
    ASSERT_LE(fs::file_size(file()), whole.size() + 64) << size;
  }
}

TEST_F(Cache, ATornBatchIsNotMixedWithWhatFollows) {
  ASSERT_TRUE(opened().put_batch(records_of(0, 4)).ok());
  // The last record cut off, then short records of another width put over its rest.
  fs::resize_file(file(), fs::file_size(file()) - 200);
  FeatureCache early = opened();
  EXPECT_EQ(found_in(early, 4), 3);
  ASSERT_TRUE(opened().put_batch(records_of(100, 3, 8)).ok());
  // `early` saw the cut-off tail before it was replaced.
  EXPECT_EQ(found_in(early, 4), 3);
  ASSERT_TRUE(early.put_batch(records_of(3, 1)).ok());
  const FeatureCache cache = opened();
  EXPECT_EQ(found_in(cache, 4), 4);
  const auto snapshot = cache.snapshot();
  for (int i = 100; i < 103; ++i) EXPECT_TRUE(snapshot->find(record_of(i, 8).key, 8).has_value());
}

TEST_F(Cache, ForeignBytesAtTheEndArePassedOver) {
  ASSERT_TRUE(opened().put_batch(records_of(0, 3)).ok());
  for (const std::string& tail :
       {std::string(1, 'x'), std::string(5000, '\0'), std::string(777, 'z')}) {
    std::ofstream(file(), std::ios::binary | std::ios::app) << tail;
    FeatureCache cache = opened();
    EXPECT_EQ(found_in(cache, 3), 3);
    ASSERT_TRUE(cache.put_batch(records_of(50, 1)).ok());
    EXPECT_TRUE(cache.snapshot()->find(record_of(50).key, kWidth).has_value());
  }
  EXPECT_GT(opened().snapshot()->stats().damaged_bytes, 0U);
}

TEST_F(Cache, NeverTouchesWhatIsNotItsOwn) {
  for (const std::string& text :
       {std::string("hello"), std::string("\x8FGRFX"), std::string(1000, 0)}) {
    put(file(), text);
    const auto cache = FeatureCache::open(dir_.path());
    ASSERT_FALSE(cache.ok());
    EXPECT_EQ(cache.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(cache.error().message, HasSubstr("move it away"));
    EXPECT_EQ(get(file()), text);
  }
  fs::remove(file());
  ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
  EXPECT_EQ(FeatureCache::open(dir_.path()).error().kind, ErrorKind::kCorrupt);
  fs::remove(file());
  fs::create_directory(file());
  EXPECT_EQ(FeatureCache::open(dir_.path()).error().kind, ErrorKind::kCorrupt);
}

TEST_F(Cache, MakesItsFolder) {
  EXPECT_TRUE(FeatureCache::open(dir_ / "a/b/bottlenecks").ok());
  EXPECT_TRUE(fs::exists(dir_ / "a/b/bottlenecks/features.cache"));
  put(dir_ / "plain", "x");
  EXPECT_FALSE(FeatureCache::open(dir_ / "plain").ok());
}

// Runs `body` in a child process that is not root; its answer is the exit status.
int as_nobody(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(99);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST_F(Cache, ReadsWhereItMayNotWrite) {
  ASSERT_TRUE(opened().put_batch(records_of(0, 5)).ok());
  fs::create_directory(dir_ / "bare");
  fs::permissions(dir_.path(), fs::perms(0555));
  fs::permissions(dir_ / "bare", fs::perms(0555));
  fs::permissions(file(), fs::perms(0444));
  EXPECT_EQ(as_nobody([&] {
              auto cache = FeatureCache::open(dir_.path());
              if (!cache.ok() || cache->writable()) return 1;
              if (found_in(*cache, 5) != 5) return 2;
              const auto put = cache->put_batch(records_of(5, 1));
              if (put.ok() || put.error().kind != ErrorKind::kIo) return 3;
              const auto none = FeatureCache::open(dir_ / "bare");
              if (none.ok() || none.error().kind != ErrorKind::kIo) return 4;
              return none.error().message.find("cannot be written") < 200 ? 0 : 5;
            }),
            0);
  fs::permissions(dir_.path(), fs::perms(0755));
  EXPECT_EQ(found_in(opened(), 6), 5);
}

TEST_F(Cache, AFullDiskLeavesTheOldState) {
  FeatureCache cache = opened();
  ASSERT_TRUE(cache.put_batch(records_of(0, 5)).ok());
  const std::string before = get(file());
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit tight = limit;
  tight.rlim_cur = before.size() + 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto result = cache.put_batch(records_of(5, 50));
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_THAT(result.error().message, HasSubstr("free some space"));
  EXPECT_EQ(get(file()), before);
  ASSERT_TRUE(cache.put_batch(records_of(5, 5)).ok());
  EXPECT_EQ(found_in(cache, 10), 10);
}

TEST_F(Cache, AKilledWriterLosesItsLastBatchAtMost) {
  int written = 0;
  for (int round = 0; round < 25; ++round) {
    int progress[2];
    ASSERT_EQ(pipe(progress), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto cache = FeatureCache::open(dir_.path());
      if (!cache.ok()) _exit(1);
      for (int next = written;; next += 20) {
        if (!cache->put_batch(records_of(next, 20)).ok()) _exit(2);
        if (write(progress[1], &next, sizeof next) != sizeof next) _exit(3);
      }
    }
    close(progress[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + 900 * round));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    int next = 0;
    while (read(progress[0], &next, sizeof next) == sizeof next) written = next + 20;
    close(progress[0]);
    // Everything that put_batch answered for is there and right.
    ASSERT_EQ(found_in(opened(), written), written);
  }
  EXPECT_GT(written, 0);
}

TEST_F(Cache, SeveralProcessesShareOneFile) {
  std::vector<pid_t> children;
  for (int process = 0; process < 4; ++process) {
    const pid_t child = fork();
    if (child == 0) {
      auto cache = FeatureCache::open(dir_.path());
      if (!cache.ok()) _exit(1);
      // Half of each batch is also the next process's.
      for (int batch = 0; batch < 25; ++batch) {
        if (!cache->put_batch(records_of((process * 25 + batch) * 10, 20)).ok()) _exit(2);
        const auto snapshot = cache->snapshot();
        if (!snapshot.ok() || snapshot->stats().damaged_bytes != 0) _exit(3);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  const FeatureCache cache = opened();
  EXPECT_EQ(found_in(cache, 1010), 1010);
  const auto stats = cache.snapshot()->stats();
  EXPECT_EQ(stats.damaged_bytes, 0U);
  EXPECT_EQ(stats.file_bytes, 64 + 1010 * (64 + 448U));  // each record once
}

TEST_F(Cache, TwoOfOneProcessAndManyThreads) {
  FeatureCache one = opened();
  FeatureCache two = opened();
  std::atomic<bool> failed{false};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        FeatureCache& cache = t % 2 == 0 ? one : two;
        for (int i = 0; i < 20; ++i) {
          if (!cache.put_batch(records_of(t * 100 + i * 5, 5)).ok()) failed = true;
          const auto snapshot = cache.snapshot();
          if (!snapshot.ok() || !snapshot->find(record_of(t * 100 + i * 5).key, kWidth)) {
            failed = true;
          }
        }
      });
    }
  }
  EXPECT_FALSE(failed);
  EXPECT_EQ(found_in(one, 400), 400);
  EXPECT_EQ(found_in(two, 400), 400);
}

}  // namespace
}  // namespace graft
