// `graft board` beside a training: a process of its own, of lower priority, so that no viewer can
// slow or end the training, and that ends with it, however the training ends. Thread rule: one
// thread, the main one: the end of the thread that started it is the board's end.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace graft {

class BoardProcess {
 public:
  // Starts this program as `graft board ARGUMENTS`, its output on standard error. kIo: it cannot be
  // started.
  static Result<BoardProcess> start(const std::vector<std::string>& arguments);
  BoardProcess(BoardProcess&& other) noexcept;
  BoardProcess& operator=(BoardProcess&& other) noexcept;
  BoardProcess(const BoardProcess&) = delete;
  BoardProcess& operator=(const BoardProcess&) = delete;
  ~BoardProcess();  // ends it

  // False when it has ended: it said why.
  bool runs();

 private:
  explicit BoardProcess(pid_t process) : process_(process) {}
  pid_t process_ = 0;  // 0: none, or ended
};

}  // namespace graft
