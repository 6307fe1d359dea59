#include "summary/log_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/priority.h"
#include "base/text.h"

namespace graft {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kWatched = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY |
                                   IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// Writes that come closer than this are read together: a trainer makes hundreds a second.
constexpr std::chrono::milliseconds kPause{10};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Changes made on another machine are not told of on these. Numbers: linux/magic.h, statfs(2).
const char* remote_file_system(const std::string& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return nullptr;
  switch (static_cast<std::uint32_t>(status.f_type)) {
    case 0x6969:
      return "NFS";
    case 0x517B:
    case 0xFF534D42:
    case 0xFE534D42:
      return "SMB";
    case 0x01021997:
      return "9p";
    case 0x65735546:
      return "FUSE";
    case 0x00C36400:
      return "Ceph";
    default:
      return nullptr;
  }
}

}  // namespace

struct LogWatcher::State {
  State(RunStore& s, std::function<void(const StoreChanges&)> c, Settings given)
      : store(s), on_changes(std::move(c)), settings(given) {}

  RunStore& store;
  std::function<void(const StoreChanges&)> on_changes;
  const Settings settings;
  Descriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Descriptor inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  std::atomic<bool> stopping{false};
  mutable std::mutex mutex;
  Mode mode;  // under mutex
  std::map<int, std::string> directory_of;
  std::map<std::string, int> watch_of;
  std::set<std::string> written;
  bool look_through = false;
  std::thread thread;

  void set_polling(const std::string& reason) {
    const std::lock_guard lock(mutex);
    if (mode.polling) return;
    mode = {true, reason};
  }
  bool polling() const {
    const std::lock_guard lock(mutex);
    return mode.polling;
  }

  bool watch(const std::string& directory) {
    if (watch_of.contains(directory)) return true;
    const int id = ::inotify_add_watch(inotify.get(), directory.c_str(), kWatched);
    if (id < 0) {
      if (errno != ENOSPC && errno != ENOMEM) return true;  // gone again, or not ours to read
      set_polling(printable(directory) + ": cannot be watched: " +
                  (errno == ENOSPC ? "the kernel's limit of watches is "
                                     "reached"
                                   : errno_text(errno)) +
                  ": raise fs.inotify.max_user_watches for changes within milliseconds");
      return false;
    }
    watch_of[directory] = id;
    directory_of[id] = directory;
    return true;
  }

  void forget(const std::string& directory) {
    const auto found = watch_of.find(directory);
    if (found == watch_of.end()) return;
    ::inotify_rm_watch(inotify.get(), found->second);  // it may be gone already
    directory_of.erase(found->second);
    watch_of.erase(found);
  }

  // What lies in a directory that was moved is not told of the move: its watches stay with it, and
  // would pass for those of what takes its place.
  void forget_below(const std::string& directory) {
    const std::string prefix = directory + "/";
    for (auto next = watch_of.lower_bound(prefix);
         next != watch_of.end() && next->first.starts_with(prefix);
         next = watch_of.lower_bound(prefix)) {
      forget(std::string(next->first));
    }
  }

  // A directory that was made between the walk and its watch may have been filled meanwhile, so
  // the walk is repeated until it finds no new one.
  void scan() {
    look_through = false;
    for (int round = 0; round < 10 && !stopping; ++round) {
      report(store.scan());
      if (polling()) return;
      bool grew = false;
      for (const Logdir& logdir : store.logdirs()) {
        if (const char* kind = remote_file_system(logdir.path); kind != nullptr) {
          set_polling(printable(logdir.path) + ": lies on " + kind +
                      ", which does not tell of changes");
          return;
        }
      }
      for (const std::string& directory : store.directories()) {
        if (watch_of.contains(directory)) continue;
        grew = true;
        if (!watch(directory)) return;
      }
      if (!grew) return;
    }
  }

  void report(const StoreChanges& changes) {
    if (!changes.empty()) on_changes(changes);
  }

  void read_events() {
    alignas(inotify_event) std::array<char, 65536> buffer;
    while (true) {
      const ssize_t size = ::read(inotify.get(), buffer.data(), buffer.size());
      if (size <= 0) return;
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof(event));
        const char* name = buffer.data() + at + sizeof(event);
        at += static_cast<ssize_t>(sizeof(event) + event.len);
        take(event, event.len > 0 ? std::string(name) : std::string());
      }
    }
  }

  void take(const inotify_event& event, const std::string& name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      look_through = true;
      return;
    }
    const auto directory = directory_of.find(event.wd);
    if (directory == directory_of.end()) return;
    if ((event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
      look_through = true;
      const std::string path = directory->second;
      forget(path);
      if ((event.mask & IN_MOVE_SELF) != 0) forget_below(path);
      return;
    }
    const bool log = name.find("tfevents") != std::string::npos;
    if ((event.mask & (IN_MODIFY | IN_CLOSE_WRITE)) != 0) {
      if (log) written.insert(join_path(directory->second, name));
      if (name == "run.json") look_through = true;
      return;
    }
    // Something came or went; temporary files of atomic writes are nobody's.
    if (log || name == "run.json" || (event.mask & IN_ISDIR) != 0) look_through = true;
  }

  // Asks for the watch, not for the folder: one that came just after the walk has none yet.
  bool logdir_unwatched() const {
    return std::any_of(store.logdirs().begin(), store.logdirs().end(),
                       [this](const Logdir& d) { return !watch_of.contains(d.path); });
  }

  int milliseconds_to_wait() const {
    if (polling()) return settings.poll_milliseconds;
    return logdir_unwatched() ? std::min(500, settings.poll_milliseconds)
                              : settings.rescan_milliseconds;
  }

  void run() {
    if (settings.force_polling) set_polling("asked for");
    if (inotify.get() < 0) {
      set_polling("inotify: " + errno_text(errno) + ": folders are looked through every second");
    }
    scan();
    on_changes({});
    while (!stopping) {
      std::array<pollfd, 2> waiting = {pollfd{wake.get(), POLLIN, 0},
                                       pollfd{polling() ? -1 : inotify.get(), POLLIN, 0}};
      const int ready = ::poll(waiting.data(), waiting.size(), milliseconds_to_wait());
      if (stopping) return;
      if (ready <= 0) {
        scan();
        continue;
      }
      const auto begun = Clock::now();
      read_events();
      if (look_through) {
        written.clear();
        scan();
      } else if (!written.empty()) {
        const std::vector<std::string> files(written.begin(), written.end());
        written.clear();
        report(store.poll(files));
      }
      pause(begun + kPause);
    }
  }

  void pause(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return;
    pollfd waiting{wake.get(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(left.count()));
  }
};

LogWatcher::LogWatcher(RunStore& store, std::function<void(const StoreChanges&)> on_changes,
                       Settings settings)
    : state_(std::make_unique<State>(store, std::move(on_changes), settings)) {
  state_->thread = std::thread([this] {
    give_way();
    state_->run();
  });
}

LogWatcher::~LogWatcher() {
  state_->stopping = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state_->wake.get(), &one, sizeof(one));
  state_->thread.join();
}

LogWatcher::Mode LogWatcher::mode() const {
  const std::lock_guard lock(state_->mutex);
  return state_->mode;
}

}  // namespace graft
