// ApiAudit: one line of JSON for each write that was asked for, done or refused: when, who, from where, what,
// outcome.
//
// Owner: the control thread. A line is one write() to a file opened for appending, so a reader sees whole
// lines. What can't be written is counted and told once, and stops nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"
#include "http/api_message.h"

namespace shunt {

struct AuditLine {
  std::chrono::system_clock::time_point when;
  const ApiCaller& caller;
  std::string_view method;
  std::string_view target;  // path and query
  unsigned status = 0;
  uint64_t generation = 0;  // in use afterwards
};

class ApiAudit {
 public:
  // "": no file. Opens it anew where it is the same too, as whoever rotates logs wants it. An error leaves
  // the one that was open.
  Result<> open(const std::string& file);
  // False where the file is broken since now: worth a word.
  bool add(const AuditLine& line);
  uint64_t lost() const { return lost_; }

 private:
  UniqueFd fd_;
  uint64_t lost_ = 0;
  bool broken_ = false;
};

std::string audit_text(const AuditLine& line);

}  // namespace shunt
