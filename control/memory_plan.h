// MemoryPlan: how much memory the data plane takes, and whether it comes from hugepages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"
#include "control/config.h"
#include "dataplane/fragment_table.h"

namespace shunt {

struct MemoryNeed {
  uint64_t buffer_bytes = 0;           // packet buffers, in DPDK's memory
  uint64_t table_bytes = 0;            // connection tables, probation and fragments, outside it
  uint64_t ordinary_buffer_bytes = 0;  // packet buffers without hugepages: there none lies across two pages
};

struct MemoryPlan {
  bool hugepages = false;
  MemoryNeed need;
  std::string notice;  // for the log: why it is ordinary memory; empty where there is nothing to say
};

inline constexpr uint64_t kPageBytes = 2U << 20U;

// Packet buffers of one worker: its queues', and where a port replays a file, that file's packets.
uint32_t worker_buffers(const Config& config, unsigned worker);
MemoryNeed memory_need(const Config& config);
inline FragmentLimits fragment_limits(const Config& config) {
  const FragmentsConfig& fragments = config.fragments;
  const std::chrono::nanoseconds time = fragments.time;
  return {fragments.entries, fragments.bytes, static_cast<uint64_t>(time.count())};
}
// 2 MiB pages for all of it.
uint64_t pages_for(const MemoryNeed& need);

// Reserved 2 MiB pages that nobody uses; nothing where the kernel has none of that kind.
std::optional<uint64_t> free_hugepages(const std::string& sysfs = "/sys/kernel/mm/hugepages");

// What `mode` comes to with so many free pages. An error names the pages needed and free, and the command.
Result<MemoryPlan> plan_memory(MemoryMode mode, const MemoryNeed& need, std::optional<uint64_t> free_pages);

}  // namespace shunt
