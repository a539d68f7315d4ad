#include "control/discovery_guard.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "control/discovered_backends.h"

namespace shunt {
namespace {

using Key = std::pair<IpAddress, uint16_t>;

Key key_of(const BackendConfig& backend) {
  return {backend.address, backend.port};
}

bool is_usable(const BackendConfig& backend) {
  return backend.weight > 0 && backend.admin == AdminState::enabled;
}

}  // namespace

GuardedAnswer guard_answer(const std::vector<BackendConfig>& accepted,
                           const std::vector<BackendConfig>& answer, double max_change) {
  std::map<Key, const BackendConfig*> now;
  for (const BackendConfig& backend : answer)
    now.emplace(key_of(backend), &backend);
  GuardedAnswer guarded;
  std::set<Key> known;
  std::set<std::string> names;
  for (const BackendConfig& backend : accepted) {
    known.insert(key_of(backend));
    names.insert(backend.name);
    if (!is_usable(backend)) continue;
    ++guarded.usable;
    const auto found = now.find(key_of(backend));
    if (found == now.end() || !is_usable(*found->second)) ++guarded.removed;
  }
  constexpr double kRounding = 1e-9;
  guarded.held =
      static_cast<double>(guarded.removed) > max_change * static_cast<double>(guarded.usable) + kRounding;
  if (!guarded.held) {
    guarded.use = answer;
    return guarded;
  }
  guarded.use = accepted;
  for (const BackendConfig& backend : answer) {
    if (guarded.use.size() >= kMostPoolBackends) break;
    if (known.contains(key_of(backend)) || !names.insert(backend.name).second) continue;
    guarded.use.push_back(backend);
  }
  return guarded;
}

}  // namespace shunt
