// What shunt-probe was asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/tools/duration.h"
#include "tests/tools/socket.h"

namespace shunt {

struct ProbeOptions {
  Endpoint target;
  std::vector<IpAddress> sources;  // taken in turn; empty: the kernel's choice
  uint32_t tcp = 0;
  uint32_t udp = 0;
  uint64_t interval_ns = 100 * kNsPerMs;
  uint64_t duration_ns = 10 * kNsPerSecond;  // after the ramp
  uint64_t ramp_ns = kNsPerSecond;
  uint64_t silence_ns = 15 * kNsPerSecond;
  uint64_t connect_timeout_ns = 10 * kNsPerSecond;
  uint64_t udp_rate = 0;  // datagrams a second over all flows; 0: each flow at its interval
  uint32_t message_bytes = 64;
  std::string status_file;
  std::string control;
  std::vector<std::string> expect_lost;
  uint64_t max_broken = 0;

  const IpAddress* source_of(uint32_t flow) const {
    return sources.empty() ? nullptr : &sources[flow % sources.size()];
  }
};

// Time and randomness of one run.
struct RunOrigin {
  uint64_t start_ns = 0;
  uint64_t seed = 0;

  uint64_t nonce(uint32_t flow, bool is_udp) const {
    return seed ^ ((uint64_t{flow} * 2 + (is_udp ? 1 : 0) + 1) * 0x9e3779b97f4a7c15U);
  }
};

}  // namespace shunt
