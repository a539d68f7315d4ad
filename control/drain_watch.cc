#include "control/drain_watch.h"

#include <algorithm>

#include "control/balance_keeper.h"

namespace shunt {
namespace {

// Removed, draining, or of weight 0; what is disabled has no flows to wait for.
bool is_draining(const BackendRecord& backend) {
  if (backend.departure.presence == Presence::draining) return true;
  if (!backend.is_active() || backend.config.admin == AdminState::disabled) return false;
  return !backend.is_member();
}

bool is_over(const BackendRecord& backend) {
  return backend.departure.presence == Presence::gone || backend.drain_over;
}

// In how long every opening that the pool's services remember has become a flow, or nothing.
uint64_t longest_opening_ns(const Registry& registry, const std::string& pool) {
  seconds longest{0};
  for (const auto& [key, service] : registry.services()) {
    if (!service.position_of(pool)) continue;
    const TimeoutConfig& timeouts = service.config.timeouts;
    longest = std::max(longest, service.config.protocol == Protocol::tcp ? timeouts.syn : timeouts.udp);
  }
  return static_cast<uint64_t>(longest.count()) * 1'000'000'000U;
}

}  // namespace

void DrainWatch::look(const Registry& registry, std::span<const WorkerState* const> workers, uint64_t now_ns,
                      const Tell& tell) {
  for (auto& [name, draining] : known_)
    draining.seen = false;
  for (const auto& [name, pool] : registry.pools()) {
    for (const auto& backend : pool.backends) {
      if (!backend) continue;
      const auto found = known_.find({name, backend->number});
      if (!is_draining(*backend) && !(found != known_.end() && is_over(*backend))) continue;
      const auto flows =
          static_cast<uint64_t>(std::max<int64_t>(live_flows(registry, name, backend->number, workers), 0));
      Draining& draining = known_[{name, backend->number}];
      draining.seen = true;
      if (draining.since_ns == 0) {
        draining.since_ns = now_ns;
        tell(News::begun, name, *backend, flows);
      }
      if (draining.ended || draining.over) continue;
      draining.over = is_over(*backend);
      draining.ended = flows == 0 && now_ns - draining.since_ns >= longest_opening_ns(registry, name);
      if (draining.ended) {
        tell(News::ended, name, *backend, flows);
      } else if (draining.over) {
        tell(News::time_over, name, *backend, flows);
      }
    }
  }
  std::erase_if(known_, [](const auto& entry) { return !entry.second.seen; });
}

}  // namespace shunt
