// What a program holds of the heap, counted where it asks for memory and gives it back. To be
// loaded before the C library (LD_PRELOAD); the sums lie in the file that $LIVE_HEAP names, 16
// bytes long: bytes as they can be used, and blocks. A program that this one starts is not counted.
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

extern "C" {  // glibc's own, under their other names
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {

struct Sums {
  std::atomic<std::int64_t> bytes, blocks;
};
static_assert(sizeof(Sums) == 16 && std::atomic<std::int64_t>::is_always_lock_free);

Sums before_the_file;
std::atomic<Sums*> sums = &before_the_file;

void count(std::int64_t bytes, std::int64_t blocks) {
  Sums& now = *sums.load();
  now.bytes += bytes;
  now.blocks += blocks;
}

std::int64_t size_of(void* block) {
  return static_cast<std::int64_t>(malloc_usable_size(block));
}

void* made(void* block) {
  if (block != nullptr) count(size_of(block), 1);
  return block;
}

__attribute__((constructor)) void begin() {
  const char* name = std::getenv("LIVE_HEAP");
  if (name == nullptr) return;
  const int file = open(name, O_RDWR | O_CLOEXEC);
  if (file < 0) std::abort();
  void* place = mmap(nullptr, sizeof(Sums), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (place == MAP_FAILED) std::abort();
  unsetenv("LIVE_HEAP");
  unsetenv("LD_PRELOAD");
  // Only one thread is there yet.
  auto* shared = static_cast<Sums*>(place);
  shared->bytes = before_the_file.bytes.load();
  shared->blocks = before_the_file.blocks.load();
  sums = shared;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  return made(__libc_malloc(size));
}

void* calloc(std::size_t count, std::size_t size) {
  return made(__libc_calloc(count, size));
}

void* realloc(void* block, std::size_t size) {
  const std::int64_t held = block == nullptr ? 0 : size_of(block);
  void* now = __libc_realloc(block, size);
  // A block that could not grow stays; one of no size is given back.
  if (block != nullptr && (now != nullptr || size == 0)) count(-held, -1);
  return made(now);
}

void free(void* block) {
  if (block != nullptr) count(-size_of(block), -1);
  __libc_free(block);
}

void* memalign(std::size_t alignment, std::size_t size) {
  return made(__libc_memalign(alignment, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  void* now = memalign(alignment, size);
  if (now == nullptr) return ENOMEM;
  *block = now;
  return 0;
}
}
