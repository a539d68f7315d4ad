#include "insight/api/finding_json.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <utility>

namespace shunt::insight {
namespace {

std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool is_wanted(const AnomalyRow& row, TimeRange range, const AnomalyQuestion& question) {
  if (row.closed_s && question.open_only) return false;
  if (row.opened_s >= range.to_s || (row.closed_s && *row.closed_s < range.from_s)) return false;
  return (question.service.empty() || row.series->service == question.service) &&
         (question.backend.empty() || row.series->backend == question.backend) &&
         (question.severity.empty() || row.severity == question.severity);
}

void put_anomaly(JsonText& json, const AnomalyRow& row) {
  json.open()
      .put("id", row.id)
      .put("opened", row.opened_s)
      .put("closed", row.closed_s)
      .put("node", row.series->node)
      .put("service", row.series->service)
      .put("pool", row.series->pool)
      .put("backend", row.series->backend)
      .put("kpi", row.kpi)
      .put("score", row.score)
      .put("severity", row.severity)
      .put("detector", row.detector)
      .put("expected_low", row.expected_low)
      .put("expected_high", row.expected_high)
      .put("observed", row.observed)
      .put("reason", row.reason)
      .put("incident", row.incident)
      .close();
}

void put_ids(JsonText& json, std::string_view key, std::span<const int64_t> ids) {
  json.list(key);
  for (const int64_t id : ids)
    json.put(id);
  json.end_list();
}

void put_root(JsonText& json, const std::string& service, const std::string& backend) {
  json.open("root").put("service", service).put("backend", backend).close();
}

void put_found(JsonText& json, const FoundIncident& found) {
  const Incident& incident = found.incident;
  json.open()
      .put("id", found.id)
      .put("opened", incident.start_s)
      .put("closed", found.open ? std::nullopt : std::optional(incident.end_s))
      .put("severity", severity_name(incident.severity))
      .put("headline", incident.headline)
      .put("text", incident.words);
  if (incident.causes.empty())
    json.put("root", std::nullopt);
  else
    put_root(json, incident.causes.front().subject.service, incident.causes.front().subject.backend);
  json.list("causes");
  for (const Cause& cause : incident.causes) {
    json.open()
        .put("service", cause.subject.service)
        .put("backend", cause.subject.backend)
        .put("kpi", kpi_name(cause.kpi))
        .put("score", cause.score)
        .put("why", cause.why)
        .close();
  }
  json.end_list();
  put_ids(json, "anomalies", found.members);
  put_ids(json, "hidden", found.hidden);
  json.close();
}

// Of one that memory has forgotten: its causes and what was hidden are nowhere kept.
void put_stored(JsonText& json, const IncidentRow& row, std::span<const int64_t> members) {
  json.open()
      .put("id", row.id)
      .put("opened", row.opened_s)
      .put("closed", row.closed_s)
      .put("severity", row.severity)
      .put("headline", row.cause)
      .put("text", row.text);
  if (row.root == nullptr)
    json.put("root", std::nullopt);
  else
    put_root(json, row.root->service, row.root->backend);
  json.list("causes").end_list();
  put_ids(json, "anomalies", members);
  put_ids(json, "hidden", {});
  json.close();
}

bool is_wanted(const FoundIncident& found, TimeRange range, bool open_only) {
  if (open_only && !found.open) return false;
  return found.incident.start_s < range.to_s && (found.open || found.incident.end_s >= range.from_s);
}

void put_live_alerts(JsonText& json, const FindingsSource& findings) {
  json.list("alerts");
  for (const LiveAlert& alert : findings.alerts()) {
    const AlertRule& rule = findings.rules().at(alert.rule);
    json.open()
        .put("name", rule.name)
        .put("subject", subject_text(alert.subject))
        .put("service", alert.subject.service)
        .put("pool", alert.subject.pool)
        .put("backend", alert.subject.backend)
        .put("node", alert.subject.node)
        .put("state", alert_state_name(alert.state))
        .put("severity", alert_severity_name(rule.severity))
        .put("since", alert.since_s)
        .put("text", alert.text)
        .put("runbook", rule.runbook)
        .close();
  }
  json.end_list();
}

void put_rules(JsonText& json, const FindingsSource& findings) {
  struct Standing {
    size_t firing = 0;
    size_t pending = 0;
  };
  std::map<size_t, Standing> standings;
  for (const LiveAlert& alert : findings.alerts())
    ++(alert.state == AlertState::firing ? standings[alert.rule].firing : standings[alert.rule].pending);
  json.list("rules");
  for (size_t i = 0; i < findings.rules().size(); ++i) {
    const AlertRule& rule = findings.rules()[i];
    const Standing standing = standings[i];
    json.open()
        .put("name", rule.name)
        .put("severity", alert_severity_name(rule.severity))
        .put("for_s", rule.for_s)
        .put("text", rule.text)
        .put("runbook", rule.runbook)
        .put("state", standing.firing > 0    ? "firing"
                      : standing.pending > 0 ? "pending"
                                             : "quiet")
        .put("subjects", standing.firing + standing.pending)
        .close();
  }
  json.end_list();
}

void put_event(JsonText& json, int64_t at_s, std::string_view name, std::string_view subject,
               std::string_view state, std::string_view severity, std::string_view text) {
  json.open()
      .put("at", at_s)
      .put("name", name)
      .put("subject", subject)
      .put("state", state)
      .put("severity", severity)
      .put("text", text)
      .close();
}

}  // namespace

AnomalyRow row_of(const FoundAnomaly& found) {
  const Anomaly& anomaly = found.anomaly;
  AnomalyRow row;
  row.id = found.id;
  row.opened_s = anomaly.start_s;
  if (!found.open) row.closed_s = anomaly.end_s;
  row.series = std::make_shared<const SeriesName>(found.series);
  row.kpi = kpi_name(anomaly.kpi);
  row.score = anomaly.score;
  row.severity = severity_name(anomaly.severity);
  row.detector = found.detector;
  row.expected_low = finite(anomaly.expected_low);
  row.expected_high = finite(anomaly.expected_high);
  row.observed = anomaly.observed;
  row.reason = anomaly.reason;
  row.incident = found.incident;
  return row;
}

std::string anomalies_json(const FindingsSource& findings, std::vector<AnomalyRow> stored, TimeRange range,
                           const AnomalyQuestion& question) {
  std::set<int64_t> in_memory;
  std::vector<AnomalyRow> rows;
  for (const FoundAnomaly& found : findings.anomalies()) {
    in_memory.insert(found.id);
    AnomalyRow row = row_of(found);
    if (is_wanted(row, range, question)) rows.push_back(std::move(row));
  }
  for (AnomalyRow& row : stored) {
    if (!in_memory.contains(row.id)) rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, std::ranges::greater(),
                    [](const AnomalyRow& row) { return std::pair(row.opened_s, row.id); });
  rows.resize(std::min(rows.size(), question.limit));
  JsonText json;
  json.open().list("anomalies");
  for (const AnomalyRow& row : rows)
    put_anomaly(json, row);
  json.end_list().close();
  return json.take();
}

std::string incidents_json(const FindingsSource& findings, const StoredIncidents& stored, TimeRange range,
                           bool open_only, size_t limit) {
  std::set<int64_t> in_memory;
  std::map<std::pair<int64_t, int64_t>, const FoundIncident*, std::greater<>> found;  // newest first
  for (const FoundIncident& incident : findings.incidents()) {
    in_memory.insert(incident.id);
    if (is_wanted(incident, range, open_only)) found[{incident.incident.start_s, incident.id}] = &incident;
  }
  std::map<std::pair<int64_t, int64_t>, const IncidentRow*, std::greater<>> kept;
  for (const IncidentRow& row : stored.rows) {
    if (!in_memory.contains(row.id)) kept[{row.opened_s, row.id}] = &row;
  }
  std::map<int64_t, std::vector<int64_t>> members;
  for (const AnomalyRow& row : stored.anomalies) {
    if (row.incident) members[*row.incident].push_back(row.id);
  }
  JsonText json;
  json.open().list("incidents");
  auto memory = found.begin();
  auto old = kept.begin();
  for (size_t i = 0; i < limit && (memory != found.end() || old != kept.end()); ++i) {
    if (old == kept.end() || (memory != found.end() && memory->first > old->first)) {
      put_found(json, *memory->second);
      ++memory;
    } else {
      put_stored(json, *old->second, members[old->second->id]);
      ++old;
    }
  }
  json.end_list().close();
  return json.take();
}

std::string alerts_json(const FindingsSource& findings, const std::optional<std::vector<AlertRow>>& stored) {
  JsonText json;
  json.open();
  put_live_alerts(json, findings);
  put_rules(json, findings);
  json.list("history");
  if (stored) {
    for (const AlertRow& row : *stored)
      put_event(json, row.at_s, row.name, row.subject, row.state, row.severity, row.text);
  } else {
    const auto& history = findings.alert_history();
    for (auto event = history.rbegin(); event != history.rend(); ++event) {
      const AlertRule& rule = findings.rules().at(event->rule);
      put_event(json, event->at_s, rule.name, event->subject, alert_state_name(event->state),
                alert_severity_name(rule.severity), event->text);
    }
  }
  json.end_list().close();
  return json.take();
}

void put_open_incidents(JsonText& json, const FindingsSource& findings, size_t limit) {
  std::vector<const FoundIncident*> open;
  for (const FoundIncident& found : findings.incidents()) {
    if (found.open) open.push_back(&found);
  }
  std::ranges::sort(open, [](const FoundIncident* a, const FoundIncident* b) {
    if (a->incident.severity != b->incident.severity) return a->incident.severity > b->incident.severity;
    if (a->incident.start_s != b->incident.start_s) return a->incident.start_s > b->incident.start_s;
    return a->id < b->id;
  });
  open.resize(std::min(open.size(), limit));
  json.list("incidents");
  for (const FoundIncident* found : open)
    put_found(json, *found);
  json.end_list();
}

void put_alert_counts(JsonText& json, const FindingsSource& findings) {
  size_t firing = 0;
  size_t pending = 0;
  std::optional<AlertSeverity> worst;
  for (const LiveAlert& alert : findings.alerts()) {
    if (alert.state == AlertState::pending) ++pending;
    if (alert.state != AlertState::firing) continue;
    ++firing;
    const AlertSeverity severity = findings.rules().at(alert.rule).severity;
    worst = std::max(worst.value_or(severity), severity);
  }
  json.open("alerts").put("firing", firing).put("pending", pending);
  if (worst)
    json.put("worst", alert_severity_name(*worst));
  else
    json.put("worst", std::nullopt);
  json.close();
}

}  // namespace shunt::insight
