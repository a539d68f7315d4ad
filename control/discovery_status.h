// DiscoveryStatus: what a pool's discovery source says, as plain values (see status.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shunt {

// waiting: no answer yet. stale: the last try failed, or the answer is from before a restart. held: the
// newest answer takes away more than max_change, and isn't followed.
enum class DiscoveryState : uint8_t { waiting, fresh, stale, held };

struct DiscoveryStatus {
  std::string pool;
  std::string source;  // "dns web.example.net"
  DiscoveryState state = DiscoveryState::waiting;
  std::string reason;                                 // why stale or held; empty otherwise
  std::chrono::system_clock::time_point answered_at;  // the last answer, held or not; the epoch: never
  std::chrono::seconds age{0};                        // of it
  uint64_t backends = 0;                              // in use, of this source
  uint64_t skipped_count = 0;                         // entries of the answer that say nothing usable
  std::vector<std::string> skipped;                   // the first of them
  std::vector<std::string> refused;  // "NAME: why": backends that the configuration's rules forbid
  uint64_t answers = 0;              // since the start
  uint64_t changes = 0;              // of these: with another list than before
  uint64_t failures = 0;
  uint64_t holds = 0;  // answers that were held
};

const char* discovery_state_text(DiscoveryState state);

}  // namespace shunt
