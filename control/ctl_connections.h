// `shuntctl flows --live`: the flows that the workers' tables know now, asked for page by page.
#pragma once

#include <cstdint>
#include <string>

#include "control/ctl_exit.h"
#include "control/ctl_live.h"
#include "control/ctl_views.h"

namespace shunt {

struct ConnectionsWish {
  std::string query;  // the filters, escaped: "&service=web&client=192.0.2.0%2F24"
  size_t limit = 40;
  bool json = false;
};

// Until there are `limit` flows or no more pages. Flows that move between the tables while the pages are read
// may be missing or twice.
CtlExit show_connections(const CtlGet& ask, const ConnectionsWish& wish, const CtlIo& io);

}  // namespace shunt
