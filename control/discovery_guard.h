// The guard of discovery: an answer that takes away too large a share of a pool's backends at once isn't
// followed, since a source that is ill looks much like servers that are gone.
//
// Pure. Backends are told apart by address and port.
#pragma once

#include <cstddef>
#include <vector>

#include "control/config.h"

namespace shunt {

struct GuardedAnswer {
  std::vector<BackendConfig> use;
  size_t usable = 0;   // of those accepted before
  size_t removed = 0;  // of these: absent now, of weight 0, or draining
  bool held = false;   // more than `max_change` of them
};

// `accepted`: the last answer that was followed, or empty before the first, which always is. An answer that
// is held takes away nothing and changes nothing, but what it adds is used.
GuardedAnswer guard_answer(const std::vector<BackendConfig>& accepted,
                           const std::vector<BackendConfig>& answer, double max_change);

}  // namespace shunt
