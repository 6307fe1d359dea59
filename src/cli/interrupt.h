// Ctrl-C as a request to stop: the first SIGINT or SIGTERM asks the work to finish its step and
// save, the second ends the process at once. Thread rule: one Interrupt a process, made in main
// before other threads.
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

namespace graft {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();  // the signals' former meaning returns
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // For work that cannot be stopped half-way by a token (reading a pipe): 0, or the signal's
  // number.
  static int signal_number();

 private:
  std::stop_source source_;
  std::thread watcher_;  // a handler may not call request_stop() itself: it may run callbacks
};

// Returns when `done` holds, which is asked now and then, or after a stop request.
void wait_until(const std::function<bool()>& done, const std::stop_token& stop);

// Ignores SIGPIPE and SIGXFSZ: a reader who leaves and a file that may not grow are errors of
// write(), not deaths.
void let_writes_fail();

}  // namespace graft
