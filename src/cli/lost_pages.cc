#include "cli/lost_pages.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace graft {
namespace {

// The file behind an address, by a line of /proc/self/maps, "7f00-7fff r--p 0 fe:00 12   /path"; ""
// when the line is another's. Like all here, nothing that a signal handler may not call.
std::string_view file_behind(std::uintptr_t address, std::string_view line) {
  std::uintptr_t begin = 0, end = 0;
  const char* const last = line.data() + line.size();
  const auto first = std::from_chars(line.data(), last, begin, 16);
  if (first.ec != std::errc{} || first.ptr == last) return {};
  if (std::from_chars(first.ptr + 1, last, end, 16).ec != std::errc{}) return {};
  const std::size_t path = line.find('/');
  if (address < begin || address >= end || path == std::string_view::npos) return {};
  return line.substr(path);
}

void say(std::string_view words) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, words.data(), words.size());
}

extern "C" void on_lost_page(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  char line[4200], c = 0;  // PATH_MAX and the fields before it
  std::size_t size = 0;
  std::string_view file;
  while (file.empty() && read(maps, &c, 1) == 1) {
    if (c == '\n') {
      file = file_behind(address, {line, size});
      size = 0;
    } else if (size < sizeof line) {
      line[size++] = c < ' ' ? '?' : c;
    }
  }
  say("graft: ");
  say(file.empty() ? "a mapped file" : file);
  say(": a part of it is gone: its disk fails, or another program shortened it: check the disk, "
      "and "
      "leave the file alone while graft runs\n");
  _exit(1);
}

}  // namespace

void report_lost_pages() {
  struct sigaction action {};
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace graft
