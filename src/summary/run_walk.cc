#include "summary/run_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace graft {
namespace {

constexpr std::size_t kMaxDirectories = 100000;
constexpr int kMaxDepth = 64;

std::string run_name(const Logdir& logdir, const std::string& below) {
  if (below.empty()) return logdir.name.empty() ? "." : logdir.name;
  return printable(logdir.name.empty() ? below : logdir.name + "/" + below);
}

class Walk {
 public:
  Walk(const Logdir& logdir, Found& found) : logdir_(logdir), found_(found) {}
  void run() { visit(logdir_.path, "", 0); }

 private:
  void visit(const std::string& directory, const std::string& below, int depth) {
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
    // Links are followed; where they lead back, once.
    if (!seen_.emplace(status.st_dev, status.st_ino).second) return;
    if (depth > kMaxDepth || found_.directories.size() >= kMaxDirectories) {
      if (!std::exchange(too_many_, true)) {
        found_.problems.push_back({false,
                                   printable(logdir_.path) +
                                       ": more folders than are looked through: name the folder of "
                                       "the logs themselves",
                                   ""});
      }
      return;
    }
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    if (error) {
      found_.problems.push_back({true,
                                 printable(directory) + ": cannot be read: " + error.message() +
                                     ": its runs are not shown",
                                 ""});
      return;
    }
    found_.directories.push_back(directory);
    std::vector<std::string> folders;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      std::error_code ignored;
      if (entry->is_directory(ignored)) {
        folders.push_back(name);
      } else if (name == "run.json") {
        struct stat record {};
        const std::string path = join_path(directory, name);
        if (::stat(path.c_str(), &record) == 0 && S_ISREG(record.st_mode)) {
          found_.records[path] = {record.st_mtim.tv_sec * 1'000'000'000 + record.st_mtim.tv_nsec,
                                  record.st_size};
        }
      } else if (name.find("tfevents") != std::string::npos && entry->is_regular_file(ignored)) {
        found_.logs[directory].insert(name);
        found_.run_names.emplace(directory, run_name(logdir_, below));
      }
    }
    std::sort(folders.begin(), folders.end());
    for (const std::string& name : folders) {
      visit(join_path(directory, name), below.empty() ? name : below + "/" + name, depth + 1);
    }
  }

  const Logdir& logdir_;
  Found& found_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
  bool too_many_ = false;
};

}  // namespace

void walk(const Logdir& logdir, Found& found) {
  Walk(logdir, found).run();
}

}  // namespace graft
