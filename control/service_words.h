// What a service's settings are called in the configuration and wherever it is shown.
#pragma once

#include "common/forwarding.h"
#include "control/config.h"

namespace shunt {

inline const char* protocol_text(Protocol protocol) {
  return protocol == Protocol::tcp ? "tcp" : "udp";
}

inline const char* scheduler_text(Scheduler scheduler) {
  switch (scheduler) {
    case Scheduler::rendezvous:
      return "rendezvous";
    case Scheduler::source_hash:
      return "source-hash";
    case Scheduler::round_robin:
      return "round-robin";
    case Scheduler::least_connections:
      return "least-connections";
    case Scheduler::least_response_time:
      return "least-response-time";
    default:
      return "maglev";
  }
}

inline const char* forward_text(Forward forward) {
  switch (forward) {
    case Forward::l2:
      return "l2";
    case Forward::ipip:
      return "ipip";
    case Forward::gue:
      return "gue";
    case Forward::gre:
      return "gre";
    case Forward::nat:
      return "nat";
    case Forward::full_nat:
      return "full-nat";
  }
  return "?";
}

}  // namespace shunt
