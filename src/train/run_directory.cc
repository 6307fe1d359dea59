#include "train/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace graft {
namespace {

constexpr const char* kRunJson = "run.json";
constexpr const char* kCheckpoint = "checkpoint.graft";
constexpr const char* kNotTakenUp = " (should its training be unfinished, it is not gone on with)";
constexpr int kMaxRuns = 1000000;

std::string numbered(const std::string& summaries_dir, int number) {
  return number == 1 ? summaries_dir : join_path(summaries_dir, "run-" + std::to_string(number));
}

// Numbers of the runs that lie in summaries_dir, ascending, 1 (summaries_dir itself) always first.
Result<std::vector<int>> run_numbers(const std::string& summaries_dir) {
  std::vector<int> numbers = {1};
  std::error_code error;
  std::filesystem::directory_iterator entry(summaries_dir, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with("run-")) continue;
    int number = 0;
    const auto parsed = std::from_chars(name.data() + 4, name.data() + name.size(), number);
    if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size() && number > 1) {
      numbers.push_back(number);
    }
  }
  if (error) {
    return io_error(printable(summaries_dir) + ": cannot be listed: " + error.message() +
                    ": a training to go on with may be there: check the disk, or give another "
                    "--summaries_dir");
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

bool is_empty_or_absent(const std::string& directory) {
  std::error_code error;
  const bool empty = std::filesystem::is_empty(directory, error);
  return error ? error == std::errc::no_such_file_or_directory : empty;
}

bool is_fresh(const std::string& directory) {
  return !exists(join_path(directory, kRunJson)) && !exists(join_path(directory, kCheckpoint)) &&
         is_empty_or_absent(join_path(directory, "train")) &&
         is_empty_or_absent(join_path(directory, "validation"));
}

// problem: why the record that is there could not be read; untouched otherwise.
bool is_unfinished(const std::string& directory, const Hash128& fingerprint,
                   std::optional<Error>& problem) {
  auto text = read_text_file(join_path(directory, kRunJson), std::uint64_t{1} << 26);
  if (!text.ok()) {
    if (text.error().kind != ErrorKind::kNotFound) problem = std::move(text).error();
    return false;
  }
  const auto json = parse_json(*text);
  if (!json.ok() || !json->is_object()) return false;
  const auto state = json->find("state");
  const auto print = json->find("fingerprint");
  return state != json->end() && *state != "finished" && print != json->end() &&
         *print == hex(fingerprint.bytes);
}

// -1: another process holds it. Where directories cannot be locked (some network file systems) the
// descriptor alone is returned: two runs at once are then not told apart.
int lock(const std::string& directory, Result<void>& failure) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    failure = io_error(printable(directory) + ": cannot be opened: " + errno_text(errno) +
                       ": change its permissions or give another --summaries_dir");
    return -1;
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      checkpoint_(std::move(other.checkpoint_)),
      warnings_(std::move(other.warnings_)) {}

RunDirectory& RunDirectory::operator=(RunDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  std::swap(checkpoint_, other.checkpoint_);
  std::swap(warnings_, other.warnings_);
  return *this;
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

std::string RunDirectory::train_dir() const {
  return join_path(path_, "train");
}
std::string RunDirectory::validation_dir() const {
  return join_path(path_, "validation");
}
std::string RunDirectory::run_json() const {
  return join_path(path_, kRunJson);
}
std::string RunDirectory::checkpoint_file() const {
  return join_path(path_, kCheckpoint);
}

Result<RunDirectory> RunDirectory::choose(const std::string& summaries_dir,
                                          const Hash128& fingerprint, bool resume) {
  GRAFT_TRY(make_directories(summaries_dir));
  GRAFT_ASSIGN(const std::vector<int> numbers, run_numbers(summaries_dir));
  std::vector<std::string> warnings;
  for (auto number = numbers.rbegin(); resume && number != numbers.rend(); ++number) {
    const std::string path = numbered(summaries_dir, *number);
    std::optional<Error> problem;
    if (!is_unfinished(path, fingerprint, problem)) {
      if (problem) warnings.push_back(problem->message + kNotTakenUp);
      continue;
    }
    Result<void> failure;
    RunDirectory directory(path, lock(path, failure));
    // Read again under the lock: it may have finished in between.
    const bool ours = directory.lock_ >= 0 && is_unfinished(path, fingerprint, problem);
    if (!failure.ok()) problem = std::move(failure).error();
    if (problem) warnings.push_back(problem->message + kNotTakenUp);
    if (!ours) continue;
    auto checkpoint = load_checkpoint(directory.checkpoint_file());
    if (checkpoint.ok() && checkpoint->fingerprint == fingerprint) {
      directory.checkpoint_ = std::move(checkpoint).value();
    } else if (!checkpoint.ok() && checkpoint.error().kind != ErrorKind::kNotFound) {
      warnings.push_back(checkpoint.error().message);
    }
    directory.warnings_ = std::move(warnings);
    return directory;
  }
  // summaries_dir itself, else behind the last run, which may be a folder that was never used.
  for (int number = 1; number < kMaxRuns;
       number = number == 1 && numbers.back() > 1 ? numbers.back() : number + 1) {
    const std::string path = numbered(summaries_dir, number);
    if (!is_fresh(path)) continue;
    GRAFT_TRY(make_directories(path));
    Result<void> failure;
    RunDirectory directory(path, lock(path, failure));
    GRAFT_TRY(failure);
    if (directory.lock_ < 0 || !is_fresh(path)) continue;
    directory.warnings_ = std::move(warnings);
    return directory;
  }
  return io_error(printable(summaries_dir) + ": holds too many runs: give another --summaries_dir");
}

}  // namespace graft
