// `shuntctl capture`: packets as a pcapng file, or through a pipe as they come.
#pragma once

#include <cstdint>
#include <string>

#include "control/ctl_exit.h"
#include "control/ctl_target.h"
#include "control/ctl_views.h"

namespace shunt {

struct CaptureWish {
  std::string drop;  // reasons, with commas
  uint32_t count = 10'000;
  uint32_t seconds = 60;
  uint32_t snap = 256;
  std::string file;  // empty: to the output, which is no terminal then
};

// `query`: of the path, with its question mark.
CtlExit write_capture(const CtlTarget& target, const std::string& query, const CaptureWish& wish, bool json,
                      const CtlIo& io);

}  // namespace shunt
