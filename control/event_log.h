// EventLog: what happened of late, numbered and in words: for `shuntctl events`, the API and whoever watches.
//
// Owner: the control thread; listeners are called on it, at once. Bound: the last kKeptEvents; numbers begin
// at 1 and have no holes, so a reader sees what it missed. Names of kinds: docs/events.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace shunt {

struct Event {
  uint64_t number = 0;
  std::chrono::system_clock::time_point at;
  std::string kind;     // "backend.down"
  std::string subject;  // "web/web-1"
  std::string text;     // one line for a person
};

class EventLog {
 public:
  static constexpr size_t kKeptEvents = 1'000;
  using Listener = std::function<void(const Event&)>;

  void add(std::string kind, std::string subject, std::string text) {
    events_.push_back(
        {++newest_, std::chrono::system_clock::now(), std::move(kind), std::move(subject), std::move(text)});
    if (events_.size() > kKeptEvents) events_.pop_front();
    const Event event = events_.back();
    const auto listeners = listeners_;  // one may leave, or add an event
    for (const auto& [id, listener] : listeners)
      listener(event);
  }

  // Those with a number above `after`, oldest first, at most the newest `limit` of them.
  std::vector<Event> after(uint64_t after, size_t limit = kKeptEvents) const {
    const auto first = std::ranges::upper_bound(events_, after, {}, &Event::number);
    const auto count = std::min<size_t>(static_cast<size_t>(events_.end() - first), limit);
    return {events_.end() - static_cast<std::ptrdiff_t>(count), events_.end()};
  }
  uint64_t newest() const { return newest_; }

  // Until forget(what this returned).
  uint64_t listen(Listener listener) {
    listeners_.emplace(++last_listener_, std::move(listener));
    return last_listener_;
  }
  void forget(uint64_t listener) { listeners_.erase(listener); }

 private:
  std::deque<Event> events_;
  uint64_t newest_ = 0;
  std::map<uint64_t, Listener> listeners_;
  uint64_t last_listener_ = 0;
};

}  // namespace shunt
