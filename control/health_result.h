// HealthResult: what came of one check, or of one step of it: good, or what was wrong, in words.
#pragma once

#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace shunt {

// `internal` is a fault of our own (no file descriptor, no local port, a source address that isn't here) and
// says nothing about the backend; nor does `cancelled`.
enum class HealthOutcome : uint8_t { ok, failed, refused, timed_out, internal, cancelled };

struct HealthResult {
  HealthOutcome outcome = HealthOutcome::ok;
  std::string reason;  // "connected", "HTTP 503", "connect: Connection refused", "timed out after 500 ms
                       // while connecting"
  double share = 1;  // of its usual new flows that the backend asks for, 0 to 1; 0: drain. Of good ones only
  std::chrono::nanoseconds duration{0};

  bool ok() const { return outcome == HealthOutcome::ok; }
};

// Functions and not initializers: GCC 12 destroys temporaries of aggregates twice in some co_return.
inline HealthResult make_result(HealthOutcome outcome, std::string reason) {
  HealthResult result;
  result.outcome = outcome;
  result.reason = std::move(reason);
  return result;
}

inline HealthResult make_result(HealthOutcome outcome, const std::string& step,
                                const boost::system::error_code& error) {
  return make_result(outcome, step + ": " + error.message());
}

inline HealthResult good(std::string reason) {
  return make_result(HealthOutcome::ok, std::move(reason));
}

inline HealthResult bad(std::string reason) {
  return make_result(HealthOutcome::failed, std::move(reason));
}

inline constexpr size_t kQuotedBytes = 60;

// What a peer said, fit for a log line: printable ASCII, the rest as ?, cut.
inline std::string quoted(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kQuotedBytes))
    shown.push_back(c >= ' ' && c < 0x7f ? c : '?');
  if (text.size() > kQuotedBytes) shown += "…";
  return shown;
}

}  // namespace shunt
