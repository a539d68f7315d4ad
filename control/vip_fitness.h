// How fit a VIP is to be announced, and what metric its route has: arithmetic, without kernel or clock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "control/config.h"

namespace shunt {

// Of one service, its backup pool included. Members: neither drained nor disabled, weight over 0.
struct Fitness {
  uint32_t up = 0;       // their checks say so, or they have none
  uint32_t waiting = 0;  // no check has ended yet
  uint32_t members = 0;
  uint32_t needed = 1;  // announce_min

  bool fit() const { return up >= needed; }
  // Nothing that is known speaks against it.
  bool may_be_fit() const { return up + waiting >= needed; }

  // Whole tenths of the members that are down. Who waits isn't.
  uint32_t tenths_down() const {
    const uint32_t down = members - std::min(members, up + waiting);
    return members == 0 ? 0 : 10 * down / members;
  }
};

// At most metric + 10 × metric_step, which validation keeps within 32 bits.
inline uint32_t route_metric(const RoutesConfig& routes, uint32_t tenths_down) {
  return routes.metric + tenths_down * routes.metric_step;
}

}  // namespace shunt
