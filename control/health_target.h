// HealthTarget: one backend as it is checked.
#pragma once

#include <cstdint>
#include <string>

#include "common/address.h"
#include "control/config.h"

namespace shunt {

struct HealthTarget {
  std::string pool;
  std::string backend;
  IpAddress address;
  uint16_t port = 0;  // of no meaning to icmp
  HealthConfig config;
  std::chrono::seconds damping{0};  // of its pool
  std::optional<IpAddress> source;  // what the check comes from; absent: the kernel chooses
  // Through the tunnel: the address that the kernel's way into it goes by, and the VIP behind that.
  std::optional<IpAddress> probe = {};
  std::optional<IpAddress> vip = {};

  const IpAddress& peer() const { return probe ? *probe : address; }
  // What Host and the certificate say where nothing else is configured.
  const IpAddress& named() const { return vip ? *vip : address; }

  // Where the settings stand in their file is no part of it: a line added above must not restart checks.
  bool operator==(const HealthTarget& other) const {
    const HealthSettings& settings = config;
    return pool == other.pool && backend == other.backend && address == other.address && port == other.port &&
           damping == other.damping && source == other.source && probe == other.probe && vip == other.vip &&
           settings == other.config;
  }
};

}  // namespace shunt
