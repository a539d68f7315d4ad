#include "control/flow_metrics.h"

#include <array>
#include <map>
#include <string>
#include <utility>

#include "control/metric_filler.h"

namespace shunt {
namespace {

using Families = std::vector<prometheus::MetricFamily>;
using Labels = MetricLabels;
using Buckets = std::vector<prometheus::ClientMetric::Bucket>;
// Pool and backend.
using Who = std::pair<std::string, std::string>;

Labels labels_of(const std::string& service, const Who& who) {
  return {{"service", service}, {"pool", who.first}, {"backend", who.second}};
}

Labels with(Labels labels, const char* name, std::string value) {
  labels.push_back({name, std::move(value)});
  return labels;
}

// Failures of a flow that had a backend; the other two are a service's.
constexpr std::array<FlowOutcome, 5> kBackendFailures = {
    FlowOutcome::reset_by_server, FlowOutcome::reset_by_client, FlowOutcome::syn_timeout,
    FlowOutcome::idle_timeout, FlowOutcome::icmp_unreachable};

std::map<Who, FlowCounts> counts_of(const ServiceOutcomes& service, bool collapse) {
  std::map<Who, FlowCounts> counts;
  for (const BackendOutcomes& backend : service.backends)
    counts[{backend.pool, collapse ? std::string() : backend.name}] += backend.counts;
  return counts;
}

Buckets buckets_of(const LatencySummary& summary) {
  Buckets buckets(kSummaryBuckets);
  for (size_t i = 0; i < kSummaryBuckets; ++i)
    buckets[i] = {summary.below[i], edge_seconds(i, summary.unit)};
  return buckets;
}

// One without values would be 19 series that say nothing.
void add_times(MetricFiller& family, Labels labels, const LatencySummary& summary) {
  if (summary.count == 0) return;
  family.add_histogram(std::move(labels), summary.count, summary.sum, buckets_of(summary));
}

void add_chains(MetricFiller& family, const ServiceOutcomes& service) {
  uint64_t count = 0;
  uint64_t attempts = 0;
  Buckets buckets;
  for (size_t i = 0; i < kChainLengths; ++i) {
    count += service.chains[i];
    attempts += service.chains[i] * (i + 1);
    // The last one holds longer chains too.
    if (i + 1 < kChainLengths) buckets.push_back({count, static_cast<double>(i + 1)});
  }
  family.add_histogram({{"service", service.name}}, count, static_cast<double>(attempts), std::move(buckets));
}

// Only what can be added is added: quantiles are left as they are.
void merge(LatencySummary& into, const LatencySummary& other) {
  if (into.count == 0) {
    into = other;
    return;
  }
  into.count += other.count;
  into.sum += other.sum;
  for (size_t i = 0; i < kSummaryBuckets; ++i)
    into.below[i] += other.below[i];
}

struct Times {
  LatencySummary connect;
  LatencySummary response;
  LatencySummary duration;
};

std::map<Who, Times> times_of(const ServiceLatency& service, bool collapse) {
  std::map<Who, Times> times;
  for (const BackendLatency& backend : service.backends) {
    Times& sum = times[{backend.pool, collapse ? std::string() : backend.name}];
    merge(sum.connect, backend.connect);
    merge(sum.response, backend.response);
    merge(sum.duration, backend.duration);
  }
  return times;
}

}  // namespace

void add_outcomes(Families& families, const std::vector<ServiceOutcomes>& services, bool collapse) {
  using Filler = MetricFiller;
  auto closed = Filler::counter("shunt_flows_closed_total", "Flows that ended as flows should.");
  auto failures = Filler::counter("shunt_flow_failures_total",
                                  "Flows that ended otherwise; backend is empty where none was chosen.");
  auto revived = Filler::counter("shunt_flows_revived_total", "Flows that went on after a RST or FIN.");
  auto syns = Filler::counter("shunt_syn_retransmits_total", "SYNs that came again.");
  auto reconnects =
      Filler::counter("shunt_reconnects_total", "Flows that a client opened within 10 s of a failure.");
  auto data = Filler::counter("shunt_data_retransmits_total",
                              "Segments of watched flows with data that was sent before.");
  auto watched = Filler::counter("shunt_flows_watched_total", "Flows that were watched packet by packet.");
  auto unwatched =
      Filler::counter("shunt_flows_unwatched_total", "Flows to be watched that there was no place for.");
  for (const ServiceOutcomes& service : services) {
    for (const auto& [who, counts] : counts_of(service, collapse)) {
      const Labels labels = labels_of(service.name, who);
      closed.add(labels, counts.of(FlowOutcome::closed));
      for (const FlowOutcome reason : kBackendFailures)
        failures.add(with(labels, "reason", std::string(name_of(reason))), counts.of(reason));
      revived.add(labels, counts.revived);
      syns.add(labels, counts.syn_retransmits);
      reconnects.add(labels, counts.reconnects);
      data.add(labels, counts.data_retransmits);
      watched.add(labels, counts.watched);
      unwatched.add(labels, counts.unwatched);
    }
    for (const FlowOutcome reason : {FlowOutcome::no_backend, FlowOutcome::shed}) {
      failures.add(with(labels_of(service.name, {}), "reason", std::string(name_of(reason))),
                   service.total.of(reason));
    }
  }
  for (MetricFiller* family : {&closed, &failures, &revived, &syns, &reconnects, &data, &watched, &unwatched})
    family->into(families);
}

void add_retries(Families& families, const std::vector<ServiceOutcomes>& services) {
  auto chains =
      MetricFiller::histogram("shunt_retry_chain_length",
                              "Attempts of a client in a row, the last of which succeeded or was given up.");
  auto gaps = MetricFiller::histogram("shunt_retry_gap_seconds",
                                      "Between SYNs (syn), and between a failure and the next attempt.");
  for (const ServiceOutcomes& service : services) {
    add_chains(chains, service);
    add_times(gaps, {{"service", service.name}, {"kind", "syn"}}, service.syn_gaps);
    add_times(gaps, {{"service", service.name}, {"kind", "reconnect"}}, service.reconnect_gaps);
  }
  chains.into(families);
  gaps.into(families);
}

void add_latency(Families& families, const std::vector<ServiceLatency>& services, bool collapse) {
  auto connect = MetricFiller::histogram("shunt_connect_duration_seconds", "From a flow's first SYN.");
  auto response =
      MetricFiller::histogram("shunt_first_byte_duration_seconds", "From a question to its answer.");
  auto duration = MetricFiller::histogram("shunt_flow_duration_seconds", "Watched flows, whole.");
  for (const ServiceLatency& service : services) {
    for (const auto& [who, times] : times_of(service, collapse)) {
      const Labels labels = labels_of(service.name, who);
      add_times(connect, with(labels, "method", times.connect.method), times.connect);
      add_times(response, with(labels, "method", times.response.method), times.response);
      add_times(duration, labels, times.duration);
    }
  }
  connect.into(families);
  response.into(families);
  duration.into(families);
}

void add_records(Families& families, const std::vector<RecordStatus>& workers) {
  auto pushed = MetricFiller::counter("shunt_flow_records_total", "Flow records given to the reader's ring.");
  auto dropped = MetricFiller::counter("shunt_flow_events_dropped_total",
                                       "Flow records that found the reader's ring full.");
  for (const RecordStatus& worker : workers) {
    const Labels labels = {{"worker", std::to_string(worker.worker)}};
    pushed.add(labels, worker.pushed);
    dropped.add(labels, worker.dropped);
  }
  pushed.into(families);
  dropped.into(families);
}

}  // namespace shunt
