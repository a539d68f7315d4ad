// TcpState: what the connection table knows of a TCP connection (3 bits), and how a packet changes it.
//
// Anybody may spoof a client's RST or FIN, so neither ends an entry: it only shortens the time that the entry
// may stay idle, and is taken back by a packet that its sender would not send after it:
//  - after a RST, any packet of the client. One of the backend is no proof (it was under way when the client
//  reset), and a
//    connection that goes on has packets of the client.
//  - after a FIN, payload from the same side. A bare ACK is no proof (the last of a closing is one), nor is
//  payload from the
//    other side (half close: the client's FIN ends its request, the answer follows). Each packet still
//    restarts the idle time, so that a long answer after the client's FIN is not cut.
// A SYN changes nothing here: on an entry that is closing it opens a flow anew, in probation, and only the
// ACK that follows replaces the entry. Behind DSR only the client's packets are seen.
#pragma once

#include <cstdint>

namespace shunt {

enum class TcpState : uint8_t {
  none,  // UDP
  established,
  watched,      // none or established, of a flow that telemetry looks at: lookup's short way leaves it alone
  revived,      // established, after a FIN or RST that was taken back: its end has been told
  fin_client,   // the client sent a FIN
  fin_backend,  // the backend did
  closing,      // both did
  reset,        // somebody sent a RST
};
inline constexpr unsigned kTcpStates = 8;  // what 3 bits can say: the size of an array by state

inline constexpr uint32_t kResetTimeoutSeconds = 10;

namespace tcp_flag {
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kAck = 0x10;
}  // namespace tcp_flag

// Such an entry is no longer counted as active, a SYN that hits it opens anew, and probation is asked before
// it.
inline constexpr bool is_closing(TcpState state) {
  return state >= TcpState::fin_client;
}

inline constexpr TcpState state_after_fin(TcpState state, bool from_backend) {
  const TcpState own = from_backend ? TcpState::fin_backend : TcpState::fin_client;
  const TcpState other = from_backend ? TcpState::fin_client : TcpState::fin_backend;
  return state == other || state == TcpState::closing ? TcpState::closing : own;
}

inline constexpr TcpState state_after_payload(TcpState state, bool from_backend) {
  const TcpState own = from_backend ? TcpState::fin_backend : TcpState::fin_client;
  const TcpState other = from_backend ? TcpState::fin_client : TcpState::fin_backend;
  if (state == own) return TcpState::revived;
  return state == TcpState::closing ? other : state;
}

inline constexpr TcpState next_state(TcpState state, uint8_t tcp_flags, bool has_payload, bool from_backend) {
  if (state == TcpState::none) return state;
  if ((tcp_flags & tcp_flag::kRst) != 0) return TcpState::reset;
  if ((tcp_flags & tcp_flag::kSyn) != 0) return state;
  if (state == TcpState::reset) {
    if (from_backend) return state;
    state = TcpState::revived;
  }
  if ((tcp_flags & tcp_flag::kFin) != 0) return state_after_fin(state, from_backend);
  return has_payload ? state_after_payload(state, from_backend) : state;
}

}  // namespace shunt
