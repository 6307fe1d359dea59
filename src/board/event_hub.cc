#include "board/event_hub.h"

#include <charconv>
#include <utility>

namespace graft {
namespace {

// Of the size that it has: a string that grows by appending holds up to twice that.
std::string in_wire_form(std::string_view id, std::string_view event, std::string_view data) {
  constexpr std::string_view kId = "id: ", kEvent = "\nevent: ", kData = "\ndata: ", kEnd = "\n\n";
  std::string text;
  text.reserve(kId.size() + id.size() + kEvent.size() + event.size() + kData.size() + data.size() +
               kEnd.size());
  text.append(kId).append(id).append(kEvent).append(event).append(kData).append(data).append(kEnd);
  return text;
}

std::size_t held_by(const std::string& event) {
  return sizeof(std::string) + event.capacity();
}

}  // namespace

EventHub::EventHub(std::string epoch, std::function<void()> on_event, std::size_t max_bytes)
    : epoch_(std::move(epoch)), on_event_(std::move(on_event)), max_bytes_(max_bytes) {}

std::string EventHub::id(std::uint64_t number) const {
  return epoch_ + "-" + std::to_string(number);
}

void EventHub::push(std::string_view event, const std::string& data) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(in_wire_form(id(first_ + events_.size()), event, data));
    bytes_ += held_by(events_.back());
    while (bytes_ > max_bytes_ && events_.size() > 1) {
      bytes_ -= held_by(events_.front());
      events_.pop_front();
      ++first_;
    }
  }
  on_event_();
}

std::string EventHub::last_id() const {
  const std::lock_guard lock(mutex_);
  return id(first_ + events_.size() - 1);
}

EventHub::Start EventHub::start(std::string_view last_event_id) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = first_ + events_.size();
  if (last_event_id.empty()) return {now, false};
  std::uint64_t number = 0;
  if (!last_event_id.starts_with(epoch_ + "-")) return {now, true};
  last_event_id.remove_prefix(epoch_.size() + 1);
  const char* end = last_event_id.data() + last_event_id.size();
  const auto parsed = std::from_chars(last_event_id.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number + 1 < first_ || number >= now) {
    return {now, true};
  }
  return {number + 1, false};
}

std::string EventHub::take(std::uint64_t& next) const {
  constexpr std::size_t kAtOnce = std::size_t{256} << 10;
  const std::lock_guard lock(mutex_);
  std::string out;
  if (next < first_) {
    out = in_wire_form(id(first_ - 1), "reset", "{}");
    next = first_;
  }
  while (next < first_ + events_.size() && out.size() < kAtOnce) {
    out += events_[static_cast<std::size_t>(next - first_)];
    ++next;
  }
  return out;
}

std::string EventHub::format(std::uint64_t next, std::string_view event,
                             const std::string& data) const {
  return in_wire_form(id(next - 1), event, data);
}

}  // namespace graft
