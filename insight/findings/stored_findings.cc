// Rows become values again.
#include "insight/findings/stored_findings.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "insight/warehouse/row_store.h"
#include "insight/warehouse/tables.h"

namespace shunt::insight {
namespace {

constexpr int64_t kMostAnomalies = 2'000;
constexpr int64_t kMostIncidents = 500;
constexpr int64_t kMostCells = 300'000;
constexpr int64_t kHour_s = 3'600;

Severity severity_named(const std::string& name) {
  for (const Severity severity : {Severity::critical, Severity::major, Severity::minor})
    if (severity_name(severity) == name) return severity;
  return Severity::info;
}

// Nothing: of another version.
std::optional<Kpi> kpi_named(const std::string& name) {
  for (Kpi kpi = Kpi::up; kpi <= Kpi::disk; kpi = static_cast<Kpi>(static_cast<uint8_t>(kpi) + 1))
    if (kpi_name(kpi) == name) return kpi;
  return std::nullopt;
}

Result<Ok> read_anomalies(Database& database, StoredFindings& stored) {
  const std::array<SqlValue, 1> limit = {kMostAnomalies};
  return database.query(
      "SELECT a.id, a.opened_s, a.closed_s, s.node, s.service, s.pool, s.backend, a.kpi, a.score, "
      "a.severity, a.detector, "
      "a.expected_low, a.expected_high, a.observed, a.reason, a.incident_id FROM anomaly a JOIN v_series s "
      "ON s.series_id "
      "= a.series_id ORDER BY a.closed_s IS NOT NULL, a.id DESC LIMIT ?1",
      limit, [&](const SqlRow& row) {
        const std::optional<Kpi> kpi = kpi_named(row.text(7));
        if (!kpi) return true;
        FoundAnomaly found;
        found.id = row.integer(0);
        found.open = row.is_null(2);
        found.series = {row.text(3), row.text(4), row.text(5), row.text(6)};
        found.detector = row.text(10);
        if (!row.is_null(15)) found.incident = row.integer(15);
        Anomaly& anomaly = found.anomaly;
        anomaly.subject = {found.series.service, found.series.backend};
        anomaly.kpi = *kpi;
        anomaly.start_s = row.integer(1);
        anomaly.end_s = found.open ? anomaly.start_s : row.integer(2);
        anomaly.score = row.number(8);
        anomaly.severity = severity_named(row.text(9));
        anomaly.expected_low = row.number(11);
        anomaly.expected_high = row.number(12);
        anomaly.observed = row.number(13);
        anomaly.reason = row.text(14);
        stored.anomalies.push_back(std::move(found));
        return true;
      });
}

// Which anomalies are an incident's, they say themselves.
void add_members(StoredFindings& stored) {
  std::map<int64_t, FoundIncident*> by_id;
  for (FoundIncident& incident : stored.incidents)
    by_id[incident.id] = &incident;
  for (const FoundAnomaly& anomaly : stored.anomalies) {
    const auto found = anomaly.incident ? by_id.find(*anomaly.incident) : by_id.end();
    if (found == by_id.end()) continue;
    found->second->members.push_back(anomaly.id);
    for (Cause& cause : found->second->incident.causes)
      if (cause.subject == anomaly.anomaly.subject) cause.kpi = std::min(cause.kpi, anomaly.anomaly.kpi);
  }
}

Result<Ok> read_incidents(Database& database, StoredFindings& stored) {
  const std::array<SqlValue, 1> limit = {kMostIncidents};
  return database.query(
      "SELECT i.id, i.opened_s, i.closed_s, i.severity, i.cause, i.text, i.root_series_id, s.service, "
      "s.backend FROM "
      "incident i LEFT JOIN v_series s ON s.series_id = i.root_series_id ORDER BY i.closed_s IS NOT NULL, "
      "i.id DESC LIMIT "
      "?1",
      limit, [&](const SqlRow& row) {
        FoundIncident found;
        found.id = row.integer(0);
        found.open = row.is_null(2);
        Incident& incident = found.incident;
        incident.start_s = row.integer(1);
        incident.end_s = found.open ? incident.start_s : row.integer(2);
        incident.severity = severity_named(row.text(3));
        incident.headline = row.text(4);
        incident.words = row.text(5);
        if (!row.is_null(6))
          incident.causes.push_back({{row.text(7), row.text(8)}, Kpi::disk, 1, "as it was stored"});
        stored.incidents.push_back(std::move(found));
        return true;
      });
}

Result<Ok> read_last_id(Database& database, StoredFindings& stored) {
  for (const char* sql : {"SELECT max(id) FROM anomaly", "SELECT max(id) FROM incident"}) {
    const Result<std::optional<int64_t>> last = database.integer(sql);
    if (!last) return last.error();
    stored.last_id = std::max(stored.last_id, last.value().value_or(0));
  }
  return Ok{};
}

struct Series {
  int64_t id = 0;
  std::shared_ptr<const SeriesName> name;
};

Result<std::vector<Series>> all_series(Database& database) {
  std::vector<Series> all;
  const Result<Ok> read = database.query(
      "SELECT series_id, node, service, pool, backend FROM v_series WHERE node <> '' ORDER BY 1", {},
      [&](const SqlRow& row) {
        all.push_back({row.integer(0), std::make_shared<const SeriesName>(
                                           SeriesName{row.text(1), row.text(2), row.text(3), row.text(4)})});
        return true;
      });
  if (!read) return read.error();
  return all;
}

// Of these series all cells of [from, to), in the order of time.
Result<Ok> learn_span(Database& database, Resolution resolution, const std::vector<Series>& series,
                      int64_t from_s, int64_t to_s, Findings& findings) {
  const TableShape& shape = shape_of(kKpiTables[static_cast<size_t>(resolution)]);
  std::string columns;
  for (const std::string& column : shape.columns)
    columns += (columns.empty() ? "" : ", ") + column;
  std::vector<ClosedCell> cells;
  for (const Series& one : series) {
    const std::array<SqlValue, 3> values = {one.id, from_s, to_s};
    const Result<Ok> read = database.query(
        "SELECT " + columns + " FROM " + shape.name + " WHERE series_id = ?1 AND ts >= ?2 AND ts < ?3",
        values, [&](const SqlRow& row) {
          std::optional<KpiCell> cell = cell_of(row, 2);
          if (cell) cells.push_back({resolution, row.integer(1), one.name, *std::move(cell)});
          return true;
        });
    if (!read) return read;
  }
  std::sort(cells.begin(), cells.end(), [](const ClosedCell& a, const ClosedCell& b) {
    return a.begin_s != b.begin_s ? a.begin_s < b.begin_s : *a.series < *b.series;
  });
  for (const ClosedCell& cell : cells)
    findings.learn(cell);
  return Ok{};
}

// How far back, when so many series have a cell every `step_s`.
int64_t reach_s(size_t series, int64_t step_s, int64_t most_s) {
  const int64_t each = kMostCells / std::max<int64_t>(1, static_cast<int64_t>(series));
  return std::min(most_s, each * step_s);
}

Result<Ok> learn_all(Database& database, Resolution resolution, const std::vector<Series>& series,
                     int64_t now_s, int64_t most_s, Findings& findings) {
  const int64_t step_s = seconds_of(resolution);
  const int64_t begin = (now_s - reach_s(series.size(), step_s, most_s)) / step_s * step_s;
  for (int64_t from = begin; from < now_s; from += kHour_s) {
    const Result<Ok> learned =
        learn_span(database, resolution, series, from, std::min(from + kHour_s, now_s), findings);
    if (!learned) return learned;
  }
  return Ok{};
}

}  // namespace

Result<StoredFindings> read_stored_findings(Database& database) {
  StoredFindings stored;
  for (const auto& read : {read_anomalies, read_incidents, read_last_id}) {
    const Result<Ok> done = read(database, stored);
    if (!done) return done.error();
  }
  std::sort(stored.anomalies.begin(), stored.anomalies.end(),
            [](const FoundAnomaly& a, const FoundAnomaly& b) { return a.id < b.id; });
  add_members(stored);
  return stored;
}

Result<Ok> learn_from_warehouse(Database& database, int64_t now_s, Findings& findings) {
  const Result<std::vector<Series>> series = all_series(database);
  if (!series) return series.error();
  std::vector<Series> services;
  for (const Series& one : series.value())
    if (one.name->is_service()) services.push_back(one);
  const Result<Ok> minutes =
      learn_all(database, Resolution::minute, services, now_s, 3 * 24 * kHour_s, findings);
  if (!minutes) return minutes;
  return learn_all(database, Resolution::ten_seconds, series.value(), now_s, 24 * kHour_s, findings);
}

}  // namespace shunt::insight
