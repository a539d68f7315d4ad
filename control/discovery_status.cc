#include "control/discovery_status.h"

namespace shunt {

const char* discovery_state_text(DiscoveryState state) {
  switch (state) {
    case DiscoveryState::waiting:
      return "waiting";
    case DiscoveryState::fresh:
      return "fresh";
    case DiscoveryState::stale:
      return "stale";
    case DiscoveryState::held:
      break;
  }
  return "held";
}

}  // namespace shunt
