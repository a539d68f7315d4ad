// Starting and ending DPDK's environment (EAL), which is process-wide: once per process, from the control
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace shunt {

struct EalSettings {
  bool hugepages = false;                  // else ordinary memory, all of it taken at start
  uint32_t ordinary_mib = 0;               // how much, without hugepages
  std::vector<std::string> pci_addresses;  // devices it may probe; none: the bus isn't looked at
  std::vector<unsigned> control_cpus;      // where the calling thread, and those that it starts, may run
  std::string instance;                    // tells this process's files from another's
  bool verbose = false;
};

// Lines of DPDK's own log, from any of its threads. `level`: 1 emergency … 8 debug, as in rte_log.h.
using EalLog = std::function<void(uint32_t level, std::string_view line)>;

Result<> start_eal(const EalSettings& settings, EalLog log);
void stop_eal();
std::string eal_version();
uint64_t eal_tsc_hz();  // ticks of the time stamp counter in a second

}  // namespace shunt
