// shuntctl's verbs about VIPs and their routes: routes, announce, exabgp.
#pragma once

#include <functional>
#include <string>

#include "control/ctl_edit.h"
#include "control/ctl_exit.h"
#include "control/ctl_target.h"
#include "control/ctl_views.h"

namespace CLI {
class App;
}

namespace shunt {

// What the verbs need of the command line.
struct CtlRouteVerbs {
  CtlVerbs verbs;
  // Finds shuntd by the options; what is wrong with them is told.
  std::function<CtlExit(const CtlIo& io, CtlTarget& target)> find;
};

void add_route_verbs(CLI::App& app, CtlRouteVerbs verbs);

Result<> show_routes(const std::string& answer, const CtlIo& io);

}  // namespace shunt
