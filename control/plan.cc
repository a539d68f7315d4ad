#include "control/plan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <tuple>
#include <utility>

#include "common/duration.h"
#include "control/config_fields.h"
#include "control/plan_slots.h"

namespace shunt {
namespace {

std::vector<FieldChange> differences(const Fields& from, const Fields& to) {
  std::vector<FieldChange> changed;
  const auto value_in = [](const Fields& fields, const std::string& key) {
    const auto found = std::ranges::find(fields, key, &Fields::value_type::first);
    return found == fields.end() ? std::string("-") : found->second;
  };
  for (const auto& [key, before] : from) {
    std::string after = value_in(to, key);
    if (after != before) changed.push_back({key, before, std::move(after)});
  }
  for (const auto& [key, after] : to) {
    if (std::ranges::find(from, key, &Fields::value_type::first) == from.end())
      changed.push_back({key, "-", after});
  }
  return changed;
}

// Compares two lists of parts by what makes a part itself.
template <typename Part, typename KeyOf, typename NameOf>
class Comparison {
 public:
  Comparison(Plan& plan, PlanPart part, KeyOf key_of, NameOf name_of)
      : plan_(plan), part_(part), key_of_(key_of), name_of_(name_of) {}

  void run(const std::vector<Part>& from, const std::vector<Part>& to) {
    std::map<decltype(key_of_(from.front())), const Part*> before;
    for (const Part& part : from)
      before.emplace(key_of_(part), &part);
    for (const Part& part : to) {
      const auto found = before.find(key_of_(part));
      if (found == before.end()) {
        add(PlanVerb::added, part, {});
        continue;
      }
      auto fields = differences(fields_of(*found->second), fields_of(part));
      if (!fields.empty()) add(PlanVerb::changed, part, std::move(fields));
      before.erase(found);
    }
    for (const Part& part : from) {
      if (before.contains(key_of_(part))) add(PlanVerb::removed, part, {});
    }
  }

 private:
  void add(PlanVerb verb, const Part& part, std::vector<FieldChange> fields) {
    PlanChange change;
    change.verb = verb;
    change.part = part_;
    change.name = name_of_(part);
    change.fields = std::move(fields);
    plan_.changes.push_back(std::move(change));
  }

  Plan& plan_;
  PlanPart part_;
  KeyOf key_of_;
  NameOf name_of_;
};

template <typename Part, typename KeyOf, typename NameOf>
void compare_parts(Plan& plan, PlanPart part, const std::vector<Part>& from, const std::vector<Part>& to,
                   KeyOf key_of, NameOf name_of) {
  Comparison<Part, KeyOf, NameOf>(plan, part, key_of, name_of).run(from, to);
}

void compare_backends(Plan& plan, const Config& from, const Config& to) {
  std::map<std::string, std::pair<const PoolConfig*, const PoolConfig*>> pools;
  for (const PoolConfig& pool : from.pools)
    pools[pool.name].first = &pool;
  for (const PoolConfig& pool : to.pools)
    pools[pool.name].second = &pool;
  static const std::vector<BackendConfig> none;
  for (const auto& [name, sides] : pools) {
    compare_parts(
        plan, PlanPart::backend, sides.first != nullptr ? sides.first->backends : none,
        sides.second != nullptr ? sides.second->backends : none,
        [](const BackendConfig& backend) { return std::pair(backend.address, backend.port); },
        [&, pool = name](const BackendConfig& backend) { return pool + "/" + backend.name; });
  }
}

uint64_t count_of(const auto& counts, const auto& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

const FieldChange* field(const PlanChange& change, std::string_view key) {
  const auto found = std::ranges::find(change.fields, key, &FieldChange::key);
  return found == change.fields.end() ? nullptr : &*found;
}

// The fate of a backend's flows; a renamed one is counted by its old name.
void judge_backend(PlanChange& change, const Config& from, const ActiveFlows& flows) {
  std::string name = change.name;
  if (const FieldChange* renamed = field(change, "name"))
    name = name.substr(0, name.find('/') + 1) + renamed->from;
  const auto backend = BackendName::parse(name);
  if (!backend) return;
  const FieldChange* admin = field(change, "admin");
  const bool draining = admin != nullptr && admin->to == admin_text(AdminState::draining);
  if (change.verb == PlanVerb::removed || draining) change.fate = FlowFate::kept;
  if (admin != nullptr && admin->to == admin_text(AdminState::disabled)) change.fate = FlowFate::cut;
  if (change.fate == FlowFate::untouched) return;
  change.flows = count_of(flows.backends, *backend);
  const auto pool = std::ranges::find(from.pools, backend->pool, &PoolConfig::name);
  if (change.fate == FlowFate::kept && pool != from.pools.end())
    change.kept_for = duration_text(milliseconds(pool->drain));
}

void judge_service(PlanChange& change, const Config& from, const ActiveFlows& flows) {
  if (change.verb == PlanVerb::added) return;
  const FieldChange* renamed = field(change, "name");
  const FieldChange* pool = field(change, "pool");
  if (change.verb == PlanVerb::removed) change.fate = FlowFate::cut;
  if (pool != nullptr) change.fate = FlowFate::kept;
  if (change.fate == FlowFate::untouched) return;
  change.flows = count_of(flows.services, renamed != nullptr ? renamed->from : change.name);
  if (pool == nullptr) return;
  const auto old = std::ranges::find(from.pools, pool->from, &PoolConfig::name);
  if (old != from.pools.end()) change.kept_for = duration_text(milliseconds(old->drain));
}

std::string counted(uint64_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

}  // namespace

const char* verb_text(PlanVerb verb) {
  constexpr std::array kTexts = {"added", "removed", "changed"};
  return kTexts[static_cast<size_t>(verb)];
}

const char* part_text(PlanPart part) {
  constexpr std::array kTexts = {"node", "port", "pool", "backend", "service"};
  return kTexts[static_cast<size_t>(part)];
}

std::string PlanChange::text() const {
  std::string line = std::string(part_text(part)) + (name.empty() ? "" : " " + name) + ": ";
  if (verb != PlanVerb::changed) line += verb_text(verb);
  for (size_t i = 0; i < fields.size(); ++i)
    line += (i == 0 ? "" : ", ") + fields[i].key + " " + fields[i].from + " → " + fields[i].to;
  if (flows == 0) return line;
  line += "; " + counted(flows, "active flow") + (flows == 1 ? " is " : " are ");
  if (fate == FlowFate::cut) return line + "cut";
  return line + "kept" + (kept_for.empty() ? "" : " for up to " + kept_for);
}

std::string SlotMove::text() const {
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.1f", share() * 100);
  return "pool " + pool + ": " + percent.data() + " % of the slots (" + std::to_string(moved) + " of " +
         std::to_string(slots) + ") give new flows to another backend";
}

uint64_t Plan::flows(FlowFate fate) const {
  uint64_t sum = 0;
  for (const PlanChange& change : changes)
    sum += change.fate == fate ? change.flows : 0;
  return sum;
}

std::string Plan::summary() const {
  std::map<std::pair<PlanPart, PlanVerb>, uint64_t> counts;
  for (const PlanChange& change : changes)
    ++counts[{change.part, change.verb}];
  std::string all;
  for (const auto& [what, count] : counts) {
    const auto& [part, verb] = what;
    const std::string noun = part == PlanPart::node ? "the node's sections" : counted(count, part_text(part));
    all += (all.empty() ? "" : ", ") + noun + " " + verb_text(verb);
  }
  return all.empty() ? "nothing changes" : all;
}

std::vector<std::string> Plan::lines() const {
  std::vector<std::string> all;
  for (const PlanChange& change : changes)
    all.push_back(change.text());
  for (const SlotMove& move : moves)
    all.push_back(move.text());
  return all;
}

Plan compare(const Config& from, const Config& to) {
  Plan plan;
  if (auto fields = differences(node_fields_of(from), node_fields_of(to)); !fields.empty()) {
    PlanChange change;
    change.fields = std::move(fields);
    plan.changes.push_back(std::move(change));
  }
  const auto by_name = [](const auto& part) { return part.name; };
  compare_parts(plan, PlanPart::port, from.ports, to.ports, by_name, by_name);
  compare_parts(plan, PlanPart::pool, from.pools, to.pools, by_name, by_name);
  compare_backends(plan, from, to);
  compare_parts(
      plan, PlanPart::service, from.services, to.services,
      [](const ServiceConfig& service) {
        return std::tuple(service.address, service.protocol, service.port);
      },
      by_name);
  return plan;
}

Plan make_plan(const Config& from, const Config& to, const HashKey& cluster_key, const ActiveFlows& flows) {
  Plan plan = compare(from, to);
  for (PlanChange& change : plan.changes) {
    if (change.part == PlanPart::backend) judge_backend(change, from, flows);
    if (change.part == PlanPart::service) judge_service(change, from, flows);
  }
  for (const PoolConfig& pool : to.pools) {
    const auto before = std::ranges::find(from.pools, pool.name, &PoolConfig::name);
    if (before == from.pools.end()) continue;
    if (SlotMove move = moved_slots(from, *before, to, pool, cluster_key); move.moved != 0)
      plan.moves.push_back(move);
  }
  return plan;
}

}  // namespace shunt
