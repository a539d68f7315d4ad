// The exit codes of shuntctl. Those above 2 are sysexits.h's.
#pragma once

namespace shunt {

enum CtlExit : int {
  kExitOk = 0,
  kExitFailed = 1,            // shuntd refused or failed, or has nothing by that name
  kExitUsage = 2,             // the command line is wrong
  kExitUnreachable = 69,      // EX_UNAVAILABLE: no shuntd answered
  kExitBadConfiguration = 78  // EX_CONFIG: the configuration has errors
};

}  // namespace shunt
