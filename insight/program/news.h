// News: what the log says of what is watched: nodes that come and go, incidents that open and close.
//
// Owner: one thread. Bound: the nodes of the configuration, the incidents that Findings keeps.
#pragma once

#include <map>
#include <string>

#include "insight/findings/findings.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

class News {
 public:
  // Once a second; only what has changed since is told.
  void tell(const LiveState& live, const Findings& findings);

 private:
  void tell_nodes(const LiveState& live);
  void tell_incidents(const Findings& findings);

  std::map<std::string, bool> up_;       // of each node
  std::map<int64_t, std::string> open_;  // incidents and their headlines
};

}  // namespace shunt::insight
