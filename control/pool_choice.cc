#include "control/pool_choice.h"

#include <algorithm>

namespace shunt {
namespace {

constexpr size_t kPanicMembers =
    5;  // fewer: one failing rack switch is "most of them", and not a reason to send there

bool is_member(const BackendRecord& backend, const BackendHealth& state) {
  return backend.is_active() && backend.config.weight > 0 && state.asked > 0;
}

}  // namespace

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
                       uint64_t now_ns) {
  PoolChoice choice;
  choice.accept.assign(pool.backends.size(), 0);
  choice.passed_over.assign(pool.backends.size(), 0);
  const auto drain_ns = static_cast<uint64_t>(pool.config.drain.count()) * 1'000'000'000U;
  std::vector<const BackendRecord*> members;
  for (const auto& backend : pool.backends) {
    if (!backend) continue;
    const BackendHealth& state = health[backend->number];
    const bool member = is_member(*backend, state);
    const bool chosen = member && (state.up || mode == ChoiceMode::everybody);
    choice.accept[backend->number] = chosen ? state.accept() : uint16_t{0};
    const bool refused_long = state.refused_since_ns != 0 && now_ns - state.refused_since_ns > drain_ns;
    choice.passed_over[backend->number] = !chosen && refused_long ? 1 : 0;
    if (member) members.push_back(&*backend);
  }
  // In the order of address and port, which is the same on every shunt; numbers aren't.
  std::ranges::sort(members, {}, [](const BackendRecord* backend) {
    return std::pair(backend->config.address, backend->config.port);
  });
  uint64_t sum = 0;
  for (const BackendRecord* backend : members) {
    sum += uint64_t{backend->config.weight} * choice.accept[backend->number];
    choice.running_sum.push_back(sum);
    choice.numbers.push_back(backend->number);
  }
  return choice;
}

ChoiceRule rule_for(const PoolCondition& pool, const PoolCondition* backup, double panic) {
  const auto down = static_cast<double>(pool.members - pool.up);
  if (pool.up > 0 && down <= panic * static_cast<double>(pool.members)) return {false, ChoiceMode::up_only};
  if (backup != nullptr && backup->up > 0) return {true, ChoiceMode::up_only};
  if (panic < 1 && (pool.members >= kPanicMembers || pool.up == 0)) return {false, ChoiceMode::everybody};
  return {false, ChoiceMode::up_only};
}

}  // namespace shunt
