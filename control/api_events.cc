#include "control/api_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "http/api_time.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

// RFC 3339 with milliseconds: several events may come in one second.
std::string time_text(std::chrono::system_clock::time_point at) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count() % 1000;
  std::string text = rfc3339(at);
  if (text.empty()) return "1970-01-01T00:00:00.000Z";
  text.pop_back();
  return text + "." + std::to_string(1000 + ms).substr(1) + "Z";
}

Json event_json(const Event& event) {
  Json json;
  json["number"] = event.number;
  json["at"] = time_text(event.at);
  json["kind"] = event.kind;
  json["subject"] = event.subject;
  json["text"] = event.text;
  return json;
}

std::string written(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

EventCursor::EventCursor(EventLog& log, uint64_t after, std::function<void()> wake)
    : log_(log),
      seen_(std::min(after, log.newest())),
      listener_(log.listen([wake = std::move(wake)](const Event&) { wake(); })) {}

EventCursor::~EventCursor() {
  log_.forget(listener_);
}

std::shared_ptr<const std::string> EventCursor::next() {
  if (batch_.empty()) {
    batch_ = log_.after(seen_);
    std::ranges::reverse(batch_);
  }
  if (batch_.empty()) return nullptr;
  const Event& event = batch_.back();
  if (const uint64_t missed = event.number - seen_ - 1; missed > 0) {
    seen_ = event.number - 1;
    Json json;
    json["missed"] = missed;
    return std::make_shared<const std::string>(written(json, -1));
  }
  seen_ = event.number;
  auto text = std::make_shared<const std::string>(written(event_json(event), -1));
  batch_.pop_back();
  return text;
}

std::string events_json(const EventLog& log, uint64_t after, size_t limit) {
  const std::vector<Event> events = log.after(after, limit);
  Json json;
  json["newest"] = log.newest();
  json["missed"] = events.empty() ? 0 : events.front().number - after - 1;
  json["events"] = Json::array();
  for (const Event& event : events)
    json["events"].push_back(event_json(event));
  return written(json, 2);
}

}  // namespace shunt
