#include "cli/memory.h"

#include <malloc.h>
#include <sys/resource.h>

namespace graft {

// Not in large pages (madvise). While the system has some at hand they save 6 ms of `graft label`;
// where it has to make them first, or a virtual machine's host has to find the memory, each took
// 4 ms, and a run needs a dozen.
void prepare_memory() {
  // Where address space is counted, it is needed for stacks and libraries.
  rlimit allowed{};
  if (::getrlimit(RLIMIT_AS, &allowed) != 0 || allowed.rlim_cur != RLIM_INFINITY) return;
  constexpr int kOfOnePiece = 32 << 20;  // the most that glibc takes from its heap
  constexpr int kKept = 128 << 20;
  constexpr int kAhead = 64 << 20;  // address space
  ::mallopt(M_MMAP_THRESHOLD, kOfOnePiece);
  ::mallopt(M_TRIM_THRESHOLD, kKept);
  ::mallopt(M_TOP_PAD, kAhead);
}

}  // namespace graft
