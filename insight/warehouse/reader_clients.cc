// WarehouseReader: clients: countries, prefixes, chains of retries; and the backends' own numbers.
#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "insight/kpi/unique_sketch.h"
#include "insight/warehouse/reader_sql.h"
#include "insight/warehouse/warehouse_reader.h"
#include "stats/outcome.h"

namespace shunt::insight {
namespace {

using PrefixSums = std::map<std::pair<std::string, std::string>, uint64_t>;

// `top` is what RowStore wrote: [{"prefix", "flows", "error"}]. What isn't that is left out.
void add_prefixes(PrefixSums& sums, const std::string& service, const std::string& top) {
  const nlohmann::json list = nlohmann::json::parse(top, nullptr, false);
  if (!list.is_array()) return;
  for (const nlohmann::json& entry : list) {
    if (!entry.is_object() || !entry.contains("prefix") || !entry["prefix"].is_string()) continue;
    sums[{service, entry["prefix"].get<std::string>()}] += entry.value("flows", uint64_t{0});
  }
}

}  // namespace

Result<std::vector<CountryTotal>> WarehouseReader::countries(const std::string& service, TimeRange range,
                                                             size_t limit) {
  const Result<std::vector<int64_t>> series = series_of({service, "", "", ""});
  if (!series) return series.error();
  const TimeRange whole = widened(range, 60);
  std::map<std::string, CountryTotal> sums;
  for (const int64_t id : series.value()) {
    const std::array<SqlValue, 3> values = {id, whole.from_s, whole.to_s};
    const Result<Ok> read = database_->query(
        "SELECT country, sum(flows), sum(failures) FROM country_1m WHERE series_id = ?1 AND ts >= ?2 AND ts "
        "< ?3 GROUP BY country",
        values, [&](const SqlRow& row) {
          CountryTotal& total = sums[row.text(0)];
          total.country = row.text(0);
          total.flows += static_cast<uint64_t>(row.integer(1));
          total.failures += static_cast<uint64_t>(row.integer(2));
          return true;
        });
    if (!read) return read.error();
  }
  std::vector<CountryTotal> out;
  for (auto& [country, total] : sums)
    out.push_back(std::move(total));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.flows != b.flows ? a.flows > b.flows : a.country < b.country;
  });
  out.resize(std::min(out.size(), limit));
  return out;
}

Result<ClientTotals> WarehouseReader::clients(const std::string& service, TimeRange range, size_t limit) {
  const TimeRange whole = widened(range, 60);
  const std::array<SqlValue, 3> values = {service, whole.from_s, whole.to_s};
  PrefixSums sums;
  UniqueSketch all;
  bool is_sound = true;
  const Result<Ok> read = database_->query(
      "SELECT s.service, c.top, c.client_sketch FROM v_series s JOIN client_1m c ON c.series_id = "
      "s.series_id "
      "WHERE (?1 = '' OR s.service = ?1) AND c.ts >= ?2 AND c.ts < ?3",
      values, [&](const SqlRow& row) {
        add_prefixes(sums, row.text(0), row.text(1));
        const std::optional<UniqueSketch> sketch = UniqueSketch::decode(row.blob(2));
        is_sound = sketch.has_value();
        if (sketch) all.merge(*sketch);
        return is_sound;
      });
  if (!read) return read.error();
  if (!is_sound) return Error{"client_1m", "has a sketch that can't be read"};
  ClientTotals out{all.estimate(), {}};
  for (const auto& [name, flows] : sums)
    out.prefixes.push_back({name.first, name.second, flows});
  std::ranges::sort(out.prefixes, [](const PrefixTotal& a, const PrefixTotal& b) {
    return std::tie(b.flows, a.service, a.prefix) < std::tie(a.flows, b.service, b.prefix);
  });
  out.prefixes.resize(std::min(out.prefixes.size(), limit));
  return out;
}

Result<HostHistory> WarehouseReader::hosts(const std::string& pool, const std::string& backend,
                                           TimeRange range, size_t points) {
  const auto most = static_cast<int64_t>(std::max<size_t>(points, 2)) - 1;
  const int64_t minutes = (std::max<int64_t>(range.to_s - range.from_s, 1) - 1) / 60 + 1;
  HostHistory out{((minutes - 1) / most + 1) * 60, {}};
  const TimeRange whole = widened(range, out.step_s);
  const std::string step = std::to_string(out.step_s);
  const std::array<SqlValue, 4> values = {pool, backend, whole.from_s, whole.to_s};
  const auto number = [](const SqlRow& row, size_t column) {
    return row.is_null(column) ? std::nullopt : std::optional(row.number(column));
  };
  const Result<Ok> read = database_->query(
      "SELECT h.ts / " + step + " * " + step +
          ", avg(h.cpu), avg(h.memory), avg(h.disk), avg(h.received), avg(h.sent) FROM dim_backend b JOIN "
          "host_1m h ON h.backend_id = b.id WHERE b.pool = ?1 AND b.name = ?2 AND h.ts >= ?3 AND h.ts < ?4 "
          "GROUP BY 1 ORDER BY 1",
      values, [&](const SqlRow& row) {
        out.points.push_back(
            {row.integer(0), number(row, 1), number(row, 2), number(row, 3), number(row, 4), number(row, 5)});
        return true;
      });
  if (!read) return read.error();
  return out;
}

Result<std::vector<AttemptTotal>> WarehouseReader::attempts(const std::string& service, TimeRange range) {
  std::map<std::string, bool> failed;
  for (size_t i = 0; i < kOutcomes; ++i)
    failed[std::string(kOutcomeNames[i])] = is_failure(static_cast<FlowOutcome>(i));
  const std::array<SqlValue, 3> values = {service, range.from_s * 1'000'000, range.to_s * 1'000'000};
  std::map<int64_t, AttemptTotal> sums;
  const Result<Ok> read = database_->query(
      "SELECT f.attempt, f.outcome, count(*) FROM (SELECT e.attempt, e.outcome FROM flow_event e WHERE "
      "e.ended_us >= ?2 AND e.ended_us < ?3 AND e.attempt IS NOT NULL AND (?1 = '' OR e.series_id IN (SELECT "
      "series_id FROM v_series WHERE service = ?1)) ORDER BY e.ended_us DESC LIMIT " +
          std::to_string(kMostFlowRows) + ") f GROUP BY 1, 2",
      values, [&](const SqlRow& row) {
        AttemptTotal& total = sums[row.integer(0)];
        const auto count = static_cast<uint64_t>(row.integer(2));
        total.attempt = row.integer(0);
        total.flows += count;
        if (failed[row.text(1)]) total.failures += count;
        return true;
      });
  if (!read) return read.error();
  std::vector<AttemptTotal> out;
  for (const auto& [attempt, total] : sums)
    out.push_back(total);
  return out;
}

}  // namespace shunt::insight
