// `shuntctl exabgp`: what ExaBGP runs as a process (its text API, 4.x), so that it announces what shuntd
// would.
//
// Asks shuntd for its VIPs a few times a second, and writes what became another. A shuntd that doesn't
// answer, but whose socket is there, changes nothing (its packets flow on); one that is gone has its routes
// withdrawn after restart_grace. Cost: one small request each kExabgpPause.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/ctl_exit.h"
#include "control/ctl_target.h"

namespace shunt {

inline constexpr std::chrono::milliseconds kExabgpPause{200};

// What ExaBGP was told, and what it is to be told next. No I/O.
class ExabgpRoutes {
 public:
  // The answer of /api/v1/routes: the lines that make ExaBGP's routes those. Withdrawals come first.
  Result<std::vector<std::string>> follow(const std::string& answer);
  std::vector<std::string> withdraw_all();
  std::chrono::milliseconds grace() const { return grace_; }

 private:
  std::map<std::string, std::string> told_;  // prefix with length → attributes
  std::chrono::milliseconds grace_{2'000};
};

// One line to ExaBGP, and its answer.
class ExabgpPipe {
 public:
  // `answers` is read, `lines` written; both stay the caller's.
  ExabgpPipe(int answers, int lines, std::ostream& log) : answers_(answers), lines_(lines), log_(log) {}

  // False: ExaBGP is gone. A line that it refuses is told to the log. Where answers are off
  // (exabgp.api.ack=false) the first one is waited for and no other.
  bool send(const std::string& line);
  // Waits so long, and reads what comes unasked; false: ExaBGP is gone.
  bool wait(std::chrono::milliseconds time);

 private:
  // The next whole line; nothing when none came in time.
  std::optional<std::string> read_line(std::chrono::steady_clock::time_point deadline);

  int answers_;
  int lines_;
  std::ostream& log_;
  std::string buffer_;
  bool gone_ = false;
  bool answered_ = false;    // ever
  bool unanswered_ = false;  // answers are off
};

// Until ExaBGP ends it: by closing its pipe, or SIGTERM, whereafter all routes are withdrawn.
CtlExit run_exabgp(const CtlTarget& target, std::ostream& log);

}  // namespace shunt
