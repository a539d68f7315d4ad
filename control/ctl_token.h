// `shuntctl token`: makes a token of the API. Needs no daemon.
#pragma once

#include <string>

#include "control/ctl_exit.h"
#include "control/ctl_views.h"

namespace shunt {

struct TokenWish {
  std::string name;
  std::string role;
  std::string expires;  // "30d", "12h", "2027-01-31T12:00:00Z"; empty: never
  bool json = false;
};

// Prints the token, once, and the line that the token file takes.
CtlExit print_token(const TokenWish& wish, const CtlIo& io);

}  // namespace shunt
