// Up, down, busy, full.
#include "insight/findings/state_alerts.h"

#include <algorithm>

#include "insight/findings/alert_words.h"

namespace shunt::insight {
namespace {

constexpr int64_t kFlapping_s = 600;
constexpr size_t kFlaps = 6;  // changes: three times down and up
constexpr int64_t kLoad_s = 300;
constexpr size_t kMostReadings = 400;

}  // namespace

// One service: it is the subject's; several: the pool is.
SeriesName StateAlerts::Machine::subject() const {
  return {{}, services.size() == 1 ? *services.begin() : std::string(), {}, {}};
}

std::string StateAlerts::Machine::used_by() const {
  std::string text;
  for (const std::string& service : services)
    text += (text.empty() ? "" : ", ") + service;
  return (services.size() == 1 ? "service " : "services ") + text;
}

StateAlerts::Machines StateAlerts::machines_of(const Standing& standing) {
  Machines machines;
  for (const auto& [name, backend] : standing.backends()) {
    Machine& machine = machines[{name.pool, name.backend}];
    machine.standing = backend;
    machine.services.insert(name.service);
  }
  return machines;
}

void StateAlerts::judge_services(const Standing& standing, std::vector<AlertCondition>& out) const {
  for (const auto& [name, service] : standing.services())
    if (service.up == 0 && service.starting == 0 && service.unknown == 0)
      out.push_back({AlertName::service_down,
                     {{}, name, {}, {}},
                     "none of its " + std::to_string(service.all) +
                         " backends is up: new flows are dropped, or go to backends that are down (panic)"});
}

void StateAlerts::judge_pools(const Machines& machines, std::vector<AlertCondition>& out) const {
  struct Pool {
    size_t all = 0;
    size_t up = 0;
    size_t down = 0;
    Machine machine;
  };
  std::map<std::string, Pool> pools;
  for (const auto& [name, machine] : machines) {
    if (machine.standing.state == BackendState::unknown) continue;
    Pool& pool = pools[name.first];
    ++pool.all;
    pool.up += machine.standing.state == BackendState::up ? 1U : 0U;
    pool.down += machine.standing.state == BackendState::down ? 1U : 0U;
    pool.machine.services.insert(machine.services.begin(), machine.services.end());
  }
  for (const auto& [name, pool] : pools) {
    SeriesName subject = pool.machine.subject();
    subject.pool = name;
    const std::string used = "; used by " + pool.machine.used_by();
    if (pool.up == 0 && pool.down > 0)
      out.push_back({AlertName::pool_down, subject, "no backend of pool " + name + " is up" + used});
    else if (2 * pool.down >= pool.all && pool.down < pool.all)
      out.push_back({AlertName::pool_degraded, subject,
                     std::to_string(pool.down) + " of " + std::to_string(pool.all) + " backends of pool " +
                         name + " are down" + used});
  }
}

void StateAlerts::judge_backends(const Machines& machines, int64_t now_s, std::vector<AlertCondition>& out) {
  std::erase_if(flaps_, [&](const auto& known) { return !machines.contains(known.first); });
  for (const auto& [name, machine] : machines) {
    const BackendState state = machine.standing.state;
    SeriesName subject = machine.subject();
    subject.pool = name.first;
    subject.backend = name.second;
    if (state == BackendState::down) {
      const std::string& reason = machine.standing.reason;
      out.push_back(
          {AlertName::backend_down, subject,
           (reason.empty() ? "its health checks fail" : reason) + "; used by " + machine.used_by()});
    }
    if (state != BackendState::up && state != BackendState::down) continue;
    const auto [at, is_new] = flaps_.try_emplace(name);
    Flaps& flaps = at->second;
    if (!is_new && flaps.up != (state == BackendState::up)) flaps.changes_s.push_back(now_s);
    flaps.up = state == BackendState::up;
    while (!flaps.changes_s.empty() && flaps.changes_s.front() <= now_s - kFlapping_s)
      flaps.changes_s.pop_front();
    if (flaps.changes_s.size() >= kFlaps)
      out.push_back({AlertName::backend_flapping, subject,
                     "it changed between up and down " + std::to_string(flaps.changes_s.size()) +
                         " times within 10 minutes"});
  }
}

double StateAlerts::Load::mean(int64_t now_s) const {
  double sum = 0;
  size_t count = 0;
  for (const auto& [at_s, value] : cpu) {
    if (at_s <= now_s - kLoad_s) continue;
    sum += value;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

void StateAlerts::judge_hosts(const LiveState& live, const Machines& machines,
                              std::vector<AlertCondition>& out) {
  std::erase_if(loads_, [&](const auto& known) { return !live.hosts.contains(known.first); });
  for (const auto& [name, machine] : machines) {
    const auto host = live.hosts.find(machine.standing.address);
    // A host that never had a node_exporter isn't down.
    if (host == live.hosts.end() || host->second.read_s == 0) continue;
    const HostNumbers& numbers = host->second;
    SeriesName subject = machine.subject();
    subject.pool = name.first;
    subject.backend = name.second;
    if (numbers.stale) {
      out.push_back(
          {AlertName::backend_host_down, subject, "node_exporter at " + host->first + " doesn't answer"});
      continue;
    }
    Load& load = loads_[host->first];
    if (numbers.cpu && (load.cpu.empty() || load.cpu.back().first < numbers.read_s))
      load.cpu.emplace_back(numbers.read_s, *numbers.cpu);
    while (!load.cpu.empty() &&
           (load.cpu.front().first <= live.now_s - kLoad_s || load.cpu.size() > kMostReadings))
      load.cpu.pop_front();
    const double cpu = load.mean(live.now_s);
    if (cpu > thresholds_.cpu)
      out.push_back({AlertName::backend_cpu_high, subject, "its CPUs are " + percent_words(cpu) + " busy"});
    if (numbers.memory && *numbers.memory > thresholds_.memory)
      out.push_back(
          {AlertName::backend_mem_high, subject, percent_words(*numbers.memory) + " of its memory is used"});
    if (numbers.disk && *numbers.disk > thresholds_.disk)
      out.push_back({AlertName::backend_disk_high, subject,
                     "its fullest disk is " + percent_words(*numbers.disk) + " full"});
  }
}

void StateAlerts::judge(const LiveState& live, const Standing& standing, std::vector<AlertCondition>& out) {
  const Machines machines = machines_of(standing);
  for (const auto& [name, node] : standing.nodes())
    if (!node.up)
      out.push_back(
          {AlertName::down, {name, {}, {}, {}}, node.error.empty() ? "its API doesn't answer" : node.error});
  judge_services(standing, out);
  judge_pools(machines, out);
  judge_backends(machines, live.now_s, out);
  judge_hosts(live, machines, out);
}

}  // namespace shunt::insight
