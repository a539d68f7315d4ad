// One run of shunt-traffic, from its first request to its report.
#pragma once

#include "tests/traffic/traffic_options.h"

namespace shunt {

// Exit status: 0, 1 (more than max_failed failed), 2 (couldn't start or write what was asked for).
int run_traffic(const TrafficOptions& options);

// Prints when each request would begin, in seconds, and sends nothing.
int print_plan(const TrafficOptions& options);

}  // namespace shunt
