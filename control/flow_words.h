// What the states of flows in the workers' tables are called: kConnectionStates of flow_status.h.
#pragma once

#include "dataplane/probation_table.h"
#include "dataplane/tcp_state.h"

namespace shunt {

inline const char* flow_state_text(TcpState state) {
  switch (state) {
    case TcpState::none:
      return "udp";
    case TcpState::established:
    case TcpState::watched:
    case TcpState::revived:
      return "established";
    case TcpState::fin_client:
      return "fin_client";
    case TcpState::fin_backend:
      return "fin_backend";
    case TcpState::closing:
      return "closing";
    case TcpState::reset:
      break;
  }
  return "reset";
}

// Of one in probation.
inline const char* flow_state_text(ProbationKind kind) {
  switch (kind) {
    case ProbationKind::syn:
      return "syn";
    case ProbationKind::udp:
      return "udp";
    default:
      return "mid_flow";
  }
}

}  // namespace shunt
