// The daemon's log: spdlog to standard error, from the control thread and DPDK's own messages. Workers never
// log.
#pragma once

#include <cstdint>
#include <string_view>

#include "control/config.h"

namespace shunt {

void start_logging(LogLevel level);
void set_log_level(LogLevel level);
// For EalLog: DPDK's level (rte_log.h) becomes ours.
void log_dpdk(uint32_t level, std::string_view line);

}  // namespace shunt
