#include "cli/board_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"

extern char** environ;

namespace graft {
namespace {

constexpr int kNice = 5;

// In the new process, up to the program's start: only what may be called after a fork of a process
// with threads. Ends the process when it cannot go on; `tell` gets the reason.
[[noreturn]] void become_board(pid_t parent, int tell, char* const* words) {
  // Whatever ends the training (kill -9 too) ends the board; or it has ended already. Our handler
  // would only swallow that signal.
  ::signal(SIGTERM, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  // A group of its own: Ctrl-C is for the training, which ends the board.
  ::setpgid(0, 0);
  ::setpriority(PRIO_PROCESS, 0, kNice);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  ::execve("/proc/self/exe", words, environ);
  const int reason = errno;
  [[maybe_unused]] const ssize_t told = ::write(tell, &reason, sizeof(reason));
  ::_exit(1);
}

}  // namespace

Result<BoardProcess> BoardProcess::start(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"graft", "board"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto failed = [](int reason) {
    return io_error("--board: cannot be started: " + errno_text(reason) +
                    ": train without it and start graft board yourself");
  };
  // posix_spawn cannot tie the child's life to ours. The pipe closes when the program starts; else
  // it brings the reason.
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed(errno);
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process == 0) become_board(parent, ends[1], pointers.data());
  int reason = process < 0 ? errno : 0;
  ::close(ends[1]);
  while (process > 0 && ::read(ends[0], &reason, sizeof(reason)) < 0 && errno == EINTR) {
  }
  ::close(ends[0]);
  if (reason == 0) return BoardProcess(process);
  if (process > 0) {
    while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return failed(reason);
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
