// Times as the API writes them: RFC 3339, UTC, whole seconds.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace shunt {

// "2025-01-31T12:00:00Z"; empty for the epoch.
std::string rfc3339(std::chrono::system_clock::time_point time);

// Nothing where it isn't one, or lies before the epoch.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(const std::string& text);

}  // namespace shunt
