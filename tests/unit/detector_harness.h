// Feeds made-up telemetry to the detectors as insight does: a SeriesDetector per service KPI, peers and
// counts per backend.
#pragma once

#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "insight/detect/failure_test.h"
#include "insight/detect/peer_outlier.h"
#include "insight/detect/series_detector.h"
#include "tests/unit/synthetic_telemetry.h"

namespace shunt {

struct Alarm {
  size_t step = 0;
  std::string who;  // "flows", "latency", "peer latency 2", "failures 0"
  std::string words;
};

inline void watch_series(const SyntheticTelemetry& made, const std::vector<double>& values,
                         const std::string& who, std::vector<Alarm>& alarms) {
  SeriesDetector detector;
  for (size_t step = 0; step < values.size(); ++step) {
    const Verdict verdict = detector.observe(made.time_s[step], values[step]);
    if (verdict.alarm) alarms.push_back({step, who, verdict_words(verdict)});
  }
}

inline void watch_peers(const SyntheticTelemetry& made, std::vector<double> SyntheticBackend::* kpi,
                        const std::string& who, std::vector<Alarm>& alarms) {
  PeerOutlier peers(made.backends.size());
  std::vector<double> values(made.backends.size());
  for (size_t step = 0; step < made.steps(); ++step) {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = (made.backends[i].*kpi)[step];
    const auto verdicts = peers.observe(values);
    for (size_t i = 0; i < verdicts.size(); ++i)
      if (verdicts[i].began)
        alarms.push_back({step, "peer " + who + " " + std::to_string(i), peer_words(verdicts[i])});
  }
}

inline void watch_counts(const SyntheticTelemetry& made, std::vector<double> SyntheticBackend::* kpi,
                         const std::string& who, std::vector<Alarm>& alarms) {
  for (size_t i = 0; i < made.backends.size(); ++i) {
    const SyntheticBackend& backend = made.backends[i];
    FailureTest test;
    bool failing = false;
    for (size_t step = 0; step < made.steps(); ++step) {
      const auto verdict = test.observe(static_cast<uint64_t>((backend.*kpi)[step]),
                                        static_cast<uint64_t>(backend.flows[step]));
      if (verdict.failing && !failing)
        alarms.push_back({step, who + " " + std::to_string(i), failure_words(verdict, who)});
      failing = verdict.failing;
    }
  }
}

inline std::vector<Alarm> watch(const SyntheticTelemetry& made) {
  std::vector<Alarm> alarms;
  const SyntheticBackend service = made.service();
  watch_series(made, service.flows, "flows", alarms);
  watch_series(made, service.latency_ms, "latency", alarms);
  watch_peers(made, &SyntheticBackend::latency_ms, "latency", alarms);
  watch_peers(made, &SyntheticBackend::flows, "flows", alarms);
  watch_counts(made, &SyntheticBackend::failures, "failures", alarms);
  watch_counts(made, &SyntheticBackend::syn_retransmits, "syn_retransmits", alarms);
  watch_counts(made, &SyntheticBackend::reconnects, "reconnects", alarms);
  return alarms;
}

}  // namespace shunt
