// One synthetic request through a VIP, as a client on this host would send it: by the kernel's route to the
// VIP.
//
// Owner: the control thread, asynchronous. Bound: kProbeTimeout over all, 64 KiB of answer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "common/address.h"

namespace boost::asio {
class io_context;
}

namespace shunt {

inline constexpr std::chrono::milliseconds kProbeTimeout{3'000};

struct RequestTarget {
  std::string service;
  IpAddress address;
  uint16_t port = 0;
  std::string path;  // of a GET; empty: connect and close
};

struct ProbeResult {
  RequestTarget target;
  std::optional<double> connect_seconds;     // nothing: it didn't come to that
  std::optional<double> first_byte_seconds;  // from the connection on
  double seconds = 0;                        // all of it
  std::optional<unsigned> status;            // of the HTTP answer
  uint64_t bytes = 0;                        // of the answer
  std::string error;                         // empty: it went well
};

// Calls `done` once, later. The port is above 0, the path is empty or begins with '/'.
void start_probe(boost::asio::io_context& io, RequestTarget target, std::function<void(ProbeResult)> done);

// The schema "Probe".
std::string probe_json(const ProbeResult& result);

}  // namespace shunt
