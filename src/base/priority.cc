#include "base/priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace graft {

void give_way() {
  constexpr int kNice = 10;
  // Of this thread alone, as Linux has it. Where even that is forbidden, all stays as it was.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  // Niceness divides the time; a batch thread does not interrupt others when it wakes, either.
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
}

}  // namespace graft
