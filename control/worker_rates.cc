#include "control/worker_rates.h"

#include <algorithm>

namespace shunt {
namespace {

constexpr uint64_t kWindowNs = 1'000'000'000U;

double ratio(uint64_t part, uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

WorkerRates::Reading WorkerRates::reading_of(const WorkerCounters& counters, uint64_t now_ns) {
  Reading reading;
  reading.at_ns = now_ns;
  reading.busy_ns = counters.busy_ns.read();
  reading.bursts = counters.bursts.read();
  reading.packets = counters.packets.read();
  for (size_t i = 0; i < kStages; ++i)
    reading.stages[i] = {counters.stages[i].ticks.read(), counters.stages[i].packets.read()};
  return reading;
}

void WorkerRates::read(const WorkerCounters& counters, uint64_t now_ns) {
  if (last_.at_ns != 0 && now_ns - last_.at_ns < kWindowNs) return;
  const Reading before = last_;
  last_ = reading_of(counters, now_ns);
  if (before.at_ns == 0) return;
  busy_ = std::min(1.0, ratio(last_.busy_ns - before.busy_ns, now_ns - before.at_ns));
  const uint64_t bursts = last_.bursts - before.bursts;
  if (bursts != 0) packets_per_burst_ = ratio(last_.packets - before.packets, bursts);
  uint64_t all_ticks = 0;
  for (size_t i = 0; i < kStages; ++i) {
    const uint64_t ticks = last_.stages[i].ticks - before.stages[i].ticks;
    const uint64_t packets = last_.stages[i].packets - before.stages[i].packets;
    all_ticks += ticks;
    if (packets != 0) stages_[i] = ratio(ticks, packets);
  }
  const auto receive = static_cast<size_t>(Stage::receive);
  const uint64_t received = last_.stages[receive].packets - before.stages[receive].packets;
  if (received != 0) all_stages_ = ratio(all_ticks, received);
}

}  // namespace shunt
