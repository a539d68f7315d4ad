// One question to a running shuntd: an HTTP request over its unix socket, TCP or TLS 1.3, and the answer.
//
// Cost: a connection each. Bound: the timeout, over connecting, asking and reading together (looking up a
// name isn't in it); 256 MiB of answer.
#pragma once

#include <chrono>
#include <functional>
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

// The same of an answer that grows: its body goes to `sink` as it comes, which says false when it wants no
// more. A refusal (not 2xx) has its body in the answer. `timeout`: of each part's coming.
Result<HttpAnswer> stream_from_shuntd(const CtlTarget& target, std::string_view method, std::string_view path,
                                      std::chrono::milliseconds timeout,
                                      const std::function<bool(std::string_view)>& sink);

}  // namespace shunt
