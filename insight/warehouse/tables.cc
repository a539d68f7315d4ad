#include "insight/warehouse/tables.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <vector>

namespace shunt::insight {
namespace {

using std::chrono::days;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

TableShape kpi_shape(std::string_view name) {
  TableShape shape{std::string(name), {"series_id", "ts"}, {"series_id", "ts"}};
  for (const std::string_view count : kKpiCountNames)
    shape.columns.emplace_back(count);
  for (const char* column :
       {"failures", "active_max", "seconds", "weight", "connect_p50_us", "connect_p95_us", "connect_p99_us",
        "response_p50_us", "response_p95_us", "response_p99_us"})
    shape.columns.emplace_back(column);
  for (const std::string_view timing : kKpiTimingNames)
    shape.columns.push_back(std::string(timing) + "_sketch");
  return shape;
}

std::vector<TableShape> all_shapes() {
  return {
      kpi_shape("kpi_1s"),
      {"flow_event",
       {"ended_us", "series_id", "client_prefix", "country", "protocol", "outcome", "sampled",
        "syn_retransmits", "attempt", "connect_us", "connect_method", "first_byte_us", "duration_ms",
        "packets", "bytes", "reply_packets", "reply_bytes"},
       {}},
      kpi_shape("kpi_10s"),
      {"client_1m", {"series_id", "ts", "clients", "top", "client_sketch"}, {"series_id", "ts"}},
      {"country_1m", {"series_id", "ts", "country", "flows", "failures"}, {"series_id", "ts", "country"}},
      {"host_1m", {"backend_id", "ts", "cpu", "memory", "disk", "received", "sent"}, {"backend_id", "ts"}},
      kpi_shape("kpi_1m"),
      kpi_shape("kpi_1h"),
      {"anomaly",
       {"id", "opened_s", "closed_s", "series_id", "kpi", "score", "severity", "detector", "expected_low",
        "expected_high", "observed", "reason", "incident_id"},
       {"id"}},
      {"incident", {"id", "opened_s", "closed_s", "severity", "root_series_id", "cause", "text"}, {"id"}},
      {"alert_event",
       {"at_s", "name", "subject", "state", "severity", "text"},
       {"at_s", "name", "subject", "state"}},
  };
}

int64_t seconds_at(sys_days day) {
  return sys_seconds(day).time_since_epoch().count();
}

Partition day_partition(std::string_view table, sys_days day) {
  const year_month_day date(day);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "_p%04d%02u%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return {std::string(table) + text.data(), seconds_at(day), seconds_at(day + days(1))};
}

Partition month_partition(std::string_view table, year_month_day date) {
  const year_month_day first = date.year() / date.month() / 1;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "_p%04d%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()));
  return {std::string(table) + text.data(), seconds_at(sys_days(first)),
          seconds_at(sys_days(first + months(1)))};
}

}  // namespace

const TableShape& shape_of(Table table) {
  static const std::vector<TableShape> kShapes = all_shapes();
  return kShapes[static_cast<size_t>(table)];
}

Partition partition_at(Table table, int64_t second) {
  const TableFacts& facts = facts_of(table);
  const sys_days day = std::chrono::floor<days>(sys_seconds(seconds(second)));
  return facts.partition == "day" ? day_partition(facts.name, day)
                                  : month_partition(facts.name, year_month_day(day));
}

Partition partition_named(Table table, const std::string& name) {
  const size_t at = facts_of(table).name.size() + 2;
  const bool is_day = facts_of(table).partition == "day";
  int number = 0;
  if (name.size() != at + (is_day ? 8 : 6)) return {name, 0, 0};
  const auto [end, problem] = std::from_chars(name.data() + at, name.data() + name.size(), number);
  if (problem != std::errc{} || end != name.data() + name.size()) return {name, 0, 0};
  if (!is_day) number = number * 100 + 1;
  const year_month_day date{std::chrono::year(number / 10'000),
                            std::chrono::month(static_cast<unsigned>(number / 100 % 100)),
                            std::chrono::day(static_cast<unsigned>(number % 100))};
  if (!date.ok()) return {name, 0, 0};
  Partition partition = partition_at(table, seconds_at(sys_days(date)));
  return partition.name == name ? partition : Partition{name, 0, 0};
}

}  // namespace shunt::insight
