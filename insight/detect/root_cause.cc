// Topology, order in time, magnitude.
#include "insight/detect/root_cause.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <tuple>

namespace shunt {
namespace {

constexpr double kMost = 0.5;  // of a service's backends: more are "most"
constexpr double kDelay_s = 60;

bool is_node(const Subject& s) {
  return s.service.empty() && s.backend.empty();
}
bool is_service(const Subject& s) {
  return !s.service.empty() && s.backend.empty();
}

double causality(Kpi kpi) {
  switch (kpi) {
    case Kpi::up:
      return 1.0;
    case Kpi::cpu:
    case Kpi::memory:
    case Kpi::disk:
      return 0.8;
    case Kpi::flows:
      return 0.7;
    case Kpi::failures:
      return 0.6;
    case Kpi::latency:
      return 0.5;
    case Kpi::syn_retransmits:
      return 0.4;
    case Kpi::share:
      return 0.35;
    case Kpi::reconnects:
    case Kpi::active_flows:
      return 0.2;
  }
  return 0;
}

// What a backend shows because of others: clients that failed elsewhere come to it.
bool is_of_others(Kpi kpi) {
  return kpi == Kpi::reconnects || kpi == Kpi::share || kpi == Kpi::active_flows;
}

// Whether most backends of the service are touched; by `kpi`, when one is given, else by something of their
// own.
bool most_touched(std::span<const Anomaly> anomalies, std::span<const size_t> members,
                  const std::string& service, const Topology& topology, const Kpi* kpi) {
  std::set<std::string> touched;
  for (const size_t member : members) {
    const Anomaly& anomaly = anomalies[member];
    if (anomaly.subject.service != service || anomaly.subject.backend.empty()) continue;
    if (kpi == nullptr ? !is_of_others(anomaly.kpi) : anomaly.kpi == *kpi)
      touched.insert(anomaly.subject.backend);
  }
  const Topology::Service* known = topology.find(service);
  const size_t all = known == nullptr ? 0 : known->backends.size();
  return touched.size() >= 2 && static_cast<double>(touched.size()) > kMost * static_cast<double>(all);
}

bool follows(const Anomaly& child, const Anomaly& parent, std::span<const Anomaly> anomalies,
             std::span<const size_t> members, const Topology& topology) {
  const bool parent_down = parent.kpi == Kpi::up && parent.observed <= 0;
  if (is_node(parent.subject)) return parent_down && !is_node(child.subject);
  if (!is_service(parent.subject) || child.subject.service != parent.subject.service) return false;
  // What else is said of a service that is down follows too.
  if (is_service(child.subject)) return parent_down && child.kpi != Kpi::up;
  if (child.subject.backend.empty()) return false;
  if (parent_down) return true;
  return child.kpi == parent.kpi &&
         most_touched(anomalies, members, parent.subject.service, topology, &parent.kpi);
}

struct Weighed {
  size_t explained = 0;
  int64_t start_s = 0;
  double magnitude = 0;
  Kpi kpi = Kpi::active_flows;
};

bool explains(const Subject& subject, const Anomaly& anomaly, bool most) {
  if (is_node(subject) || anomaly.subject == subject) return true;
  if (is_service(subject)) return most && anomaly.subject.service == subject.service;
  if (anomaly.subject.backend == subject.backend) return true;  // the same machine in another service
  // One backend explains what its service shows and what its siblings get of it, if it isn't one of many.
  return !most && anomaly.subject.service == subject.service && !subject.service.empty() &&
         (is_service(anomaly.subject) || is_of_others(anomaly.kpi));
}

Weighed weigh(const Subject& subject, std::span<const Anomaly> anomalies, std::span<const size_t> members,
              const Topology& topology) {
  Weighed weighed;
  const bool most = most_touched(anomalies, members, subject.service, topology, nullptr) ||
                    std::any_of(members.begin(), members.end(), [&](size_t member) {
                      const Anomaly& a = anomalies[member];
                      return a.kpi == Kpi::up && a.observed <= 0 && is_service(a.subject) &&
                             a.subject.service == subject.service;
                    });
  bool first = true;
  for (const size_t member : members) {
    const Anomaly& anomaly = anomalies[member];
    weighed.explained += explains(subject, anomaly, most) ? 1U : 0U;
    if (!(anomaly.subject == subject)) continue;
    if (first || causality(anomaly.kpi) > causality(weighed.kpi)) weighed.kpi = anomaly.kpi;
    weighed.start_s = first ? anomaly.start_s : std::min(weighed.start_s, anomaly.start_s);
    weighed.magnitude = std::max(weighed.magnitude, anomaly.score);
    first = false;
  }
  return weighed;
}

std::string why(const Weighed& weighed, size_t members, int64_t first_s) {
  if (members == 1) return "nothing else is unusual";
  std::string text =
      "explains " + std::to_string(weighed.explained) + " of " + std::to_string(members) + " anomalies";
  if (weighed.start_s == first_s) return text + ", began first";
  return text + ", began " + std::to_string(weighed.start_s - first_s) + " s after the first";
}

}  // namespace

std::vector<size_t> hidden_members(std::span<const Anomaly> anomalies, std::span<const size_t> members,
                                   const Topology& topology) {
  std::vector<size_t> hidden;
  for (const size_t child : members)
    if (std::any_of(members.begin(), members.end(), [&](size_t parent) {
          return parent != child &&
                 follows(anomalies[child], anomalies[parent], anomalies, members, topology);
        }))
      hidden.push_back(child);
  return hidden;
}

std::vector<Cause> rank_causes(std::span<const Anomaly> anomalies, std::span<const size_t> members,
                               std::span<const size_t> hidden, const Topology& topology) {
  int64_t first_s = anomalies[members.front()].start_s;
  for (const size_t member : members)
    first_s = std::min(first_s, anomalies[member].start_s);
  std::vector<Cause> causes;
  for (const size_t member : members) {
    const Subject& subject = anomalies[member].subject;
    const bool is_hidden = std::find(hidden.begin(), hidden.end(), member) != hidden.end();
    const bool is_known = std::any_of(causes.begin(), causes.end(),
                                      [&](const Cause& cause) { return cause.subject == subject; });
    if (is_hidden || is_known) continue;
    const Weighed weighed = weigh(subject, anomalies, members, topology);
    const double part = static_cast<double>(weighed.explained) / static_cast<double>(members.size());
    const double early = std::exp(-static_cast<double>(weighed.start_s - first_s) / kDelay_s);
    causes.push_back({subject, weighed.kpi,
                      0.40 * part + 0.25 * early + 0.20 * weighed.magnitude + 0.15 * causality(weighed.kpi),
                      why(weighed, members.size(), first_s)});
  }
  std::sort(causes.begin(), causes.end(), [](const Cause& a, const Cause& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::tie(a.subject.service, a.subject.backend) < std::tie(b.subject.service, b.subject.backend);
  });
  return causes;
}

}  // namespace shunt
