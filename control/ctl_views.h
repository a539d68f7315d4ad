// What a person sees: the API's JSON answers as tables.
//
// Each function takes the answer's text; what isn't the JSON it expects is an error, never an exception.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "common/result.h"

namespace shunt {

// Where shuntctl writes, and when it is: tests give their own.
struct CtlIo {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;
  std::chrono::system_clock::time_point now;
  bool terminal = false;  // `out` may be painted over
};

Result<> show_status(const std::string& answer, const CtlIo& io);
Result<> show_services(const std::string& answer, const CtlIo& io);
Result<> show_backends(const std::string& answer, const CtlIo& io);
Result<> show_drops(const std::string& answer, const CtlIo& io);
Result<> show_reload(const std::string& answer, const CtlIo& io);

// The answer of /api/v1/backends with only those of this service or pool; an error when there is neither.
Result<std::string> only_backends_of(const std::string& answer, const std::string& name);

// An RFC 9457 answer: its detail, then each of its lists' texts on lines of their own.
std::string problem_text(const std::string& answer, unsigned status);

}  // namespace shunt
