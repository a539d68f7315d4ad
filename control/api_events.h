// Events (event_log.h) as the API tells them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/event_log.h"
#include "http/api_feed.h"

namespace shunt {

// One message for each event after `after`; {"missed": n} where the log has forgotten some in between.
class EventCursor : public ApiFeedCursor {
 public:
  EventCursor(EventLog& log, uint64_t after, std::function<void()> wake);
  ~EventCursor() override;
  EventCursor(const EventCursor&) = delete;
  EventCursor& operator=(const EventCursor&) = delete;
  std::shared_ptr<const std::string> next() override;

 private:
  EventLog& log_;
  uint64_t seen_;
  std::vector<Event> batch_;  // newest first: the next one is the last
  uint64_t listener_;
};

// {"newest": …, "missed": …, "events": […]}. `missed`: what is no longer there, or beyond `limit`, after
// `after`.
std::string events_json(const EventLog& log, uint64_t after, size_t limit);

}  // namespace shunt
