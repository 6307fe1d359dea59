#include "cli/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>

namespace graft {
namespace {

std::atomic<int> g_signal{0};
int g_pipe[2] = {-1, -1};

constexpr char kStop = 's', kQuit = 'q';

static_assert(std::atomic<int>::is_always_lock_free);  // what a handler may touch

extern "C" void on_signal(int number) {
  const int saved = errno;
  int none = 0;
  if (!g_signal.compare_exchange_strong(none, number)) _exit(128 + number);
  // A full pipe cannot be: one byte is written in a process's life.
  [[maybe_unused]] const ssize_t written = write(g_pipe[1], &kStop, 1);
  errno = saved;
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction before {};
  sigaction(number, nullptr, &before);
  // nohup and "command &" of a script ignore Ctrl-C on purpose.
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a blocked read() of a photo list returns, so that the stop is seen.
  sigaction(number, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  if (pipe2(g_pipe, O_CLOEXEC) != 0) return;  // no descriptors left: signals keep their meaning
  // Signals go to this thread, not to the watcher: blocking calls here are to be interrupted.
  sigset_t both, before;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &both, &before);
  try {
    watcher_ = std::thread([this] {
      char byte = 0;
      while (read(g_pipe[0], &byte, 1) < 0 && errno == EINTR) {
      }
      if (byte == kStop) source_.request_stop();
    });
  } catch (const std::system_error&) {  // no thread left: as above
    close(g_pipe[0]);
    close(g_pipe[1]);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!watcher_.joinable()) return;
  set_handler(SIGINT, on_signal);
  set_handler(SIGTERM, on_signal);
}

Interrupt::~Interrupt() {
  if (!watcher_.joinable()) return;
  set_handler(SIGINT, SIG_DFL);
  set_handler(SIGTERM, SIG_DFL);
  while (write(g_pipe[1], &kQuit, 1) < 0 && errno == EINTR) {
  }
  watcher_.join();
  close(g_pipe[0]);
  close(g_pipe[1]);
}

int Interrupt::signal_number() {
  return g_signal.load();
}

void wait_until(const std::function<bool()>& done, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && !done()) {
    stopped.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; });
  }
}

void let_writes_fail() {
  set_handler(SIGPIPE, SIG_IGN);
  set_handler(SIGXFSZ, SIG_IGN);
}

}  // namespace graft
