#include "cli/board_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"

extern char** environ;

namespace graft {

Result<BoardProcess> BoardProcess::start(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"graft", "board"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C is for the training, which ends the board.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t process = 0;
  const int failed =
      ::posix_spawn(&process, "/proc/self/exe", &actions, &attributes, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    return io_error("--board: cannot be started: " + errno_text(failed) +
                    ": train without it and start graft board yourself");
  }
  constexpr int kNice = 5;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(process), kNice);
  return BoardProcess(process);
}

BoardProcess::BoardProcess(BoardProcess&& other) noexcept
    : process_(std::exchange(other.process_, 0)) {}

BoardProcess& BoardProcess::operator=(BoardProcess&& other) noexcept {
  std::swap(process_, other.process_);
  return *this;
}

bool BoardProcess::runs() {
  if (process_ == 0) return false;
  if (::waitpid(process_, nullptr, WNOHANG) == 0) return true;
  process_ = 0;
  return false;
}

BoardProcess::~BoardProcess() {
  if (!runs()) return;
  ::kill(process_, SIGTERM);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace graft
