#include "control/panic_watch.h"

#include <utility>

namespace shunt {
namespace {

std::string counts_of(const std::string& pool, const PoolCondition& condition) {
  return std::to_string(condition.up) + " of " + std::to_string(condition.members) + " backends of pool " +
         pool + " up";
}

// All of nobody is nobody: a pool that is drained whole is in no panic.
ChoiceRule rule_of(const ServiceCondition& condition) {
  ChoiceRule rule = condition.rule;
  if (condition.pool.members == 0) rule.mode = ChoiceMode::up_only;
  return rule;
}

void compare(const ServiceConfig& service, const ServiceCondition& condition, const ChoiceRule& before,
             std::vector<PanicEvent>& events) {
  const ChoiceRule now = rule_of(condition);
  const std::string counts = counts_of(service.pool, condition.pool);
  const bool panics = now.mode == ChoiceMode::everybody;
  if (panics && before.mode != now.mode)
    events.push_back({"pool.panic", service.name, counts + ": new flows go to all of them, up or down"});
  if (!panics && before.mode != now.mode)
    events.push_back({"pool.calm", service.name, counts + ": new flows go to those that are up again"});
  if (now.use_backup == before.use_backup) return;
  if (now.use_backup) {
    events.push_back(
        {"service.backup", service.name, counts + ": new flows go to pool " + service.backup_pool});
  } else {
    events.push_back({"service.primary", service.name, counts + ": the backup pool isn't used any more"});
  }
}

}  // namespace

std::vector<PanicEvent> PanicWatch::update(const std::vector<Seen>& services) {
  std::vector<PanicEvent> events;
  std::map<std::string, ChoiceRule> rules;
  for (const Seen& seen : services) {
    if (seen.condition == nullptr) continue;
    const auto before = rules_.find(seen.service->name);
    compare(*seen.service, *seen.condition, before == rules_.end() ? ChoiceRule{} : before->second, events);
    rules.emplace(seen.service->name, rule_of(*seen.condition));
  }
  rules_ = std::move(rules);
  return events;
}

}  // namespace shunt
