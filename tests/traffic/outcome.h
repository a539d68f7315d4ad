// What became of one request, and how an error of the kernel is told apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shunt {

enum class Outcome : uint8_t {
  ok,
  refused,          // a RST to the SYN, or an ICMP port unreachable
  reset,            // a RST later on
  unreachable,      // no route, or an ICMP error that says so
  connect_timeout,  // no answer to the SYNs
  answer_timeout,   // connected, or sent as a datagram, and no whole answer in time
  early_close,      // closed in order before a whole answer
  wrong_answer,     // no HTTP, another length than promised, or not the datagram that was sent
  error_status,     // a whole answer whose status isn't 200 to 399
  no_local_port,    // of this host: all ports towards the target are in use
  no_local_memory,  // of this host: no descriptor or buffer left
  socket_error,     // any other error of the kernel
  not_begun,        // too many were open already: this host's bound, not the target's
  unfinished,       // the run was ended before
};
inline constexpr size_t kOutcomes = 14;

// As in the enumeration: the reports' keys.
std::string_view name(Outcome outcome);
// For a person: "refused", "timed out connecting".
std::string_view words(Outcome outcome);

Outcome outcome_of_errno(int error, bool connecting);

}  // namespace shunt
