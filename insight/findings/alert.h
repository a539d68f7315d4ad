// What a person should be told: rules, what they say now, what they said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "insight/kpi/series_name.h"

namespace shunt::insight {

enum class AlertSeverity : uint8_t { info, warning, critical };
enum class AlertState : uint8_t { pending, firing, resolved };
std::string_view alert_severity_name(AlertSeverity severity);
std::string_view alert_state_name(AlertState state);

struct AlertRule {
  std::string name;
  AlertSeverity severity = AlertSeverity::warning;
  int64_t for_s = 0;
  std::string text;     // what it watches, in words
  std::string runbook;  // what to look at and do
};
struct LiveAlert {
  size_t rule = 0;
  SeriesName subject;  // parts that don't apply are empty
  AlertState state = AlertState::pending;
  int64_t since_s = 0;
  std::string text;
};
struct AlertEvent {
  int64_t at_s = 0;
  size_t rule = 0;
  std::string subject;  // "web/web-1", "lb1"
  AlertState state = AlertState::firing;
  std::string text;
};

// "web/web-1" (service, else pool, and backend), "web", "lb1".
std::string subject_text(const SeriesName& subject);

}  // namespace shunt::insight
