// How flows end: a closed list. The names are labels of metrics and words of shuntctl.
//
// What ends a flow first counts, and nothing after it: a RST behind a FIN is part of closing, and a server
// that is gone answers each packet that was under way with another RST. So the outcomes of all flows are as
// many as the flows that ended. `idle_timeout` is TCP's; a flow of UDP has no other end, and is closed by it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shunt {

enum class FlowOutcome : uint8_t {
  closed,           // a FIN of either side; UDP: idle
  reset_by_server,  // nat; elsewhere the server's packets don't pass here
  reset_by_client,
  syn_timeout,       // no handshake in the service's `syn` time
  idle_timeout,      // silent for the service's `established` time
  icmp_unreachable,  // so a router or host said while the flow was opening
  no_backend,        // nobody to give it to
  shed,              // refused on purpose
};
inline constexpr size_t kOutcomes = 8;
inline constexpr std::array<std::string_view, kOutcomes> kOutcomeNames = {
    "closed",       "reset_by_server",  "reset_by_client", "syn_timeout",
    "idle_timeout", "icmp_unreachable", "no_backend",      "shed"};

constexpr std::string_view name_of(FlowOutcome outcome) {
  return kOutcomeNames[static_cast<size_t>(outcome)];
}

// Those after which a client tries again.
constexpr bool is_failure(FlowOutcome outcome) {
  return outcome != FlowOutcome::closed && outcome != FlowOutcome::reset_by_client &&
         outcome != FlowOutcome::idle_timeout;
}

}  // namespace shunt
