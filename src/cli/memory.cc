#include "cli/memory.h"

#include <malloc.h>
#include <sys/resource.h>

namespace graft {

// Not in large pages (madvise): most faults go, 6 ms of `graft label`, while the
// system has large pages at hand. Where it has to make them first, or a virtual machine's host has
// to find the memory, each took 4 ms and a run dozens of them; a desktop of some hours is like
// that.
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
