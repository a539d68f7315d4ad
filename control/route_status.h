// The VIPs and how they are announced, as values for the API.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"

namespace shunt {

struct VipStatus {
  Prefix vip;
  std::string announce;  // arp | route | none
  std::string service;   // the one with the most backends down
  uint32_t up = 0;       // of its backends
  uint32_t members = 0;
  uint32_t needed = 0;     // announce_min
  bool fit = false;        // each of the VIP's services is
  bool announced = false;  // answered for, or a route is there
  uint32_t metric = 0;     // of the route
  std::string reason;      // why it is or isn't announced, for a person
};

struct RoutesStatus {
  bool announcing = true;  // false: standby, `shuntctl announce off`
  bool stopping = false;
  uint32_t restart_grace_ms = 0;
  std::string exabgp;  // what stands behind an address in ExaBGP's text
  std::vector<VipStatus> vips;
};

}  // namespace shunt
