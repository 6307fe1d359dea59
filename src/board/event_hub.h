// What is pushed to open pages: the last events, numbered, so that a page that was away for a while
// gets what it missed. Memory is bounded; a page that is too slow is told to ask anew.
// Thread rule: every function may be called from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace graft {

class EventHub {
 public:
  // epoch: tells this start of the program from others. on_event: called after each push, by the
  // thread that pushed. max_bytes: what the kept events may hold of memory; the last one is kept
  // whatever its size.
  EventHub(std::string epoch, std::function<void()> on_event, std::size_t max_bytes = 4 << 20);

  // data: one line of JSON.
  void push(std::string_view event, const std::string& data);

  // The id of the event that was pushed last; of the one before the first while there is none.
  std::string last_id() const;

  // Where a page that saw `last_event_id` ("" for none) goes on. `missed`: it cannot have what lies
  // between.
  struct Start {
    std::uint64_t next = 0;
    bool missed = false;
  };
  Start start(std::string_view last_event_id) const;
  // Everything from `next` on that fits into some 256 KiB, in the wire's form; moves `next`. Where
  // events are gone meanwhile, a `reset` stands for them.
  std::string take(std::uint64_t& next) const;
  // One event in the wire's form, with the id of the one before `next`.
  std::string format(std::uint64_t next, std::string_view event, const std::string& data) const;

 private:
  std::string id(std::uint64_t number) const;

  const std::string epoch_;
  const std::function<void()> on_event_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::deque<std::string> events_;  // in the wire's form
  std::uint64_t first_ = 1;         // number of events_.front()
  std::size_t bytes_ = 0;           // that events_ hold
};

}  // namespace graft
