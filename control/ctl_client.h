// One question to a running shuntd: an HTTP request over its unix socket, TCP or TLS 1.3, and the answer.
//
// Cost: a connection each. Bound: the timeout, over connecting, asking and reading together (looking up a
// name isn't in it); 256 MiB of answer.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/result.h"
#include "control/ctl_target.h"

namespace shunt {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

// An error means that nobody was reached or understood; its text says what to do next.
Result<HttpAnswer> ask_shuntd(const CtlTarget& target, std::string_view method, std::string_view path,
                              std::chrono::milliseconds timeout, std::string body = {});

}  // namespace shunt
