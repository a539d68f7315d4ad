// The command line of shuntctl: options, subcommands, help and exit codes.
#pragma once

#include "control/command_tree.h"
#include "control/ctl_exit.h"
#include "control/ctl_views.h"

namespace shunt {

// `arguments` as main gets them. Reads the environment's SHUNT_API. Prints to `io` and nowhere else.
CtlExit run_shuntctl(int count, const char* const* arguments, const CtlIo& io);

// What it may say: for the manual page.
Command shuntctl_command();

}  // namespace shunt
