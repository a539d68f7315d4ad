#include "control/cpu_placement.h"

#include <sched.h>

#include <algorithm>
#include <iterator>
#include <string>

namespace shunt {
namespace {

std::vector<unsigned> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

std::vector<unsigned> control_cpus(const std::vector<uint32_t>& workers) {
  const std::vector<unsigned> all = allowed_cpus();
  std::vector<unsigned> rest;
  std::ranges::copy_if(all, std::back_inserter(rest),
                       [&](unsigned cpu) { return std::ranges::find(workers, cpu) == workers.end(); });
  return rest.empty() ? all : rest;
}

Result<> check_worker_cpus(const std::vector<uint32_t>& workers) {
  const std::vector<unsigned> all = allowed_cpus();
  for (const uint32_t cpu : workers) {
    if (std::ranges::find(all, cpu) != all.end()) continue;
    return Error{"[dataplane] workers",
                 "CPU " + std::to_string(cpu) + " isn't one that shuntd may use (see nproc and taskset -p)"};
  }
  return Ok{};
}

}  // namespace shunt
