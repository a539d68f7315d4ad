// Why an entry of the connection table or of probation ended, as its policy is told.
#pragma once

#include <cstdint>

namespace shunt {

enum class EndReason : uint8_t {
  expired,    // idle or old for longer than its timeout
  evicted,    // connection table: the idlest of a full neighbourhood made room
  replaced,   // connection table: the same flow was opened anew
  forgotten,  // probation: overwritten alive
};

}  // namespace shunt
