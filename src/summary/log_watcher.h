// Keeps a RunStore up to date: reads on as soon as the kernel tells of a write (inotify), or by
// looking every second where that cannot be had (limits, network file systems). Thread rule: made
// and ended by one thread; `on_changes` is called by the watcher's own, which goes behind others
// (base/priority.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "summary/run_store.h"

namespace graft {

class LogWatcher {
 public:
  struct Mode {
    bool polling = false;
    std::string reason;  // of polling: for people
  };
  struct Settings {
    bool force_polling = false;
    int poll_milliseconds = 1000;
    // A safety net under inotify: what it missed is found by then.
    int rescan_milliseconds = 15000;
  };
  // Scans at once, in its thread. on_changes: after each reading that found something, and once
  // after the first scan. The store has to outlive the watcher.
  LogWatcher(RunStore& store, std::function<void(const StoreChanges&)> on_changes,
             Settings settings);
  ~LogWatcher();  // waits for the reading at hand
  Mode mode() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace graft
