// The world of the targets that send packets: the network of tests/packet/network.h with a service for every
// way of forwarding, in both families.
//
//   clients 203.0.113.0/24, 2001:db8:9::/64 ── router ── net0 [shunt] net1 ── 10.0.0.0/24, 2001:db8:1::/64
//                                                                    └── router ── 10.9.0.0/16
#pragma once

#include <string>
#include <vector>

#include "tests/packet/network.h"

namespace shunt::fuzz {

inline const std::string kEncapSource = "10.64.0.0/20";
inline const std::string kEncapSource6 = "2001:db8:64::/64";
inline constexpr uint16_t kTcpPort = 80;
inline constexpr uint16_t kUdpPort = 53;
inline constexpr uint16_t kBackendPort = 8080;

// How one VIP's packets travel. TCP comes to port 80 and UDP to port 53, unless every port is taken.
struct Way {
  std::string vip;
  std::string pool;
  Forward forward = Forward::l2;
  std::string backend;  // the pool's first
  bool any_port = false;
  std::string prefix = {};  // the VIP is one of these
  uint8_t gue_variant = 1;

  bool is_v6() const { return vip.find(':') != std::string::npos; }
  bool to_v6() const { return backend.find(':') != std::string::npos; }
};

// A new mode is a row there.
const std::vector<Way>& ways();

// `backends`: in each pool, but in those of nat and behind the far router, which have one.
Config rich_config(unsigned backends);
KernelView rich_kernel();

}  // namespace shunt::fuzz
