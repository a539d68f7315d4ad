// What shuntctl shows as it happens: `events` and `top`. Both ask again once a second, so they need nothing
// but requests, and work over every kind of address.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "control/ctl_exit.h"
#include "control/ctl_views.h"

namespace shunt {

// Asks for a path; anything but kExitOk has been told already.
using CtlGet = std::function<CtlExit(const std::string& path, std::string& body)>;

struct LiveWish {
  bool json = false;
  bool follow = false;    // until the output is closed, or `rounds` are over
  bool terminal = false;  // top: paints over what it painted
  uint32_t limit = 40;    // events
  uint64_t rounds = UINT64_MAX;
  std::chrono::milliseconds pause{1'000};
};

CtlExit show_events(const CtlGet& ask, const LiveWish& wish, const CtlIo& io);
// Once: two readings, since the first has no rates.
CtlExit show_top(const CtlGet& ask, const LiveWish& wish, const CtlIo& io);

}  // namespace shunt
