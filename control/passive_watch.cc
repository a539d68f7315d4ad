#include "control/passive_watch.h"

#include <array>
#include <chrono>
#include <set>

#include "stats/outcome.h"

namespace shunt {
namespace {

constexpr uint64_t kRecentUs = PassiveEvidence::kSeconds * 1'000'000;

uint64_t wall_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

// The client's /24 or /48.
std::array<uint8_t, 16> network_of(const FlowRecord& record) {
  std::array<uint8_t, 16> network = record.client;
  const size_t kept = (record.flags & kFlowIpv6) != 0 ? 6 : 15;
  std::fill(network.begin() + static_cast<std::ptrdiff_t>(kept), network.end(), uint8_t{0});
  return network;
}

// The TCP services that a pool's backends serve, each with the pool's place in it.
PassiveWatch::Users users_of(const Registry& registry, const std::string& pool) {
  PassiveWatch::Users users;
  for (const auto& [key, service] : registry.services()) {
    const auto position = service.position_of(pool);
    if (service.config.protocol == Protocol::tcp && position) users.emplace_back(&service, *position);
  }
  return users;
}

}  // namespace

// Rows of now and those from before the pool grew.
void PassiveWatch::add_counts(const Users& users, uint16_t number, PassiveSample& sample) const {
  const auto add_row = [&](uint32_t row) {
    for (const WorkerState* worker : engine_.workers()) {
      const PairOutcomes& outcomes = worker->telemetry.pair(row);
      const auto count = [&](FlowOutcome outcome) {
        return outcomes.outcomes[static_cast<size_t>(outcome)].read();
      };
      sample.completed += worker->pairs[row].tracked.read();
      sample.unfinished += count(FlowOutcome::syn_timeout);
      sample.reset += count(FlowOutcome::reset_by_server);
    }
  };
  for (const auto& user : users) {
    const PoolPosition& position = user.first->positions[user.second];
    if (number < position.pairs.capacity) add_row(position.pairs.first + number);
    for (const PairRange& range : position.before) {
      if (number < range.capacity) add_row(range.first + number);
    }
  }
}

std::vector<PassiveSample> PassiveWatch::samples_of(const std::string& pool, const PoolRecord& record) const {
  const std::vector<BackendHealth>* health = compiler_.health(pool);
  const Users users = users_of(compiler_.registry(), pool);
  std::vector<PassiveSample> samples;
  for (const auto& backend : record.backends) {
    if (!backend || !backend->is_active()) continue;
    PassiveSample sample;
    sample.backend = backend->config.name;
    const bool known = health != nullptr && backend->number < health->size();
    const BackendHealth state = known ? (*health)[backend->number] : BackendHealth{};
    sample.share = state.up ? uint64_t{backend->config.weight} * state.accept() : 0;
    add_counts(users, backend->number, sample);
    samples.push_back(std::move(sample));
  }
  return samples;
}

size_t PassiveWatch::networks_of(const std::string& pool, const std::string& backend) const {
  std::set<std::pair<uint16_t, uint16_t>> rows;  // service id and backend reference
  const PoolRecord& record = compiler_.registry().pools().at(pool);
  for (const auto& user : users_of(compiler_.registry(), pool)) {
    for (const auto& each : record.backends) {
      if (each && each->config.name == backend)
        rows.emplace(user.first->id, BackendRef::of(user.second, each->number).raw);
    }
  }
  const uint64_t since = wall_us() - kRecentUs;
  const auto counts = [&](const FlowRecord& flow) {
    return flow.outcome == static_cast<uint8_t>(FlowOutcome::reset_by_server) && flow.ended_us >= since &&
           rows.contains({flow.service, flow.backend});
  };
  std::set<std::array<uint8_t, 16>> networks;
  for (const FlowRecord& flow : engine_.recent_flows().newest(true, kRecentFlows, counts))
    networks.insert(network_of(flow));
  return networks.size();
}

bool PassiveWatch::update(const Tell& tell) {
  bool changed = false;
  const auto& pools = compiler_.registry().pools();
  std::erase_if(pools_, [&](const auto& entry) {
    const auto pool = pools.find(entry.first);
    return pool == pools.end() || !pool->second.config.passive;
  });
  for (const auto& entry : pools) {
    const std::string& name = entry.first;
    if (!entry.second.config.passive) continue;
    const auto networks = [&](const std::string& backend) { return networks_of(name, backend); };
    for (const auto& change : pools_[name].observe(samples_of(name, entry.second), networks)) {
      changed |= compiler_.set_trusted(name, change.backend, change.accept);
      tell(name, change);
    }
  }
  return changed;
}

std::string PassiveWatch::reason(const std::string& pool, const std::string& backend) const {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? std::string() : found->second.reason(backend);
}

}  // namespace shunt
