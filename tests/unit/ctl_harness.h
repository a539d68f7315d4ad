// Runs shuntctl's command line in this process and keeps what it printed.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "control/ctl_app.h"
#include "tests/unit/fake_status.h"

namespace shunt {

struct CtlRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Twelve minutes after the fake node started.
inline CtlRun shuntctl(const std::vector<std::string>& arguments, bool colour = false) {
  std::ostringstream out;
  std::ostringstream err;
  std::vector<const char*> pointers = {"shuntctl"};
  for (const std::string& argument : arguments)
    pointers.push_back(argument.c_str());
  const CtlIo io{out, err, colour, kFakeStart + std::chrono::minutes(12)};
  const int code = run_shuntctl(static_cast<int>(pointers.size()), pointers.data(), io);
  return {code, out.str(), err.str()};
}

}  // namespace shunt
