// What pages ask a warehouse beyond one series: the same of both engines (warehouse_cases.h lists them).
#pragma once

#include "tests/unit/warehouse_samples.h"

namespace shunt::insight {

inline ClosedCell cell_of_series(const SeriesName& name, int64_t begin_s, uint64_t opened,
                                 uint32_t connect_us, Resolution resolution = Resolution::second) {
  ClosedCell row{resolution, begin_s, std::make_shared<const SeriesName>(name), {}};
  row.cell.counts[KpiCount::opened] = opened;
  row.cell.counts.ended(FlowOutcome::syn_timeout) = opened / 10;
  row.cell.counts.ended(FlowOutcome::closed) = opened / 2;
  row.cell.active_max = opened * 3;
  row.cell.seconds = static_cast<uint32_t>(seconds_of(resolution));
  row.cell.timing(KpiTiming::connect_synack).add(connect_us, opened);
  return row;
}

inline void several_series_together(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  for (int64_t i = 0; i < 5; ++i) {
    for (const char* node : {"lb1", "lb2"}) {
      rows.emplace_back(cell_of_series({node, "web", "", ""}, kHour + i, 10, 300));
      rows.emplace_back(cell_of_series({node, "web", "pool", "a"}, kHour + i, 10, 300));
      rows.emplace_back(cell_of_series({node, "mail", "", ""}, kHour + i, 100, 5000));
    }
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const Result<TimeSeries> all = reader.time_series({}, {kHour, kHour + 5}, kHour + 5);
  ASSERT_TRUE(all.ok()) << all.error().text();
  ASSERT_EQ(all.value().points.size(), 5U);
  for (const TimePoint& point : all.value().points) {
    EXPECT_EQ(point.cell.counts[KpiCount::opened], 220U) << "services as a whole, not their backends too";
    EXPECT_EQ(point.cell.active_max, 660U);
    EXPECT_EQ(point.cell.seconds, 1U);
    EXPECT_EQ(point.cell.connect().count(), 220U);
  }
  const Result<TimeSeries> one = reader.time_series({"", "lb2", "", ""}, {kHour, kHour + 5}, kHour + 5);
  EXPECT_EQ(one.value().points.at(0).cell.counts[KpiCount::opened], 110U);
  const Result<KpiCell> total = reader.total({"web", "", "", ""}, {kHour, kHour + 5}, kHour + 5);
  EXPECT_EQ(total.value().counts[KpiCount::opened], 100U);
  EXPECT_EQ(total.value().seconds, 5U);
  EXPECT_EQ(total.value().active_max, 60U);
}

inline void totals_of_services_and_backends(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  for (int64_t i = 0; i < 20; ++i) {
    for (const char* node : {"lb1", "lb2"}) {
      for (const char* service : {"web", "mail"}) {
        rows.emplace_back(cell_of_series({node, service, "", ""}, kHour + i, 20, 300));
        rows.emplace_back(cell_of_series({node, service, "pool", "a"}, kHour + i, 15, 300));
        rows.emplace_back(cell_of_series({node, service, "pool", "b"}, kHour + i, 5, 700));
      }
    }
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const TimeRange range{kHour, kHour + 20};
  const auto services = reader.service_totals("", range, kHour + 20);
  ASSERT_TRUE(services.ok()) << services.error().text();
  ASSERT_EQ(services.value().size(), 2U);
  EXPECT_EQ(services.value()[0].service, "mail");
  EXPECT_EQ(services.value()[1].total.counts[KpiCount::opened], 800U);
  EXPECT_EQ(services.value()[1].total.seconds, 20U);
  EXPECT_EQ(services.value()[1].total.connect().count(), 800U);
  ASSERT_EQ(reader.service_totals("web", range, kHour + 20).value().size(), 1U);
  EXPECT_TRUE(reader.service_totals("nobody", range, kHour + 20).value().empty());
  const auto backends = reader.counts(WarehouseReader::Whose::backends, "web", range, kHour + 20);
  ASSERT_TRUE(backends.ok()) << backends.error().text();
  ASSERT_EQ(backends.value().size(), 2U);
  EXPECT_EQ(backends.value()[1].backend, "b");
  EXPECT_EQ(backends.value()[1].total.counts[KpiCount::opened], 200U);
  EXPECT_EQ(backends.value()[1].total.seconds, 20U);
  const auto whole = reader.counts(WarehouseReader::Whose::services, "", range, kHour + 20);
  ASSERT_EQ(whole.value().size(), 2U);
  EXPECT_EQ(whole.value()[0].total.counts, services.value()[0].total.counts);
  EXPECT_TRUE(reader.knows_service("mail").value());
  EXPECT_FALSE(reader.knows_service("nobody").value());
}

// In a running hour there is no hour yet: sums are of the minutes and seconds that there are, and of no
// other.
inline void sums_are_of_the_range(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  const SeriesName whole{"lb1", "web", "", ""};
  const SeriesName backend{"lb1", "web", "pool", "a"};
  constexpr int64_t kNow = kHour + 3 * 3600 + 25 * 60 + 37;
  for (const Resolution table :
       {Resolution::hour, Resolution::minute, Resolution::ten_seconds, Resolution::second}) {
    const int64_t step = seconds_of(table);
    for (int64_t at = kHour; at + step + 4 <= kNow; at += step) {
      if (table == Resolution::second && at < kNow - 1200) continue;
      if (table == Resolution::ten_seconds && at < kNow - 1200 && at > kHour + 3600) continue;
      for (const SeriesName& name : {whole, backend})
        rows.emplace_back(cell_of_series(name, at, static_cast<uint64_t>(step), 300, table));
    }
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  for (const int64_t from : {kHour, kHour + 1800, kHour + 3000, kNow - 900, kNow - 90}) {
    const auto wanted = static_cast<uint64_t>(kNow - 4 - from);  // the last seconds aren't written yet
    const TimeRange range{from, kNow};
    EXPECT_EQ(reader.total({"web", "", "", ""}, range, kNow).value().counts[KpiCount::opened], wanted)
        << from;
    EXPECT_EQ(reader.service_totals("web", range, kNow).value().at(0).total.seconds, wanted) << from;
    EXPECT_EQ(reader.counts(WarehouseReader::Whose::backends, "web", range, kNow)
                  .value()
                  .at(0)
                  .total.counts[KpiCount::opened],
              wanted)
        << from;
  }
  uint64_t all = 0;
  const Result<TimeSeries> six = reader.time_series({"web", "", "", ""}, {kHour, kNow}, kNow, 6);
  for (const TimePoint& point : six.value().points)
    all += point.cell.counts[KpiCount::opened];
  EXPECT_EQ(all, static_cast<uint64_t>(kNow - 4 - kHour));
  const auto series = reader.backend_series("web", {kHour, kNow}, kNow, 100, 9, Sketches::none);
  ASSERT_EQ(series.value().size(), 1U);
  EXPECT_TRUE(series.value()[0].series.points.at(0).cell.connect().empty());
  EXPECT_FALSE(reader.backend_series("web", {kHour, kNow}, kNow, 100, 9, Sketches::connect)
                   .value()[0]
                   .series.points.at(0)
                   .cell.connect()
                   .empty());
}

inline void backends_beside_each_other(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  for (int64_t i = 0; i < 10; ++i) {
    for (uint64_t backend = 0; backend < 6; ++backend) {
      const SeriesName name{"lb1", "web", "pool", "b" + std::to_string(backend)};
      rows.emplace_back(cell_of_series(name, kHour + i * 60, 10 + backend, 300, Resolution::minute));
    }
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const auto series = reader.backend_series("web", {kHour, kHour + 600}, kHour + 20 * 86'400, 100, 3);
  ASSERT_TRUE(series.ok()) << series.error().text();
  ASSERT_EQ(series.value().size(), 3U);
  EXPECT_EQ(series.value()[0].backend, "b3");
  EXPECT_EQ(series.value()[2].backend, "b5");
  ASSERT_EQ(series.value()[2].series.points.size(), 10U);
  EXPECT_EQ(series.value()[2].series.points[4].cell.counts[KpiCount::opened], 15U);
}

inline void clients_and_their_attempts(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  for (int64_t minute = 0; minute < 3; ++minute) {
    ClientMinute row{kHour + minute * 60, series_named(""), {{{'D', 'E'}, {50, 1}}}, {}, {}};
    row.top = {{"192.0.2.0/24", 40, 0}, {"198.51.100.0/24", 10, 0}};
    row.clients.add("a", 1);
    row.clients.add(minute == 0 ? "b" : "c", 1);
    rows.emplace_back(row);
  }
  for (uint8_t attempt = 0; attempt < 4; ++attempt) {
    FlowRow flow{series_named("a"), {}, {'D', 'E'}};
    flow.record.ended_us = static_cast<uint64_t>(kHour) * 1'000'000 + attempt;
    flow.record.attempt = attempt;
    flow.record.outcome = attempt == 1 ? 3 : 0;
    for (int i = 0; i <= attempt; ++i)
      rows.emplace_back(flow);
  }
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const auto clients = reader.clients("web", {kHour, kHour + 180}, 10);
  ASSERT_TRUE(clients.ok()) << clients.error().text();
  EXPECT_NEAR(clients.value().clients, 3, 0.1);
  ASSERT_EQ(clients.value().prefixes.size(), 2U);
  EXPECT_EQ(clients.value().prefixes[0].prefix, "192.0.2.0/24");
  EXPECT_EQ(clients.value().prefixes[0].flows, 120U);
  EXPECT_EQ(clients.value().prefixes[0].service, "web");
  EXPECT_EQ(reader.clients("", {kHour, kHour + 60}, 1).value().prefixes.size(), 1U);
  EXPECT_EQ(reader.countries("", {kHour, kHour + 180}, 9).value().at(0).flows, 150U);
  const auto attempts = reader.attempts("web", {kHour, kHour + 60});
  ASSERT_TRUE(attempts.ok()) << attempts.error().text();
  ASSERT_EQ(attempts.value().size(), 3U) << "0: not known";
  EXPECT_EQ(attempts.value()[0].flows, 2U);
  EXPECT_EQ(attempts.value()[0].failures, 2U);
  EXPECT_EQ(attempts.value()[2].attempt, 3);
  EXPECT_EQ(attempts.value()[2].failures, 0U);
  EXPECT_TRUE(reader.attempts("mail", {kHour, kHour + 60}).value().empty());
  EXPECT_EQ(reader.attempts("", {kHour, kHour + 60}).value().size(), 3U);
}

inline void hosts_by_step(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  for (int64_t minute = 0; minute < 100; ++minute)
    rows.emplace_back(HostRow{kHour + minute * 60, "pool", "a", 0.01 * static_cast<double>(minute), 0.5,
                              std::nullopt, 1e6, 2e6});
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const auto all = reader.hosts("pool", "a", {kHour, kHour + 6000});
  ASSERT_TRUE(all.ok()) << all.error().text();
  EXPECT_EQ(all.value().step_s, 60);
  ASSERT_EQ(all.value().points.size(), 100U);
  EXPECT_EQ(all.value().points[7].cpu, 0.07);
  EXPECT_FALSE(all.value().points[7].disk);
  const auto few = reader.hosts("pool", "a", {kHour, kHour + 6000}, 11);
  EXPECT_EQ(few.value().step_s, 600);
  ASSERT_EQ(few.value().points.size(), 10U);
  EXPECT_NEAR(few.value().points[1].cpu.value_or(0), 0.145, 1e-9);
  EXPECT_TRUE(reader.hosts("pool", "b", {kHour, kHour + 6000}).value().points.empty());
}

inline void what_was_noticed(Database& database, const DatabaseAddress& address) {
  std::vector<WarehouseRow> rows;
  for (int64_t id = 1; id <= 10; ++id) {
    AnomalyRow anomaly{id,           kHour + id * 100,
                       std::nullopt, series_named(id % 2 == 0 ? "a" : ""),
                       "failures",   0.5,
                       "minor",      "binomial",
                       0.0,          3.0,
                       4.0,          "why",
                       std::nullopt};
    if (id < 9) anomaly.closed_s = anomaly.opened_s + 150;
    if (id == 4) anomaly.severity = "critical";
    rows.emplace_back(anomaly);
    rows.emplace_back(AlertRow{kHour + id * 100, "BackendDown", "web/a", "firing", "critical", "is down"});
  }
  rows.emplace_back(IncidentRow{3, kHour, kHour + 60, "major", series_named("a"), "backend a", "it refuses"});
  rows.emplace_back(IncidentRow{4, kHour + 100, std::nullopt, "minor", nullptr, "unknown", "?"});
  store_all(database, rows);
  WarehouseReader reader = reader_of(address);
  const auto ids = [&](TimeRange range, const AnomalyQuestion& question) {
    std::vector<int64_t> found;
    const auto rows_found = reader.anomalies(range, question);
    EXPECT_TRUE(rows_found.ok()) << rows_found.error().text();
    for (const AnomalyRow& row : rows_found.value())
      found.push_back(row.id);
    return found;
  };
  using Ids = std::vector<int64_t>;
  EXPECT_EQ(ids({kHour, kHour + 2000}, {}), (Ids{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(ids({kHour + 500, kHour + 600}, {}), (Ids{5, 4})) << "those that were open then";
  EXPECT_EQ(ids({kHour, kHour + 2000}, {"", "", "", true, 200}), (Ids{10, 9}));
  EXPECT_EQ(ids({kHour, kHour + 2000}, {"web", "a", "critical", false, 200}), Ids{4});
  EXPECT_EQ(ids({kHour, kHour + 2000}, {"", "", "", false, 2}), (Ids{10, 9}));
  EXPECT_EQ(ids({kHour, kHour + 2000}, {"mail", "", "", false, 2}), Ids{});
  const auto anomaly = reader.anomalies({kHour, kHour + 2000}, {"web", "a", "critical", false, 1}).value()[0];
  EXPECT_EQ(*anomaly.series, *series_named("a"));
  EXPECT_EQ(anomaly.closed_s, kHour + 550);
  EXPECT_EQ(anomaly.expected_high, 3.0);
  EXPECT_FALSE(anomaly.incident);
  const auto incidents = reader.incidents({kHour, kHour + 1000}, false, 10);
  ASSERT_TRUE(incidents.ok()) << incidents.error().text();
  ASSERT_EQ(incidents.value().size(), 2U);
  EXPECT_EQ(incidents.value()[0].root, nullptr);
  EXPECT_EQ(*incidents.value()[1].root, *series_named("a"));
  EXPECT_EQ(reader.incidents({kHour, kHour + 1000}, true, 10).value().size(), 1U);
  EXPECT_EQ(reader.incidents({kHour + 61, kHour + 90}, false, 10).value().size(), 0U);
  const auto alerts = reader.alerts({kHour, kHour + 2000}, 3);
  ASSERT_EQ(alerts.value().size(), 3U);
  EXPECT_EQ(alerts.value()[0].at_s, kHour + 1000);
  EXPECT_EQ(alerts.value()[0].subject, "web/a");
}

inline void no_query_begins_after_its_deadline(Database& database, const DatabaseAddress& address) {
  store_all(database, std::vector<WarehouseRow>{row_at(Resolution::second, kHour, "a")});
  WarehouseReader reader = reader_of(address);
  reader.set_deadline(std::chrono::steady_clock::now());
  const Result<bool> late = reader.knows_service("web");
  ASSERT_FALSE(late.ok());
  EXPECT_NE(late.error().text().find("too long"), std::string::npos) << late.error().text();
  reader.set_deadline(Database::Time::max());
  EXPECT_TRUE(reader.knows_service("web").value());
}

}  // namespace shunt::insight
