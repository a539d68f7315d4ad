// What both engines must do: each takes an open, migrated, empty database and the address of it.
#pragma once

#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "insight/warehouse/retention.h"
#include "tests/unit/reader_cases.h"
#include "tests/unit/warehouse_samples.h"

namespace shunt::insight {

inline void cells_come_back(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  std::map<int64_t, KpiCell> wanted;
  for (int64_t i = 0; i < 900; ++i) {
    rows.emplace_back(row_at(Resolution::second, kHour + i, "a", static_cast<uint64_t>(i)));
    wanted[kHour + i] = cell_numbered(static_cast<uint64_t>(i));
  }
  // The same node, service and names elsewhere are other series.
  rows.emplace_back(row_at(Resolution::second, kHour, "b", 1));
  rows.emplace_back(ClosedCell{Resolution::second, kHour, series_named("a", "mail"), cell_numbered(1)});
  store_all(database, rows);
  // Once more: it replaces what was there, also within one batch.
  store_all(database, std::vector<WarehouseRow>{row_at(Resolution::second, kHour + 5, "a", 1),
                                                row_at(Resolution::second, kHour + 5, "a", 77)});
  wanted[kHour + 5] = cell_numbered(77);
  WarehouseReader reader = reader_of(address);
  const Result<TimeSeries> series =
      reader.time_series({"web", "", "web-pool", "a"}, {kHour, kHour + 900}, kHour + 900);
  ASSERT_TRUE(series.ok()) << series.error().text();
  EXPECT_EQ(series.value().resolution, Resolution::second);
  std::map<int64_t, KpiCell> got;
  for (const TimePoint& point : series.value().points)
    got[point.begin_s] = point.cell;
  EXPECT_EQ(got, wanted);
}

inline void quantiles_are_of_merged_sketches(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  KpiCell whole;
  for (int64_t i = 0; i < 60; ++i) {
    for (const char* node : {"lb1", "lb2"}) {
      ClosedCell row{Resolution::minute, kHour + i * 60, series_named("a", "web", node), {}};
      for (uint32_t k = 0; k < 50; ++k)
        row.cell.timing(KpiTiming::connect_synack)
            .add(static_cast<uint32_t>(100 + (i * 37 + k * 101) % 5000));
      row.cell.counts[KpiCount::opened] = 50;
      whole.merge(row.cell);
      rows.emplace_back(std::move(row));
    }
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const Result<KpiCell> total =
      reader.total({"web", "", "web-pool", "a"}, {kHour, kHour + 3600}, kHour + 40 * 86'400);
  ASSERT_TRUE(total.ok()) << total.error().text();
  EXPECT_EQ(total.value().counts, whole.counts);
  EXPECT_EQ(total.value().timings, whole.timings);
  const Result<KpiCell> one =
      reader.total({"web", "lb2", "web-pool", "a"}, {kHour, kHour + 3600}, kHour + 40 * 86'400);
  EXPECT_EQ(one.value().counts[KpiCount::opened], 3000U);
}

inline void top_backends_and_countries(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows = other_rows(kHour);
  for (uint64_t i = 0; i < 20; ++i) {
    ClosedCell row = row_at(Resolution::minute, kHour, "b" + std::to_string(i), 5);
    row.cell.counts.ended(FlowOutcome::syn_timeout) = 100 + (i * 7) % 20;
    row.cell.counts[KpiCount::opened] = 1000 - i;
    rows.emplace_back(std::move(row));
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const auto top = reader.top_backends("web", {kHour, kHour + 60}, kHour + 30 * 86'400, std::nullopt, 3);
  ASSERT_TRUE(top.ok()) << top.error().text();
  ASSERT_EQ(top.value().size(), 3U);
  EXPECT_EQ(top.value()[0].backend, "b17");  // 7 · 17 mod 20 = 19
  EXPECT_EQ(top.value()[1].backend, "b14");
  EXPECT_EQ(top.value()[0].total.counts.ended(FlowOutcome::syn_timeout), 119U);
  const auto opened =
      reader.top_backends("web", {kHour, kHour + 60}, kHour + 30 * 86'400, KpiCount::opened, 1);
  EXPECT_EQ(opened.value().at(0).backend, "b0");
  const auto countries = reader.countries("web", {kHour, kHour + 60}, 10);
  ASSERT_TRUE(countries.ok()) << countries.error().text();
  ASSERT_EQ(countries.value().size(), 2U);
  EXPECT_EQ(countries.value()[0].country, "DE");
  EXPECT_EQ(countries.value()[0].flows, 640U);
  EXPECT_EQ(countries.value()[0].failures, 2U);
  EXPECT_TRUE(reader.countries("mail", {kHour, kHour + 60}, 10).value().empty());
}

// Fields of CSV as RFC 4180 has them.
inline std::vector<std::vector<std::string>> csv_fields(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1);
  std::string field;
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field += text[++i];
    } else if (text[i] == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (text[i] == ',' || text[i] == '\r')) {
      lines.back().push_back(std::exchange(field, {}));
      if (text[i] == '\r') ++i, lines.emplace_back();
    } else {
      field += text[i];
    }
  }
  lines.pop_back();
  return lines;
}

inline void exports_have_the_rows_of_their_view(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows = other_rows(kHour);
  for (int64_t i = 0; i < 48; ++i) {
    for (const char* backend : {"", "a"}) {
      rows.emplace_back(row_at(Resolution::hour, kHour + i * 3600, backend, static_cast<uint64_t>(i)));
      rows.emplace_back(row_at(Resolution::minute, kHour + i * 60, backend, static_cast<uint64_t>(i)));
    }
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  for (const std::string& view : WarehouseReader::views()) {
    SCOPED_TRACE(view);
    std::vector<std::vector<std::string>> wanted;
    expect_ok(database.query(
        "SELECT * FROM " + view, {},
        [&](const SqlRow& row) {
          std::vector<std::string>& line = wanted.emplace_back();
          for (size_t i = 0; i < row.size(); ++i)
            line.push_back(row.is_null(i) ? "" : row.text(i));
          return true;
        },
        [&](const std::vector<std::string>& names) { wanted.push_back(names); }));
    std::string text;
    const Result<uint64_t> count =
        reader.export_csv(view, {0, kHour + 400 * 86'400}, [&](std::string_view piece) {
          text += piece;
          return true;
        });
    ASSERT_TRUE(count.ok()) << count.error().text();
    EXPECT_EQ(count.value(), wanted.size() - 1);
    EXPECT_GE(count.value(), 1U);
    std::vector<std::vector<std::string>> got = csv_fields(text);
    std::sort(got.begin() + 1, got.end());
    std::sort(wanted.begin() + 1, wanted.end());
    EXPECT_EQ(got, wanted);
  }
  std::string hours;
  const auto keep = [&](std::string_view piece) { return hours += piece, true; };
  EXPECT_EQ(reader.export_csv("v_kpi_hourly", {kHour + 3600, kHour + 3 * 3600}, keep).value(), 4U);
  EXPECT_FALSE(reader.export_csv("dim_node; DROP TABLE dim_node", {0, 1}, keep).ok());
  // What a view says against what was put in.
  double availability = 0;
  expect_ok(
      database.query("SELECT availability, ended FROM v_sla_daily ORDER BY ts", {}, [&](const SqlRow& row) {
        availability = row.number(0);
        KpiCell day;
        for (uint64_t i = 0; i < 24; ++i)
          day.merge(cell_numbered(i));
        EXPECT_EQ(row.integer(1), static_cast<int64_t>(day.counts.ended()));
        EXPECT_NEAR(availability,
                    1 - static_cast<double>(day.counts.failures()) / static_cast<double>(day.counts.ended()),
                    1e-12);
        return false;
      }));
  EXPECT_GT(availability, 0);
}

inline void a_roll_up_goes_on_where_another_ended(Database& database, const DatabaseAddress& address) {
  constexpr int64_t kMicro = 1'000'000;
  const SeriesName name = *series_named("a");
  const auto feed = [&](RollUp& roll_up, int64_t from, int64_t to) {
    for (int64_t at = from; at < to; ++at) {
      roll_up.advance((kHour + at) * kMicro);
      CountedSpan span{(kHour + at) * kMicro, (kHour + at + 1) * kMicro, {}, 3, {}};
      span.counts[KpiCount::opened] = static_cast<uint64_t>(at);
      ASSERT_TRUE(roll_up.count(roll_up.series(name), span));
    }
  };
  std::vector<WarehouseRow> rows;
  const auto sink = [&](ClosedCell&& cell) { rows.emplace_back(std::move(cell)); };
  RollUp first({}, kHour * kMicro, sink);
  feed(first, 0, 777);
  first.close_all();
  store_all(database, rows);
  rows.clear();
  RollUp second({}, (kHour + 777) * kMicro, sink);
  WarehouseReader reader = reader_of(address);
  const Result<std::vector<ClosedCell>> unfinished = reader.unfinished();
  ASSERT_TRUE(unfinished.ok()) << unfinished.error().text();
  for (const ClosedCell& cell : unfinished.value())
    EXPECT_TRUE(second.restore(cell.resolution, cell.begin_s, *cell.series, cell.cell)) << cell.begin_s;
  feed(second, 777, 3700);
  second.advance((kHour + 7300) * kMicro);
  store_all(database, rows);
  for (const char* table : {"kpi_1s", "kpi_10s", "kpi_1m", "kpi_1h"})
    EXPECT_EQ(database.integer("SELECT sum(opened) FROM " + std::string(table)).value(), 3699 * 3700 / 2)
        << table;
}

inline void old_rows_go(Database& database, const DatabaseAddress&) {
  std::vector<WarehouseRow> rows;
  for (int64_t day = 0; day < 100; day += 5) {
    for (const Resolution resolution :
         {Resolution::second, Resolution::ten_seconds, Resolution::minute, Resolution::hour})
      rows.emplace_back(row_at(resolution, kHour + day * 86'400, "a"));
    for (WarehouseRow& row : other_rows(kHour + day * 86'400)) {
      if (std::holds_alternative<FlowRow>(row) || std::holds_alternative<ClientMinute>(row))
        rows.push_back(std::move(row));
    }
  }
  store_all(database, rows);
  const RetentionSettings settings;
  const auto left = [&](int64_t day) {
    const Result<RetentionReport> report = retain(database, settings, kHour + day * 86'400);
    EXPECT_TRUE(report.ok()) << report.error().text();
    std::vector<int64_t> counts;
    for (const char* table : {"kpi_1s", "flow_event", "kpi_10s", "country_1m", "kpi_1m", "kpi_1h"})
      counts.push_back(count_of(database, table));
    return counts;
  };
  using Counts = std::vector<int64_t>;
  EXPECT_EQ(left(0), (Counts{20, 20, 20, 40, 20, 20}));
  EXPECT_EQ(left(52), (Counts{9, 10, 11, 40, 20, 20}));  // 1 day, 3 days, 7 days
  EXPECT_EQ(left(160), (Counts{0, 0, 0, 12, 6, 20}));    // 90 days: from day 70 on
  EXPECT_EQ(left(3000), (Counts{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(count_of(database, "dim_series"), 2);
}

inline void the_oldest_of_the_finest_gives_way(Database& database, const DatabaseAddress&) {
  std::vector<WarehouseRow> rows;
  for (int64_t i = 0; i < 3000; ++i) {
    rows.emplace_back(row_at(Resolution::second, kHour + i * 86, "a", static_cast<uint64_t>(i)));
    rows.emplace_back(row_at(Resolution::minute, kHour + i * 60, "a", static_cast<uint64_t>(i)));
  }
  store_all(database, rows);
  RetentionSettings settings;
  settings.keep_s.fill(1000 * 86'400);
  const uint64_t before = database.bytes().value();
  settings.max_bytes = before * 3 / 4;
  const Result<RetentionReport> report = retain(database, settings, kHour + 86'400);
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_LE(report.value().bytes, settings.max_bytes);
  EXPECT_LT(count_of(database, "kpi_1s"), 3000);
  EXPECT_GT(count_of(database, "kpi_1s"), 0);
  EXPECT_EQ(count_of(database, "kpi_1m"), 3000) << "there was enough of the finer one";
  EXPECT_EQ(database.integer("SELECT max(ts) FROM kpi_1s").value(), kHour + 2999 * 86) << "the newest stay";
  EXPECT_GT(database.integer("SELECT min(ts) FROM kpi_1s").value(), kHour);
}

inline void other_programs_databases_are_refused(Database& database, const DatabaseAddress&) {
  const std::vector<Migration>& all = all_migrations();
  expect_ok(migrate(database, all, kHour));  // again: nothing to do
  const Result<Ok> older = migrate(database, std::span(all).first(all.size() - 1), kHour);
  ASSERT_FALSE(older.ok());
  EXPECT_EQ(older.error().text(),
            "warehouse: is at version 5 (views), this program knows up to 4: a newer one has used it");
  std::vector<Migration> changed = all;
  changed[2].sql += " ";
  const Result<Ok> other = migrate(database, changed, kHour);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().text(),
            "warehouse: its migration 3 (minutes) isn't this program's: another program made it");
  std::vector<Migration> more = all;
  more.push_back({6, "wrong", "CREATE TABLE half (a {int}); CREATE TABLE half (b {int});"});
  const Result<Ok> wrong = migrate(database, more, kHour);
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(wrong.error().text().starts_with("migration 6 (wrong): ")) << wrong.error().text();
  EXPECT_FALSE(database.integer("SELECT count(*) FROM half").ok()) << "nothing of it stayed";
  more.back().sql = "CREATE TABLE half (a {int});";
  expect_ok(migrate(database, more, kHour));
  EXPECT_EQ(count_of(database, "half"), 0);
}

using WarehouseCase = void (*)(Database&, const DatabaseAddress&);
inline const std::map<std::string, WarehouseCase>& warehouse_cases() {
  static const std::map<std::string, WarehouseCase> kCases = {
      {"CellsComeBack", cells_come_back},
      {"QuantilesAreOfMergedSketches", quantiles_are_of_merged_sketches},
      {"TopBackendsAndCountries", top_backends_and_countries},
      {"SeveralSeriesTogether", several_series_together},
      {"TotalsOfServicesAndBackends", totals_of_services_and_backends},
      {"SumsAreOfTheRange", sums_are_of_the_range},
      {"BackendsBesideEachOther", backends_beside_each_other},
      {"ClientsAndTheirAttempts", clients_and_their_attempts},
      {"HostsByStep", hosts_by_step},
      {"WhatWasNoticed", what_was_noticed},
      {"NoQueryBeginsAfterItsDeadline", no_query_begins_after_its_deadline},
      {"ExportsHaveTheRowsOfTheirView", exports_have_the_rows_of_their_view},
      {"ARollUpGoesOnWhereAnotherEnded", a_roll_up_goes_on_where_another_ended},
      {"OldRowsGo", old_rows_go},
      {"TheOldestOfTheFinestGivesWay", the_oldest_of_the_finest_gives_way},
      {"OtherProgramsDatabasesAreRefused", other_programs_databases_are_refused},
  };
  return kCases;
}
inline std::vector<std::string> warehouse_case_names() {
  std::vector<std::string> names;
  for (const auto& [name, run] : warehouse_cases())
    names.push_back(name);
  return names;
}

}  // namespace shunt::insight
