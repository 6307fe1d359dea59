#include "cli/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace graft {

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

  // Something that does not fit makes the heap grow by kAhead.
  constexpr std::size_t kLargePage = std::size_t{2} << 20;
  void* const first = std::malloc(kLargePage);
  const auto begin = reinterpret_cast<std::uintptr_t>(first);
  const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  std::free(first);
  const std::uintptr_t aligned = (begin + kLargePage - 1) / kLargePage * kLargePage;
  if (first == nullptr || aligned >= end) return;
  (void)::madvise(reinterpret_cast<void*>(aligned), end - aligned, MADV_HUGEPAGE);
}

}  // namespace graft
