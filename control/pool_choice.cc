#include "control/pool_choice.h"

#include <algorithm>
#include <numeric>

#include "control/turn_order.h"

namespace shunt {
namespace {

constexpr size_t kPanicMembers =
    5;  // fewer: one failing rack switch is "most of them", and not a reason to send there

// How far round-robin looks ahead: as many turns as the shares need to be exact, but no more than this.
constexpr uint32_t kMostTurns = 16'384;

bool is_member(const BackendRecord& backend, const BackendHealth& health) {
  return backend.is_member() && health.asked > 0;
}

bool is_taking(const BackendRecord& backend, const BackendHealth& health) {
  return is_member(backend, health) && health.up;
}

std::vector<uint16_t> turns_of(const std::vector<uint32_t>& share, const std::vector<uint16_t>& numbers) {
  std::vector<uint16_t> taking;
  std::vector<uint32_t> shares;
  uint64_t sum = 0;
  uint32_t common = 0;
  for (const uint16_t number : numbers) {
    if (share[number] == 0) continue;
    taking.push_back(number);
    shares.push_back(share[number]);
    sum += share[number];
    common = std::gcd(common, share[number]);
  }
  if (taking.empty()) return {};
  const auto count = static_cast<uint32_t>(std::min<uint64_t>(sum / common, kMostTurns));
  std::vector<uint16_t> turns = turn_order(share_out(shares, count), count);
  for (uint16_t& turn : turns)
    turn = taking[turn];
  return turns;
}

// 1 to kAcceptAll, of a member. Where everybody is chosen only what they ask for themselves counts.
uint16_t accept_of(const PoolConfig& pool, const BackendHealth& health, ChoiceMode mode, uint64_t now_ns) {
  if (mode == ChoiceMode::everybody) return health.asked;
  return static_cast<uint16_t>(std::max(1, health.accept() * risen(pool, health, now_ns) / kAcceptAll));
}

}  // namespace

void note_acceptance(const PoolRecord& pool, std::vector<BackendHealth>& health, uint64_t now_ns) {
  health.resize(pool.backends.size());
  bool others_take = false;
  for (size_t number = 0; number < health.size(); ++number) {
    const auto& backend = pool.backends[number];
    if (!backend) health[number] = BackendHealth{};  // free: whoever gets the number starts afresh
    if (!pool.config.health) {
      health[number].up = true;
      health[number].asked = kAcceptAll;
    }
    if (!pool.config.passive) health[number].trusted = kAcceptAll;
    const BackendHealth& state = health[number];
    others_take |= backend && state.seen && state.refused_since_ns == 0 && is_taking(*backend, state);
  }
  for (size_t number = 0; number < health.size(); ++number) {
    const auto& backend = pool.backends[number];
    if (!backend) continue;
    BackendHealth& state = health[number];
    const bool was_taking = state.seen && state.refused_since_ns == 0;
    state.seen = true;
    if (!is_taking(*backend, state)) {
      if (state.refused_since_ns == 0) state.refused_since_ns = now_ns;
      continue;
    }
    state.refused_since_ns = 0;
    if (!was_taking) state.rising_since_ns = others_take ? now_ns : 0;
  }
}

uint16_t risen(const PoolConfig& pool, const BackendHealth& health, uint64_t now_ns) {
  const auto whole_ns = static_cast<uint64_t>(pool.slow_start.count()) * 1'000'000U;
  if (health.rising_since_ns == 0 || now_ns - health.rising_since_ns >= whole_ns) return kAcceptAll;
  const uint64_t grown = kAcceptAll * (now_ns - health.rising_since_ns) / whole_ns;
  return static_cast<uint16_t>(std::max<uint64_t>(grown, 1));
}

PoolCondition condition_of(const PoolRecord& pool, const std::vector<BackendHealth>& health) {
  PoolCondition condition;
  for (const auto& backend : pool.backends) {
    if (!backend || !is_member(*backend, health[backend->number])) continue;
    ++condition.members;
    condition.up += health[backend->number].up ? 1U : 0U;
  }
  return condition;
}

PoolChoice make_choice(const PoolRecord& pool, const std::vector<BackendHealth>& health, ChoiceMode mode,
                       uint64_t now_ns, bool with_turns) {
  PoolChoice choice;
  choice.accept.assign(pool.backends.size(), 0);
  choice.passed_over.assign(pool.backends.size(), 0);
  choice.share.assign(pool.backends.size(), 0);
  const auto drain_ns = static_cast<uint64_t>(pool.config.drain.count()) * 1'000'000'000U;
  std::vector<const BackendRecord*> members;
  for (const auto& backend : pool.backends) {
    if (!backend) continue;
    const BackendHealth& state = health[backend->number];
    const bool member = is_member(*backend, state);
    const bool chosen = member && (state.up || mode == ChoiceMode::everybody);
    choice.accept[backend->number] = chosen ? accept_of(pool.config, state, mode, now_ns) : uint16_t{0};
    const bool refused_long = state.refused_since_ns != 0 && now_ns - state.refused_since_ns > drain_ns;
    choice.passed_over[backend->number] = !chosen && (refused_long || !backend->keeps_flows()) ? 1 : 0;
    if (member) members.push_back(&*backend);
  }
  // In the order of address and port, which is the same on every shunt; numbers aren't.
  std::ranges::sort(members, {}, [](const BackendRecord* backend) {
    return std::pair(backend->config.address, backend->config.port);
  });
  uint64_t sum = 0;
  for (const BackendRecord* backend : members) {
    const uint32_t share = uint32_t{backend->config.weight} * choice.accept[backend->number];
    sum += share;
    choice.share[backend->number] = share;
    choice.running_sum.push_back(sum);
    choice.numbers.push_back(backend->number);
    if (backend->config.max_connections == 0) continue;
    choice.limit.resize(pool.backends.size());
    choice.limit[backend->number] = backend->config.max_connections;
  }
  if (with_turns) choice.turns = turns_of(choice.share, choice.numbers);
  return choice;
}

bool goes_by_load(Scheduler scheduler) {
  return scheduler == Scheduler::least_connections || scheduler == Scheduler::least_response_time;
}

bool has_limits(const PoolRecord& pool) {
  return std::ranges::any_of(pool.backends, [](const auto& backend) {
    return backend && backend->is_active() && backend->config.max_connections != 0;
  });
}

ChoiceRule rule_for(const PoolCondition& pool, const PoolCondition* backup, double panic) {
  const auto down = static_cast<double>(pool.members - pool.up);
  if (pool.up > 0 && down <= panic * static_cast<double>(pool.members)) return {false, ChoiceMode::up_only};
  if (backup != nullptr && backup->up > 0) return {true, ChoiceMode::up_only};
  if (panic < 1 && (pool.members >= kPanicMembers || pool.up == 0)) return {false, ChoiceMode::everybody};
  return {false, ChoiceMode::up_only};
}

}  // namespace shunt
