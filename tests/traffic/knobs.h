// Knobs: what shunt-test-backend does wrong or slowly, settable at the start and while it runs.
//
// Each is one row of the table in knobs.cc: name, how it is read, how it is shown, what it means.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "tests/traffic/latency_law.h"

namespace shunt {

struct Knobs {
  LatencyLaw latency;          // from a request's arrival at a worker to its answer
  uint64_t workers = 0;        // requests worked on at once, the others wait in line; 0: any number
  double errors = 0;           // share of requests answered 500
  double reset = 0;            // share of requests answered by a RST
  double hang = 0;             // share of requests and datagrams that are never answered
  double udp_loss = 0;         // share of datagrams that are thrown away
  bool healthy = true;         // what /health says
  uint64_t backlog = 4096;     // of listen()
  uint64_t accept_gap_ns = 0;  // from one accept to the next
  uint64_t data_bytes = 1024;  // of /api/data, unless asked for another size
  bool crash_now = false;
  uint64_t crash_after = 0;  // requests from now on; 0: never
  uint64_t exit_code = 1;    // of a crash

  // Sets one, as in "errors=0.1"; nothing changes on an error, which names the knob.
  Result<> set(std::string_view assignment);
  // Sets all of `assignments`, separated by white space or '&'; or none, on an error.
  Result<> set_all(std::string_view assignments);
  // NAME=VALUE of each.
  std::vector<std::pair<std::string, std::string>> shown() const;
  // A line on each, for --help.
  static std::string reference();
};

inline constexpr uint64_t kMaxDataBytes = 16U << 20U;

}  // namespace shunt
