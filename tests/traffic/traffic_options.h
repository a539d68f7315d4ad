// What shunt-traffic was asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/tools/duration.h"
#include "tests/tools/socket.h"
#include "tests/traffic/profile.h"

namespace shunt {

struct TrafficOptions {
  Endpoint target;
  bool udp = false;
  std::vector<IpAddress> sources;  // taken in turn; empty: the kernel's choice
  uint16_t first_port = 0;         // local ports, taken in turn by each source; 0: the kernel's choice
  uint16_t last_port = 0;
  uint32_t keep = 1;  // requests of one connection, or datagrams of one socket
  std::string path = "/";
  uint32_t datagram_bytes = 64;
  uint64_t connect_timeout_ns = 3 * kNsPerSecond;
  uint64_t answer_timeout_ns = 5 * kNsPerSecond;
  uint32_t max_open = 20'000;
  uint64_t requests = 0;  // closed loop: how many; 0: open loop
  uint32_t concurrent = 10;
  Profile profile;
  std::string csv;
  uint64_t max_failed = 0;
  bool json = false;
  bool quiet = false;
  bool plan = false;

  bool is_closed_loop() const { return requests != 0; }
};

}  // namespace shunt
