// The warehouse in SQLite: what goes in comes back, retention by a moved clock, resolutions.
#include "tests/unit/warehouse_cases.h"

namespace shunt::insight {
namespace {

class Sqlite : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Warehouse, Sqlite, testing::ValuesIn(warehouse_case_names()),
                         [](const auto& given) { return given.param; });

TEST_P(Sqlite, DoesWhatAWarehouseDoes) {
  const Folder folder;
  const DatabaseAddress address{.url = "sqlite:" + folder.file()};
  const std::unique_ptr<Database> database = opened(address);
  ASSERT_NE(database, nullptr);
  EXPECT_FALSE(has_schema(*database).value());
  expect_ok(migrate(*database, all_migrations(), kHour));
  EXPECT_TRUE(has_schema(*database).value());
  warehouse_cases().at(GetParam())(*database, address);
}

TEST(WarehouseReader, TakesTheFinestResolutionThatGivesEnough) {
  const Folder folder;
  const DatabaseAddress address{.url = folder.file()};
  const std::unique_ptr<Database> database = opened(address);
  expect_ok(migrate(*database, all_migrations(), kHour));
  std::vector<WarehouseRow> rows;
  for (int64_t i = 0; i < 400 * 24; ++i)
    rows.emplace_back(row_at(Resolution::hour, kHour + i * 3600, "a", static_cast<uint64_t>(i)));
  store_all(*database, rows);
  WarehouseReader reader = reader_of(address);
  const int64_t now = kHour + 400 * 86'400;
  const auto resolution = [&](int64_t from, int64_t to) {
    const Result<TimeSeries> series = reader.time_series({"web", "", "web-pool", "a"}, {from, to}, now);
    EXPECT_TRUE(series.ok());
    EXPECT_LE(series.value().points.size(), WarehouseReader::kMostPoints);
    return std::pair{series.value().resolution, series.value().step_s};
  };
  EXPECT_EQ(resolution(now - 600, now), (std::pair{Resolution::second, int64_t{1}}));
  EXPECT_EQ(resolution(now - 1800, now), (std::pair{Resolution::second, int64_t{2}}));
  EXPECT_EQ(resolution(now - 7200, now), (std::pair{Resolution::ten_seconds, int64_t{10}}));
  EXPECT_EQ(resolution(now - 5 * 3600, now), (std::pair{Resolution::ten_seconds, int64_t{20}}));
  EXPECT_EQ(resolution(now - 12 * 3600, now), (std::pair{Resolution::minute, int64_t{60}}));
  EXPECT_EQ(resolution(now - 86'400, now), (std::pair{Resolution::minute, int64_t{120}}));
  EXPECT_EQ(resolution(now - 30 * 86'400, now), (std::pair{Resolution::hour, int64_t{3600}}));
  EXPECT_EQ(resolution(now - 300 * 86'400, now), (std::pair{Resolution::hour, int64_t{43'200}}));
  // Seconds of the day before yesterday are gone, minutes of last year too.
  EXPECT_EQ(resolution(now - 3 * 86'400, now - 3 * 86'400 + 600),
            (std::pair{Resolution::ten_seconds, int64_t{10}}));
  EXPECT_EQ(resolution(now - 200 * 86'400, now - 200 * 86'400 + 600),
            (std::pair{Resolution::hour, int64_t{3600}}));
  // A day by hours is the sum of its hours.
  const Result<TimeSeries> year =
      reader.time_series({"web", "", "web-pool", "a"}, {kHour, now}, now + 60, 50);
  ASSERT_TRUE(year.ok());
  EXPECT_LE(year.value().points.size(), 50U);
  KpiCell sum;
  KpiCell wanted;
  for (const TimePoint& point : year.value().points)
    sum.merge(point.cell);
  for (uint64_t i = 0; i < 400 * 24; ++i)
    wanted.merge(cell_numbered(i));
  EXPECT_EQ(sum, wanted);
}

std::string tiles_text(Resolution table, TimeRange range, int64_t now_s) {
  std::string text;
  for (const TimeTile& tile : tiles_of(table, range, now_s, {})) {
    text += (text.empty() ? "" : " ") + std::to_string(seconds_of(tile.table)) +
            "s:" + std::to_string(tile.range.from_s - kHour) + "-" + std::to_string(tile.range.to_s - kHour);
  }
  return text;
}

TEST(TimeTiles, FinerTablesHaveWhatIsNotAWholeInterval) {
  const int64_t later = kHour + 86'400;
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour, kHour + 7200}, later), "3600s:0-7200");
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour + 3540, kHour + 7260}, later),
            "60s:3540-3600 3600s:3600-7200 60s:7200-7260");
  EXPECT_EQ(tiles_text(Resolution::minute, {kHour + 55, kHour + 130}, kHour + 300),
            "1s:55-60 60s:60-120 10s:120-130");
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour + 5, kHour + 25}, later), "1s:5-10 10s:10-20 1s:20-25");
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour, kHour}, later), "");
}

// What isn't over isn't in its table yet.
TEST(TimeTiles, TheNewestIsInTheFinest) {
  const int64_t now = kHour + 7200 + 754;
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour, now}, now),
            "3600s:0-7200 60s:7200-7920 10s:7920-7940 1s:7940-7954");
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour, kHour + 3600}, kHour + 3602),
            "60s:0-3540 10s:3540-3590 1s:3590-3600")
      << "its hour is over, but not there yet";
}

// A range is widened where nothing finer goes back so far.
TEST(TimeTiles, OldOnesAreWhole) {
  const int64_t now = kHour + 100 * 86'400;
  EXPECT_EQ(tiles_text(Resolution::hour, {kHour + 60, kHour + 3660}, now), "3600s:0-7200");
}

TEST(WarehouseReader, SaysWhichSketchItCannotRead) {
  const Folder folder;
  const DatabaseAddress address{.url = folder.file()};
  const std::unique_ptr<Database> database = opened(address);
  expect_ok(migrate(*database, all_migrations(), kHour));
  store_all(*database, std::vector<WarehouseRow>{row_at(Resolution::hour, kHour, "a")});
  expect_ok(database->run("UPDATE kpi_1h SET first_byte_sketch = x'ff00ff'"));
  const Result<KpiCell> total =
      reader_of(address).total({"web", "", "web-pool", "a"}, {kHour, kHour + 3600}, kHour + 300 * 86'400);
  ASSERT_FALSE(total.ok());
  EXPECT_EQ(total.error().text(), "kpi_1h: has a sketch that can't be read");
}

TEST(WarehouseReader, CannotWriteAndNeedsAWarehouse) {
  const Folder folder;
  EXPECT_FALSE(WarehouseReader::open({.url = folder.file()}).ok());
  const std::unique_ptr<Database> database = opened({.url = folder.file()});
  expect_ok(database->run("CREATE TABLE t (a)"));
  EXPECT_FALSE(opened({.url = folder.file(), .read_only = true})->run("INSERT INTO t VALUES (1)").ok());
  std::ofstream(folder.file("text")) << std::string(10'000, 'x');
  EXPECT_FALSE(open_database({.url = folder.file("text")}).ok());
}

TEST(DatabaseAddress, IsShownWithoutItsPassword) {
  EXPECT_EQ(shown_url("postgresql://insight:s3cret@db.example:5432/shunt"),
            "postgresql://insight:***@db.example:5432/shunt");
  EXPECT_EQ(shown_url("postgresql://insight@db.example/shunt"), "postgresql://insight@db.example/shunt");
  EXPECT_EQ(shown_url("sqlite:/var/lib/shunt/warehouse.db"), "sqlite:/var/lib/shunt/warehouse.db");
}

TEST(Partition, IsADayOrAMonth) {
  const Partition day = partition_at(Table::kpi_1s, kHour + 31 * 86'400 + 5);
  EXPECT_EQ(day.name, "kpi_1s_p20260201");
  EXPECT_EQ(day.end_s - day.begin_s, 86'400);
  EXPECT_EQ(day.begin_s, kHour + 31 * 86'400);
  const Partition month = partition_at(Table::kpi_1m, kHour + 40 * 86'400);
  EXPECT_EQ(month.name, "kpi_1m_p202602");
  EXPECT_EQ(month.end_s - month.begin_s, 28 * 86'400);
  EXPECT_EQ(partition_named(Table::kpi_1m, "kpi_1m_p202602").begin_s, month.begin_s);
  for (const char* name : {"kpi_1m_p2026021", "kpi_1m_p202613", "kpi_1m_pxxxxxx", "kpi_1m"})
    EXPECT_EQ(partition_named(Table::kpi_1m, name).end_s, 0) << name;
}

}  // namespace
}  // namespace shunt::insight
