// WarehouseReader: what was noticed: anomalies, incidents, alerts; and which services there are.
#include <array>

#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {
namespace {

std::optional<int64_t> integer_in(const SqlRow& row, size_t column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}
std::optional<double> number_in(const SqlRow& row, size_t column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.number(column));
}

// Node, service, pool and backend from `column` on.
std::shared_ptr<const SeriesName> series_in(const SqlRow& row, size_t column) {
  return std::make_shared<const SeriesName>(
      SeriesName{row.text(column), row.text(column + 1), row.text(column + 2), row.text(column + 3)});
}

}  // namespace

Result<std::vector<AnomalyRow>> WarehouseReader::anomalies(TimeRange range, const AnomalyQuestion& question) {
  const std::array<SqlValue, 6> values = {range.from_s,      range.to_s,
                                          question.service,  question.backend,
                                          question.severity, static_cast<int64_t>(question.limit)};
  std::vector<AnomalyRow> out;
  const Result<Ok> read = database_->query(
      "SELECT a.id, a.opened_s, a.closed_s, s.node, s.service, s.pool, s.backend, a.kpi, a.score, "
      "a.severity, "
      "a.detector, a.expected_low, a.expected_high, a.observed, a.reason, a.incident_id FROM anomaly a JOIN "
      "v_series s ON s.series_id = a.series_id WHERE a.opened_s < ?2 AND (a.closed_s IS NULL" +
          std::string(question.open_only ? "" : " OR a.closed_s >= ?1") +
          ") AND ?1 <= ?2 AND (?3 = '' OR s.service = ?3) AND (?4 = '' OR s.backend = ?4) AND (?5 = '' OR "
          "a.severity = ?5) ORDER BY a.opened_s DESC, a.id DESC LIMIT ?6",
      values, [&](const SqlRow& row) {
        out.push_back({row.integer(0), row.integer(1), integer_in(row, 2), series_in(row, 3), row.text(7),
                       row.number(8), row.text(9), row.text(10), number_in(row, 11), number_in(row, 12),
                       row.number(13), row.text(14), integer_in(row, 15)});
        return true;
      });
  if (!read) return read.error();
  return out;
}

Result<std::vector<IncidentRow>> WarehouseReader::incidents(TimeRange range, bool open_only, size_t limit) {
  const std::array<SqlValue, 3> values = {range.from_s, range.to_s, static_cast<int64_t>(limit)};
  std::vector<IncidentRow> out;
  const Result<Ok> read = database_->query(
      "SELECT i.id, i.opened_s, i.closed_s, i.severity, i.root_series_id, s.node, s.service, s.pool, "
      "s.backend, i.cause, i.text FROM incident i LEFT JOIN v_series s ON s.series_id = i.root_series_id "
      "WHERE "
      "i.opened_s < ?2 AND (i.closed_s IS NULL" +
          std::string(open_only ? "" : " OR i.closed_s >= ?1") +
          ") AND ?1 <= ?2 ORDER BY i.opened_s DESC, i.id DESC LIMIT ?3",
      values, [&](const SqlRow& row) {
        out.push_back({row.integer(0), row.integer(1), integer_in(row, 2), row.text(3),
                       row.is_null(4) ? nullptr : series_in(row, 5), row.text(9), row.text(10)});
        return true;
      });
  if (!read) return read.error();
  return out;
}

Result<std::vector<AlertRow>> WarehouseReader::alerts(TimeRange range, size_t limit) {
  const std::array<SqlValue, 3> values = {range.from_s, range.to_s, static_cast<int64_t>(limit)};
  std::vector<AlertRow> out;
  const Result<Ok> read = database_->query(
      "SELECT at_s, name, subject, state, severity, text FROM alert_event WHERE at_s >= ?1 AND at_s < ?2 "
      "ORDER "
      "BY at_s DESC, name, subject LIMIT ?3",
      values, [&](const SqlRow& row) {
        out.push_back({row.integer(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5)});
        return true;
      });
  if (!read) return read.error();
  return out;
}

Result<bool> WarehouseReader::knows_service(const std::string& name) {
  const std::array<SqlValue, 1> values = {name};
  const Result<std::optional<int64_t>> found =
      database_->integer("SELECT count(*) FROM dim_service WHERE name = ?1", values);
  if (!found) return found.error();
  return found.value().value_or(0) > 0;
}

}  // namespace shunt::insight
