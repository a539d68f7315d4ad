// Made-up traffic for Findings, with a clock of its own: what nodes count and say, ten seconds at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "insight/findings/findings.h"
#include "tests/unit/synthetic_telemetry.h"

namespace shunt::insight {

// One interval of one backend at one node.
struct TenSeconds {
  uint64_t opened = 100;
  uint64_t failures = 0;
  uint64_t syn_retransmits = 0;
  uint64_t reconnects = 0;
  double connect_us = 1'000;  // median
  uint64_t times = 40;        // of watched flows
  uint64_t active = 20;
  uint32_t seconds = 10;
};

inline KpiCell cell_of(const TenSeconds& told, double weight = 1) {
  KpiCell cell;
  cell.counts[KpiCount::opened] = told.opened;
  cell.counts.ended(FlowOutcome::closed) = told.opened - std::min(told.opened, told.failures);
  cell.counts.ended(FlowOutcome::syn_timeout) = told.failures;
  cell.counts[KpiCount::syn_retransmits] = told.syn_retransmits;
  cell.counts[KpiCount::reconnects] = told.reconnects;
  cell.active_max = told.active;
  cell.seconds = told.seconds;
  cell.weight = weight;
  for (uint64_t i = 0; i < told.times; ++i) {
    const double part = (static_cast<double>(i) + 0.5) / static_cast<double>(told.times);
    cell.timing(KpiTiming::connect_synack).add(static_cast<uint32_t>(told.connect_us * (0.6 + 0.8 * part)));
  }
  return cell;
}

// A service `web` with backends web-1 … in pool `web`, seen by some nodes.
struct Site {
  explicit Site(size_t count = 4, std::vector<std::string> node_names = {"lb1"},
                FindingSettings settings = {})
      : backends(count), findings(std::make_unique<Findings>(settings, [this](WarehouseRow row) {
          rows.push_back(std::move(row));
        })) {
    live.now_s = kStart_s;
    for (const std::string& name : node_names) {
      LiveNode node;
      node.name = name;
      node.up = true;
      node.started_us = 1;
      LiveService service;
      service.name = {name, "web", {}, {}};
      service.last.seconds = 1;
      service.last.counts[KpiCount::opened] = 40;
      node.services.push_back(service);
      for (size_t i = 0; i < count; ++i) {
        LiveBackend backend;
        backend.name = {name, "web", "web", "web-" + std::to_string(i + 1)};
        backend.address = "10.2.0." + std::to_string(i + 1);
        backend.state = BackendState::up;
        backend.weight = 1;
        node.backends.push_back(backend);
      }
      live.nodes.push_back(std::move(node));
    }
  }

  bool jitters = true;
  static constexpr int64_t kStart_s = 1'767'571'200;  // as synthetic_telemetry.h's
  // Up to 12 per cent more: real traffic never stands still.
  static uint64_t jitter(int64_t begin_s, size_t backend) {
    return (static_cast<uint64_t>(begin_s / 10) * 2'654'435'761U + backend * 40'503U) % 1'009 % 13;
  }
  using Giver = std::function<void(const ClosedCell&)>;

  void give(const Giver& giver, int64_t begin_s) {
    for (const LiveNode& node : live.nodes) {
      if (!node.up) continue;
      KpiCell whole;
      uint64_t active = 0;
      for (size_t i = 0; i < backends.size(); ++i) {
        TenSeconds told = backends[i];
        if (jitters) {
          told.opened += jitter(begin_s, i) * told.opened / 100;
          told.active += jitter(begin_s, i + 1) * told.active / 100;
        }
        const KpiCell cell = cell_of(told, node.backends[i].weight);
        active += cell.active_max;
        whole.merge(cell);
        giver({Resolution::ten_seconds, begin_s, std::make_shared<const SeriesName>(node.backends[i].name),
               cell});
      }
      whole.seconds = backends.empty() ? 10 : backends[0].seconds;
      whole.active_max = active;
      whole.weight.reset();
      giver({Resolution::ten_seconds, begin_s, std::make_shared<const SeriesName>(node.services[0].name),
             whole});
    }
  }
  // The past: `backends` for so many intervals, up to now.
  void learn(size_t intervals) {
    for (size_t i = intervals; i > 0; --i)
      give([&](const ClosedCell& cell) { findings->learn(cell); }, live.now_s - static_cast<int64_t>(i) * 10);
  }
  // Ten seconds pass, with a tick each; then their cells are there.
  void pass(size_t intervals = 1) {
    for (size_t i = 0; i < intervals; ++i) {
      seconds(9);
      give([&](const ClosedCell& cell) { findings->take(cell); }, live.now_s - 9);
      seconds(1);
    }
  }
  void seconds(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      ++live.now_s;
      for (auto& [address, host] : live.hosts)
        if (!host.stale) host.read_s = live.now_s;
      findings->tick(live);
    }
  }
  void set_state(size_t backend, BackendState state, const std::string& reason = {}) {
    for (LiveNode& node : live.nodes) {
      node.backends[backend].state = state;
      node.backends[backend].reason = reason;
    }
  }

  std::vector<const FoundAnomaly*> open() const {
    std::vector<const FoundAnomaly*> found;
    for (const FoundAnomaly& anomaly : findings->anomalies())
      if (anomaly.open) found.push_back(&anomaly);
    return found;
  }
  const FoundAnomaly* find(const std::string& backend, Kpi kpi) const {
    for (const FoundAnomaly& anomaly : findings->anomalies())
      if (anomaly.series.backend == backend && anomaly.anomaly.kpi == kpi) return &anomaly;
    return nullptr;
  }
  const LiveAlert* alert(const std::string& name) const {
    for (const LiveAlert& alert : findings->alerts())
      if (findings->rules()[alert.rule].name == name) return &alert;
    return nullptr;
  }
  bool fires(const std::string& name) const {
    const LiveAlert* found = alert(name);
    return found != nullptr && found->state == AlertState::firing;
  }
  template <typename Row>
  std::vector<Row> put() const {
    std::vector<Row> found;
    for (const WarehouseRow& row : rows)
      if (const Row* one = std::get_if<Row>(&row)) found.push_back(*one);
    return found;
  }
  std::string words() const {
    std::string text;
    for (const FoundAnomaly& a : findings->anomalies())
      text += std::to_string(a.id) + (a.open ? " open " : " closed ") + a.series.backend + " " +
              std::string(kpi_name(a.anomaly.kpi)) + " " + std::string(severity_name(a.anomaly.severity)) +
              " " + a.detector + " +" + std::to_string(a.anomaly.start_s - kStart_s) + ": " +
              a.anomaly.reason + "\n";
    return text;
  }

  LiveState live;
  std::vector<TenSeconds> backends;  // what each counts in ten seconds, at each node
  std::vector<WarehouseRow> rows;
  std::unique_ptr<Findings> findings;
};

// What synthetic_telemetry.h made of one step.
inline TenSeconds ten_seconds_of(const SyntheticBackend& backend, size_t step) {
  TenSeconds told;
  told.opened = static_cast<uint64_t>(backend.flows[step]);
  told.failures = static_cast<uint64_t>(backend.failures[step]);
  told.syn_retransmits = static_cast<uint64_t>(backend.syn_retransmits[step]);
  told.reconnects = static_cast<uint64_t>(backend.reconnects[step]);
  told.connect_us = backend.latency_ms[step] * 1'000;
  told.active = told.opened / 2;
  return told;
}

}  // namespace shunt::insight
