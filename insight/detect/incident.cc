// Grouping, hiding, and words. Who caused it: root_cause.cc.
#include "insight/detect/incident.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "insight/detect/root_cause.h"
#include "insight/detect/time_series.h"

namespace shunt {
namespace {

bool near_in_time(const Anomaly& a, const Anomaly& b, int64_t gap_s) {
  return a.start_s <= b.end_s + gap_s && b.start_s <= a.end_s + gap_s;
}

bool touch(const Anomaly& a, const Anomaly& b) {
  const auto is_node = [](const Subject& s) { return s.service.empty() && s.backend.empty(); };
  if (is_node(a.subject) || is_node(b.subject)) return true;
  return (!a.subject.service.empty() && a.subject.service == b.subject.service) ||
         (!a.subject.backend.empty() && a.subject.backend == b.subject.backend);
}

// A union-find over places.
class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t of(size_t i) {
    while (parent_[i] != i)
      i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(size_t a, size_t b) { parent_[std::max(of(a), of(b))] = std::min(of(a), of(b)); }

 private:
  std::vector<size_t> parent_;
};

std::vector<std::vector<size_t>> groups_of(std::span<const Anomaly> anomalies,
                                           const std::vector<size_t>& order, int64_t gap_s) {
  Groups groups(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Anomaly& a = anomalies[order[i]];
      const Anomaly& b = anomalies[order[j]];
      if (near_in_time(a, b, gap_s) && touch(a, b)) groups.join(i, j);
    }
  std::vector<std::vector<size_t>> result;
  std::vector<size_t> place(order.size(), order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    size_t& at = place[groups.of(i)];
    if (at == order.size()) {
      at = result.size();
      result.emplace_back();
    }
    result[at].push_back(order[i]);
  }
  return result;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

// In the unit that people read: shares in percent, times (microseconds) in milliseconds.
std::string value_words(Kpi kpi, double value) {
  constexpr double kNoShare = 1e-5;  // what is usually 0 is never quite that in a moving mean
  switch (kpi) {
    case Kpi::latency:
      return number(value / 1'000) + " ms";
    case Kpi::up:
    case Kpi::flows:
    case Kpi::active_flows:
      return number(value);
    default:
      return number(std::abs(value) < kNoShare ? 0 : value * 100) + " %";
  }
}

std::string expected_words(const Anomaly& anomaly) {
  const std::string low = value_words(anomaly.kpi, anomaly.expected_low);
  const std::string high = value_words(anomaly.kpi, anomaly.expected_high);
  return low == high ? low : low + " to " + high;
}

// "backend web-2 of web is down", "latency of service web: 84 ms, expected 3 ms to 9 ms".
std::string fact(const Anomaly& anomaly) {
  const std::string who = subject_words(anomaly.subject);
  if (anomaly.kpi == Kpi::up) return who + (anomaly.observed > 0 ? " is up again" : " is down");
  const std::string what = std::string(kpi_words(anomaly.kpi)) + " of " + who;
  if (anomaly.observed > anomaly.expected_high || anomaly.observed < anomaly.expected_low)
    return what + ": " + value_words(anomaly.kpi, anomaly.observed) + ", expected " + expected_words(anomaly);
  return what + ": " + anomaly.reason;
}

const Anomaly& telling(std::span<const Anomaly> anomalies, const Incident& incident) {
  const Cause& cause = incident.causes.front();
  for (const size_t member : incident.members)
    if (anomalies[member].subject == cause.subject && anomalies[member].kpi == cause.kpi)
      return anomalies[member];
  return anomalies[incident.members.front()];
}

void put_in_words(std::span<const Anomaly> anomalies, Incident& incident) {
  const Anomaly& cause = telling(anomalies, incident);
  incident.headline = fact(cause) + ", since " + timestamp_text(cause.start_s).substr(11);
  incident.words = "Probable cause: " + fact(cause) + " (" + incident.causes.front().why + ").";
  if (!cause.reason.empty()) incident.words += " What told it: " + cause.reason + ".";
  size_t others = 0;
  for (const size_t member : incident.members) {
    if (&anomalies[member] == &cause) continue;
    const bool hidden =
        std::find(incident.hidden.begin(), incident.hidden.end(), member) != incident.hidden.end();
    if (hidden) continue;
    constexpr size_t kMostNamed = 3;
    if (++others > kMostNamed) continue;
    incident.words += (others == 1 ? " Also: " : "; ") + fact(anomalies[member]);
  }
  if (others > 3) incident.words += "; and " + std::to_string(others - 3) + " more";
  if (others > 0) incident.words += ".";
  if (!incident.hidden.empty())
    incident.words += " " + std::to_string(incident.hidden.size()) + " of its parts follow from it.";
}

}  // namespace

std::vector<Incident> group_incidents(std::span<const Anomaly> anomalies, const Topology& topology,
                                      int64_t gap_s) {
  std::vector<size_t> order(anomalies.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(anomalies[a].start_s, a) < std::pair(anomalies[b].start_s, b);
  });
  if (order.size() > kMostAnomalies)
    order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(kMostAnomalies));

  std::vector<Incident> incidents;
  for (std::vector<size_t>& members : groups_of(anomalies, order, gap_s)) {
    Incident incident;
    incident.start_s = anomalies[members.front()].start_s;
    for (const size_t member : members) {
      incident.end_s = std::max(incident.end_s, anomalies[member].end_s);
      incident.severity = std::max(incident.severity, anomalies[member].severity);
    }
    incident.members = std::move(members);
    incident.hidden = hidden_members(anomalies, incident.members, topology);
    incident.causes = rank_causes(anomalies, incident.members, incident.hidden, topology);
    put_in_words(anomalies, incident);
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

}  // namespace shunt
