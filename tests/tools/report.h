// The probe's report: JSON for programs, a few lines for people, and the status file that shows it while it
// grows.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "tests/tools/probe_options.h"
#include "tests/tools/tally.h"
#include "tests/tools/tcp_flows.h"
#include "tests/tools/udp_flows.h"

namespace shunt {

struct RunState {
  const char* state = "opening";  // opening, running, draining, done
  uint64_t elapsed_ns = 0;
  uint64_t longest_pause_ns =
      0;  // the probe itself didn't run: what it measured in that time is its own fault
};

struct ReportInput {
  const ProbeOptions& options;
  const RunState& run;
  const TcpFlows& tcp;
  const UdpFlows& udp;
  const LostBackends& lost;

  uint64_t broken() const { return tcp.tally().broken.total() + udp.tally().broken.total(); }
};

std::string report_json(const ReportInput& input);
std::string report_text(const ReportInput& input);

// Readers see the whole old or the whole new content.
Result<> write_atomically(const std::string& file, const std::string& content);

}  // namespace shunt
