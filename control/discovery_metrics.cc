#include "control/discovery_metrics.h"

#include "control/metric_filler.h"

namespace shunt {

void add_discovery(std::vector<prometheus::MetricFamily>& families,
                   const std::vector<DiscoveryStatus>& pools) {
  auto state = MetricFiller::gauge("shunt_discovery_state",
                                   "1 for the state that the pool's discovery is in, 0 for the others.");
  auto backends =
      MetricFiller::gauge("shunt_discovery_backends", "Backends of the pool that discovery found.");
  auto unusable = MetricFiller::gauge("shunt_discovery_unusable_entries",
                                      "Entries of the last answer that couldn't be read, or break a rule.");
  auto answered = MetricFiller::gauge("shunt_discovery_last_answer_timestamp_seconds",
                                      "When the source answered last, in seconds since 1970.");
  auto results =
      MetricFiller::counter("shunt_discovery_answers_total", "Tries to ask the source, by result.");
  auto changes = MetricFiller::counter("shunt_discovery_changes_total", "How often the backends changed.");
  for (const DiscoveryStatus& status : pools) {
    const MetricLabels labels = {{"pool", status.pool}};
    const auto with = [&](const char* name, const char* value) {
      MetricLabels more = labels;
      more.push_back({name, value});
      return more;
    };
    for (const DiscoveryState each :
         {DiscoveryState::waiting, DiscoveryState::fresh, DiscoveryState::stale, DiscoveryState::held})
      state.add(with("state", discovery_state_text(each)), status.state == each ? 1 : 0);
    backends.add(labels, status.backends);
    unusable.add(with("why", "skipped"), status.skipped_count);
    unusable.add(with("why", "refused"), status.refused.size());
    if (status.answered_at != std::chrono::system_clock::time_point{}) {
      answered.add(labels, std::chrono::duration<double>(status.answered_at.time_since_epoch()).count());
    }
    results.add(with("result", "taken"), status.answers - status.holds);
    results.add(with("result", "held"), status.holds);
    results.add(with("result", "failed"), status.failures);
    changes.add(labels, status.changes);
  }
  for (MetricFiller* family : {&state, &backends, &unusable, &answered, &results, &changes})
    family->into(families);
}

}  // namespace shunt
