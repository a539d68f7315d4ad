// PanicWatch: says when a service begins to choose among all backends of a pool that is mostly down, or in
// its backup pool, and when that ends.
//
// Owner: the control thread. Pure: conditions in, events out. Bound: an entry for each service.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/compiler.h"
#include "control/config.h"

namespace shunt {

struct PanicEvent {
  std::string kind;     // pool.panic, pool.calm, service.backup, service.primary
  std::string subject;  // the service's name
  std::string text;
};

class PanicWatch {
 public:
  // One for each service that is configured; the others are forgotten. nullptr: not compiled yet.
  struct Seen {
    const ServiceConfig* service = nullptr;
    const ServiceCondition* condition = nullptr;
  };
  std::vector<PanicEvent> update(const std::vector<Seen>& services);

 private:
  std::map<std::string, ChoiceRule> rules_;  // by service
};

}  // namespace shunt
