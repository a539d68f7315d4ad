// Finding: something that is set up wrong, in words (doctor.h finds them).
#pragma once

#include <cstdint>
#include <string>

namespace shunt {

enum class Gravity : uint8_t { fault, warning, note };

struct Finding {
  std::string name;  // "no-route": one of docs/doctor.md
  Gravity gravity = Gravity::fault;
  std::string subject;  // "backend web/web-1"
  std::string text;     // what is wrong
  std::string remedy;   // what to do
};

// "fault", "warning", "note".
const char* to_text(Gravity gravity);

}  // namespace shunt
