// What the tests of the warehouse share: a folder of their own, and rows.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "insight/warehouse/migrations.h"
#include "insight/warehouse/row_store.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

inline constexpr int64_t kHour = 1'767'225'600;  // 2026-01-01T00:00:00Z
inline constexpr std::chrono::seconds kPatience{30};

class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "shunt-warehouse-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << path_;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const char* name = "warehouse.db") const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::shared_ptr<const SeriesName> series_named(const std::string& backend,
                                                      const std::string& service = "web",
                                                      const std::string& node = "lb1") {
  return std::make_shared<const SeriesName>(
      SeriesName{node, service, backend.empty() ? "" : service + "-pool", backend});
}

// A cell that differs for each number, with times in it.
inline KpiCell cell_numbered(uint64_t number) {
  KpiCell cell;
  for (size_t i = 0; i < kKpiCounts; ++i)
    cell.counts.values()[i] = number % 97 + i;
  cell.active_max = number % 31;
  cell.seconds = 1;
  if (number % 2 == 0) cell.weight = 1.5;
  cell.timing(KpiTiming::connect_synack).add(static_cast<uint32_t>(200 + number % 1000), 3);
  cell.timing(KpiTiming::first_byte).add(static_cast<uint32_t>(5000 + number % 9000));
  return cell;
}

inline ClosedCell row_at(Resolution resolution, int64_t begin_s, const std::string& backend,
                         uint64_t number = 1) {
  return {resolution, begin_s, series_named(backend), cell_numbered(number)};
}

inline std::unique_ptr<Database> opened(const DatabaseAddress& address) {
  Result<std::unique_ptr<Database>> database = open_database(address);
  if (!database) {
    ADD_FAILURE() << database.error().text();
    return nullptr;
  }
  return database.take();
}

inline void expect_ok(const Result<Ok>& result) {
  if (!result) ADD_FAILURE() << result.error().text();
}

inline void store_all(Database& database, std::span<const WarehouseRow> rows) {
  RowStore store;
  expect_ok(database.begin());
  expect_ok(store.store(database, rows));
  expect_ok(database.commit());
}

inline int64_t count_of(Database& database, const std::string& table) {
  const Result<std::optional<int64_t>> count = database.integer("SELECT count(*) FROM " + table);
  if (!count) ADD_FAILURE() << count.error().text();
  return count.ok() ? count.value().value_or(-1) : -1;
}

// One row of each kind of table but the cells.
inline std::vector<WarehouseRow> other_rows(int64_t second) {
  ClientMinute minute{second,
                      series_named(""),
                      {{{'D', 'E'}, {640, 2}}, {{'F', 'R'}, {64, 0}}},
                      {},
                      {{"192.0.2.0/24", 640, 0}}};
  minute.clients.add("x", 1);
  FlowRow flow{series_named("a"), {}, {'D', 'E'}};
  flow.record.ended_us = static_cast<uint64_t>(second) * 1'000'000 + 5;
  flow.record.set_client(IpAddress::parse("192.0.2.77").value(), 4000);
  flow.record.outcome = 3;
  flow.record.connect_us = 0;
  flow.record.attempt = 2;
  AnomalyRow anomaly{
      7,          second, std::nullopt, series_named("a"),
      "failures", 0.97,   "major",      "binomial",
      0.0,        3.0,    40.0,         "40 failures, expected 0 to 3; \"why\",\nnobody knows\t\\",
      3};
  return {minute,
          flow,
          HostRow{second, "web-pool", "a", 0.5, 0.25, std::nullopt, 1e6, 2e6},
          anomaly,
          IncidentRow{3, second, second + 60, "major", series_named("a"), "backend a", "it refuses"},
          IncidentRow{4, second, std::nullopt, "minor", nullptr, "unknown", "?"},
          AlertRow{second, "BackendDown", "web/a", "firing", "critical", "a is down"},
          DescriptionRow{*series_named(""), "198.51.100.1", 80, "tcp"},
          DescriptionRow{*series_named("a"), "10.0.0.1", 8080, ""}};
}

inline WarehouseReader reader_of(const DatabaseAddress& address) {
  Result<WarehouseReader> reader = WarehouseReader::open(address);
  if (!reader) throw std::runtime_error(reader.error().text());
  return reader.take();
}

}  // namespace shunt::insight
