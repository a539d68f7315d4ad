// HostReading: what one answer of node_exporter says of a machine, and what two of them tell together.
//
// Values. What an answer doesn't say, or says wrongly (a share outside of 0 to 1), is nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/result.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

struct HostReading {
  int64_t at_ms = 0;                     // when it came
  std::optional<double> started_s;       // the machine: another one has other counters
  std::optional<double> cpu_s;           // of all CPUs in all modes, since its start
  std::optional<double> idle_s;          // of these: idle, and waiting for disks
  std::optional<double> memory;          // used share: what the kernel could give (MemAvailable) isn't used
  std::optional<double> disk;            // of the fullest filesystem that is one
  std::optional<double> received_bytes;  // all devices but lo
  std::optional<double> sent_bytes;
};

// An error: it has nothing that a node_exporter says.
Result<HostReading> read_host(std::string_view text, int64_t at_ms);

// What is so now, and what was counted since `before`. Nothing before, a machine that started anew, counters
// that fell, no time between them: no rates.
HostNumbers host_numbers(const std::optional<HostReading>& before, const HostReading& now);

}  // namespace shunt::insight
