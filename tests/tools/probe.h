// One run of the probe: open over the ramp, hold, drain, report.
#pragma once

#include "tests/tools/probe_options.h"

namespace shunt {

// Prints the report; returns the exit status: 0, 1 (more broken than allowed) or 2 (couldn't start).
int run_probe(const ProbeOptions& options);

}  // namespace shunt
