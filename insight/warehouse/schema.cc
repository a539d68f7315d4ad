// The schema, step by step. A step that was released doesn't change any more: another one comes after it.
#include <string>

#include "insight/warehouse/migrations.h"

namespace shunt::insight {
namespace {

constexpr const char* kDimensions = R"(
CREATE TABLE dim_node (id {id}, name TEXT NOT NULL UNIQUE);
CREATE TABLE dim_service (id {id}, name TEXT NOT NULL UNIQUE, address TEXT, port {int}, protocol TEXT);
CREATE TABLE dim_backend (id {id}, pool TEXT NOT NULL, name TEXT NOT NULL, address TEXT, port {int}, UNIQUE (pool, name));
INSERT INTO dim_backend (id, pool, name) VALUES (0, '', '');
CREATE TABLE dim_series (id {id}, node_id {int} NOT NULL REFERENCES dim_node (id),
  service_id {int} NOT NULL REFERENCES dim_service (id), backend_id {int} NOT NULL REFERENCES dim_backend (id),
  UNIQUE (service_id, backend_id, node_id));
CREATE VIEW v_series AS SELECT s.id AS series_id, n.name AS node, v.name AS service, b.pool AS pool, b.name AS backend,
  v.address AS service_address, v.port AS service_port, v.protocol AS protocol, b.address AS backend_address
  FROM dim_series s JOIN dim_node n ON n.id = s.node_id JOIN dim_service v ON v.id = s.service_id
  JOIN dim_backend b ON b.id = s.backend_id;
)";

constexpr const char* kKpiTable = R"(
CREATE TABLE @ (series_id {int} NOT NULL, ts {int} NOT NULL,
  opened {int} NOT NULL, closed {int} NOT NULL, reset_by_server {int} NOT NULL, reset_by_client {int} NOT NULL,
  syn_timeout {int} NOT NULL, idle_timeout {int} NOT NULL, icmp_unreachable {int} NOT NULL, no_backend {int} NOT NULL,
  shed {int} NOT NULL, syn_retransmits {int} NOT NULL, reconnects {int} NOT NULL, data_retransmits {int} NOT NULL,
  packets {int} NOT NULL, bytes {int} NOT NULL, reply_packets {int} NOT NULL, reply_bytes {int} NOT NULL,
  failures {int} NOT NULL, active_max {int} NOT NULL, seconds {int} NOT NULL, weight {real},
  connect_p50_us {real}, connect_p95_us {real}, connect_p99_us {real},
  response_p50_us {real}, response_p95_us {real}, response_p99_us {real},
  connect_synack_sketch {blob}, connect_ack_sketch {blob}, first_byte_sketch {blob}, inband_sketch {blob},
  duration_sketch {blob}, PRIMARY KEY (series_id, ts)) {clustered} {by:ts};
)";

constexpr const char* kMinutes = R"(
CREATE TABLE client_1m (series_id {int} NOT NULL, ts {int} NOT NULL, clients {real} NOT NULL, top TEXT NOT NULL,
  client_sketch {blob}, PRIMARY KEY (series_id, ts)) {clustered} {by:ts};
CREATE TABLE country_1m (series_id {int} NOT NULL, ts {int} NOT NULL, country TEXT NOT NULL, flows {int} NOT NULL,
  failures {int} NOT NULL, PRIMARY KEY (series_id, ts, country)) {clustered} {by:ts};
CREATE TABLE host_1m (backend_id {int} NOT NULL, ts {int} NOT NULL, cpu {real}, memory {real}, disk {real},
  received {real}, sent {real}, PRIMARY KEY (backend_id, ts)) {clustered} {by:ts};
)";

constexpr const char* kEvents = R"(
CREATE TABLE flow_event (ended_us {int} NOT NULL, series_id {int} NOT NULL, client_prefix TEXT, country TEXT,
  protocol TEXT NOT NULL, outcome TEXT NOT NULL, sampled {int} NOT NULL, syn_retransmits {int} NOT NULL, attempt {int},
  connect_us {int}, connect_method TEXT, first_byte_us {int}, duration_ms {int} NOT NULL, packets {int} NOT NULL,
  bytes {int} NOT NULL, reply_packets {int} NOT NULL, reply_bytes {int} NOT NULL) {by:ended_us};
CREATE INDEX flow_event_ended ON flow_event (ended_us);
CREATE TABLE anomaly (id {int} PRIMARY KEY, opened_s {int} NOT NULL, closed_s {int}, series_id {int} NOT NULL,
  kpi TEXT NOT NULL, score {real} NOT NULL, severity TEXT NOT NULL, detector TEXT NOT NULL, expected_low {real},
  expected_high {real}, observed {real} NOT NULL, reason TEXT NOT NULL, incident_id {int});
CREATE INDEX anomaly_opened ON anomaly (opened_s);
CREATE TABLE incident (id {int} PRIMARY KEY, opened_s {int} NOT NULL, closed_s {int}, severity TEXT NOT NULL,
  root_series_id {int}, cause TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX incident_opened ON incident (opened_s);
CREATE TABLE alert_event (at_s {int} NOT NULL, name TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
  severity TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (at_s, name, subject, state)) {clustered};
)";

// For BI tools and export.csv: names for ids, times as times, ratios made. `ts` is in each, for choosing a
// range.
constexpr const char* kKpiView = R"(
CREATE VIEW @ AS SELECT k.ts AS ts, {time:k.ts} AS time, s.node, s.service, s.pool, s.backend, k.opened,
  k.closed + k.reset_by_server + k.reset_by_client + k.syn_timeout + k.idle_timeout + k.icmp_unreachable + k.no_backend + k.shed
  AS ended, k.failures, {ratio:k.failures} / NULLIF(k.closed + k.reset_by_server + k.reset_by_client + k.syn_timeout
  + k.idle_timeout + k.icmp_unreachable + k.no_backend + k.shed, 0) AS failure_ratio,
  k.closed, k.reset_by_server, k.reset_by_client, k.syn_timeout, k.idle_timeout, k.icmp_unreachable, k.no_backend, k.shed,
  k.syn_retransmits, k.reconnects, k.data_retransmits, k.packets, k.bytes, k.reply_packets, k.reply_bytes, k.active_max,
  k.seconds, k.weight, k.connect_p50_us, k.connect_p95_us, k.connect_p99_us, k.response_p50_us, k.response_p95_us,
  k.response_p99_us FROM v_series s JOIN # k ON k.series_id = s.series_id;
)";

constexpr const char* kViews = R"(
CREATE VIEW v_sla_daily AS SELECT d.ts AS ts, {time:d.ts} AS day, d.node, d.service, d.opened, d.ended, d.failures,
  1 - {ratio:d.failures} / NULLIF(d.ended, 0) AS availability, d.hours FROM (
  SELECT ts - ts % 86400 AS ts, node, service, sum(opened) AS opened, sum(ended) AS ended, sum(failures) AS failures,
  count(*) AS hours FROM v_kpi_hourly WHERE backend = '' GROUP BY 1, 2, 3) d;
CREATE VIEW v_retry_daily AS SELECT d.ts AS ts, {time:d.ts} AS day, d.node, d.service, d.pool, d.backend, d.opened,
  d.syn_retransmits, d.reconnects, d.data_retransmits,
  {ratio:d.opened} / NULLIF(d.opened - d.reconnects, 0) AS amplification FROM (
  SELECT ts - ts % 86400 AS ts, node, service, pool, backend, sum(opened) AS opened, sum(syn_retransmits) AS syn_retransmits,
  sum(reconnects) AS reconnects, sum(data_retransmits) AS data_retransmits FROM v_kpi_hourly GROUP BY 1, 2, 3, 4, 5) d;
CREATE VIEW v_country_daily AS SELECT d.ts AS ts, {time:d.ts} AS day, s.node, s.service, d.country, d.flows, d.failures FROM (
  SELECT series_id, ts - ts % 86400 AS ts, country, sum(flows) AS flows, sum(failures) AS failures FROM country_1m
  GROUP BY 1, 2, 3) d JOIN v_series s ON s.series_id = d.series_id;
CREATE VIEW v_clients_minute AS SELECT c.ts AS ts, {time:c.ts} AS time, s.node, s.service, c.clients, c.top
  FROM client_1m c JOIN v_series s ON s.series_id = c.series_id;
CREATE VIEW v_capacity AS SELECT h.ts AS ts, {time:h.ts} AS time, b.pool, b.name AS backend, h.cpu, h.memory, h.disk,
  h.received, h.sent FROM host_1m h JOIN dim_backend b ON b.id = h.backend_id;
CREATE VIEW v_flow_event AS SELECT f.ended_us / 1000000 AS ts, {time:f.ended_us / 1000000} AS time, f.ended_us, s.node,
  s.service, s.pool, s.backend, f.client_prefix, f.country, f.protocol, f.outcome, f.sampled, f.syn_retransmits, f.attempt,
  f.connect_us, f.connect_method, f.first_byte_us, f.duration_ms, f.packets, f.bytes, f.reply_packets, f.reply_bytes
  FROM flow_event f JOIN v_series s ON s.series_id = f.series_id;
CREATE VIEW v_anomaly AS SELECT a.opened_s AS ts, {time:a.opened_s} AS opened, {time:a.closed_s} AS closed, a.id, s.node,
  s.service, s.pool, s.backend, a.kpi, a.score, a.severity, a.detector, a.expected_low, a.expected_high, a.observed, a.reason,
  a.incident_id FROM anomaly a JOIN v_series s ON s.series_id = a.series_id;
CREATE VIEW v_incident AS SELECT i.opened_s AS ts, {time:i.opened_s} AS opened, {time:i.closed_s} AS closed, i.id, i.severity,
  s.node, s.service, s.pool, s.backend, i.cause, i.text FROM incident i LEFT JOIN v_series s ON s.series_id = i.root_series_id;
CREATE VIEW v_alert AS SELECT a.at_s AS ts, {time:a.at_s} AS time, a.name, a.subject, a.state, a.severity, a.text
  FROM alert_event a;
)";

std::string with(std::string text, const std::string& table, const std::string& view = {}) {
  for (size_t at = text.find_first_of("@#"); at != std::string::npos; at = text.find_first_of("@#", at + 1))
    text.replace(at, 1, text[at] == '@' && !view.empty() ? view : table);
  return text;
}

std::string kpi_tables() {
  std::string sql;
  for (const char* name : {"kpi_1s", "kpi_10s", "kpi_1m", "kpi_1h"})
    sql += with(kKpiTable, name);
  return sql;
}

}  // namespace

const std::vector<Migration>& all_migrations() {
  static const std::vector<Migration> kAll = {
      {1, "dimensions", kDimensions},
      {2, "kpi", kpi_tables()},
      {3, "minutes", kMinutes},
      {4, "events", kEvents},
      {5, "views",
       with(kKpiView, "kpi_1m", "v_kpi_minute") + with(kKpiView, "kpi_1h", "v_kpi_hourly") + kViews},
  };
  return kAll;
}

}  // namespace shunt::insight
