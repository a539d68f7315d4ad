// `shunt-probe http`: one new TCP connection for each HTTP/1.0 request, and who answered.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/tools/duration.h"
#include "tests/tools/socket.h"

namespace shunt {

struct HttpOptions {
  Endpoint target;
  std::vector<IpAddress> sources;
  std::string path = "/";
  uint32_t requests = 1000;
  uint32_t concurrent = 10;
  uint64_t each_timeout_ns = 2 * kNsPerSecond;
  uint64_t until_ok_ns = 0;  // not 0: instead of `requests`, one after the other until one is answered 200
  uint32_t in_a_row = 1;     // … or that many in a row
};

// Prints the report; returns the exit status: 0 if every request was answered 200 (with until_ok: if that
// came in time).
int run_http(const HttpOptions& options);

}  // namespace shunt
