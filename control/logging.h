// The daemon's log: spdlog to standard error, from the control thread and DPDK's own messages, as text or as
// JSON (log_json.h). Workers never log.
#pragma once

#include <cstdint>
#include <string_view>

#include "control/config.h"

namespace shunt {

// Once, before anything is logged.
void start_logging(const LogConfig& config);
// Level and format, from the next line on.
void set_logging(const LogConfig& config);
// For EalLog: DPDK's level (rte_log.h) becomes ours.
void log_dpdk(uint32_t level, std::string_view line);

}  // namespace shunt
