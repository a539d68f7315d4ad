// Grouping again, and recognising what was there.
#include "insight/findings/incident_book.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace shunt::insight {
namespace {

bool contains(const std::vector<int64_t>& ids, int64_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// Those that are open, or were a moment ago.
std::vector<const FoundAnomaly*> candidates(const AnomalyBook& anomalies, int64_t now_s) {
  std::vector<const FoundAnomaly*> near;
  for (auto at = anomalies.all().rbegin(); at != anomalies.all().rend(); ++at) {
    if (near.size() >= IncidentBook::kMostGrouped) break;
    if (at->accepted || (!at->open && at->anomaly.end_s + IncidentBook::kGap_s < now_s)) continue;
    near.push_back(&*at);
  }
  std::reverse(near.begin(), near.end());
  return near;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

// "the node" has a name where there are several.
void name_node(Incident& incident, const std::vector<int64_t>& members,
               const std::vector<const FoundAnomaly*>& grouped) {
  std::string node;
  for (const FoundAnomaly* anomaly : grouped) {
    if (anomaly->series.node.empty() || !contains(members, anomaly->id)) continue;
    if (!node.empty() && node != anomaly->series.node) return;
    node = anomaly->series.node;
  }
  if (node.empty()) return;
  replace_all(incident.headline, "the node", "node " + node);
  replace_all(incident.words, "the node", "node " + node);
}

// The series of the likeliest cause, its pool or node included.
std::shared_ptr<const SeriesName> root_of(const FoundIncident& found, const AnomalyBook& anomalies) {
  const Cause& cause = found.incident.causes.front();
  for (const int64_t id : found.members) {
    const FoundAnomaly* anomaly = anomalies.find(id);
    if (anomaly != nullptr && anomaly->anomaly.subject == cause.subject)
      return std::make_shared<const SeriesName>(anomaly->series);
  }
  return nullptr;
}

}  // namespace

void IncidentBook::restore(std::vector<FoundIncident> incidents) {
  std::sort(incidents.begin(), incidents.end(),
            [](const FoundIncident& a, const FoundIncident& b) { return a.id < b.id; });
  for (FoundIncident& incident : incidents)
    all_.push_back(std::move(incident));
  forget_old();
}

FoundIncident& IncidentBook::incident_for(const std::vector<int64_t>& members, std::vector<int64_t>& taken,
                                          AnomalyBook& anomalies) {
  FoundIncident* best = nullptr;
  size_t most = 0;
  for (FoundIncident& known : all_) {
    if (contains(taken, known.id)) continue;
    const auto shared = static_cast<size_t>(std::count_if(known.members.begin(), known.members.end(),
                                                          [&](int64_t id) { return contains(members, id); }));
    if (shared > most) {
      best = &known;
      most = shared;
    }
  }
  if (best == nullptr) {
    FoundIncident fresh;
    fresh.id = anomalies.next_id();
    all_.push_back(std::move(fresh));
    best = &all_.back();
  }
  taken.push_back(best->id);
  return *best;
}

// True: worth a row.
bool IncidentBook::refresh(FoundIncident& found, Incident group,
                           const std::vector<const FoundAnomaly*>& grouped) {
  std::vector<int64_t> members;
  std::vector<int64_t> hidden;
  bool open = false;
  for (const size_t member : std::exchange(group.members, {})) {
    members.push_back(grouped[member]->id);
    open = open || grouped[member]->open;
  }
  for (const size_t member : std::exchange(group.hidden, {}))
    hidden.push_back(grouped[member]->id);
  // Those that are over for long are no candidates any more and still belong to it.
  for (auto id = found.members.rbegin(); id != found.members.rend(); ++id)
    if (!contains(members, *id)) members.insert(members.begin(), *id);
  if (members.size() > kMostMembers)
    members.erase(members.begin(), members.end() - static_cast<std::ptrdiff_t>(kMostMembers));
  for (const int64_t id : found.hidden)
    if (!contains(hidden, id) && contains(members, id)) hidden.push_back(id);
  name_node(group, members, grouped);
  if (!found.members.empty()) {
    group.start_s = std::min(group.start_s, found.incident.start_s);
    group.severity = std::max(group.severity, found.incident.severity);
  }
  const bool changed = found.open != open || found.members != members ||
                       found.incident.severity != group.severity || found.incident.headline != group.headline;
  found.open = open;
  found.members = std::move(members);
  found.hidden = std::move(hidden);
  found.incident = std::move(group);
  return changed;
}

void IncidentBook::close_over(int64_t now_s, const AnomalyBook& anomalies,
                              const std::vector<int64_t>& taken) {
  for (FoundIncident& incident : all_) {
    if (!incident.open || contains(taken, incident.id)) continue;
    // Its anomalies are over, were accepted, or went to an incident that it became part of.
    incident.open = false;
    incident.incident.end_s = std::max(incident.incident.end_s, incident.incident.start_s);
    for (const int64_t id : incident.members) {
      const FoundAnomaly* anomaly = anomalies.find(id);
      if (anomaly != nullptr)
        incident.incident.end_s = std::max(incident.incident.end_s, anomaly->anomaly.end_s);
    }
    incident.incident.end_s = std::min(incident.incident.end_s, now_s);
    store(incident, anomalies);
  }
}

void IncidentBook::regroup(int64_t now_s, const Topology& topology, AnomalyBook& anomalies) {
  const std::vector<const FoundAnomaly*> grouped = candidates(anomalies, now_s);
  std::vector<Anomaly> values;
  values.reserve(grouped.size());
  for (const FoundAnomaly* anomaly : grouped)
    values.push_back(anomaly->anomaly);
  std::vector<int64_t> taken;
  std::vector<std::pair<int64_t, int64_t>> belongs;  // anomaly, incident
  for (Incident& group : group_incidents(values, topology, kGap_s)) {
    std::vector<int64_t> members;
    for (const size_t member : group.members)
      members.push_back(grouped[member]->id);
    FoundIncident& found = incident_for(members, taken, anomalies);
    if (refresh(found, std::move(group), grouped)) store(found, anomalies);
    for (const int64_t id : members)
      belongs.emplace_back(id, found.id);
  }
  close_over(now_s, anomalies, taken);
  for (const auto& [anomaly, incident] : belongs)
    anomalies.set_incident(anomaly, incident);
  forget_old();
}

void IncidentBook::store(const FoundIncident& found, const AnomalyBook& anomalies) const {
  IncidentRow row;
  row.id = found.id;
  row.opened_s = found.incident.start_s;
  if (!found.open) row.closed_s = found.incident.end_s;
  row.severity = severity_name(found.incident.severity);
  if (!found.incident.causes.empty()) row.root = root_of(found, anomalies);
  row.cause = found.incident.headline;
  row.text = found.incident.words;
  put_(std::move(row));
}

void IncidentBook::forget_old() {
  auto closed = static_cast<size_t>(
      std::count_if(all_.begin(), all_.end(), [](const FoundIncident& incident) { return !incident.open; }));
  for (auto at = all_.begin(); closed > kMostClosed && at != all_.end();) {
    if (at->open) {
      ++at;
      continue;
    }
    at = all_.erase(at);
    --closed;
  }
}

}  // namespace shunt::insight
