// The warehouse in a real PostgreSQL: all that SQLite has to do, partitions, and a server that is stopped,
// killed and started under a writer.
#include <atomic>
#include <thread>

#include "insight/warehouse/warehouse_writer.h"
#include "tests/unit/postgres_server.h"
#include "tests/unit/warehouse_cases.h"

namespace shunt::insight {
namespace {

// One server for all of them: it takes a second or two to make.
class Postgres : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { server_ = PostgresServer::make(why_not_); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << why_not_;
    address_ = server_->make_database();
  }
  std::unique_ptr<Database> migrated() {
    std::unique_ptr<Database> database = opened(address_);
    EXPECT_FALSE(has_schema(*database).value());
    expect_ok(migrate(*database, all_migrations(), kHour));
    EXPECT_TRUE(has_schema(*database).value());
    return database;
  }
  WriterSettings settings() const {
    WriterSettings settings;
    settings.address = address_;
    settings.batch_time = std::chrono::milliseconds(10);
    settings.first_pause = std::chrono::milliseconds(5);
    settings.longest_pause = std::chrono::milliseconds(100);
    return settings;
  }

  static inline std::unique_ptr<PostgresServer> server_;
  static inline std::string why_not_;
  DatabaseAddress address_;
};
class PostgresServerTest : public Postgres {};

INSTANTIATE_TEST_SUITE_P(Warehouse, Postgres, testing::ValuesIn([] {
                           std::vector<std::string> names = warehouse_case_names();
                           // Partitions stay until all of them is old, and are as large as they are.
                           std::erase(names, "OldRowsGo");
                           std::erase(names, "TheOldestOfTheFinestGivesWay");
                           return names;
                         }()),
                         [](const auto& given) { return given.param; });

TEST_P(Postgres, DoesWhatAWarehouseDoes) {
  warehouse_cases().at(GetParam())(*migrated(), address_);
}

INSTANTIATE_TEST_SUITE_P(Real, PostgresServerTest, testing::Values("server"));

TEST_P(PostgresServerTest, OldPartitionsAreDropped) {
  const std::unique_ptr<Database> database = migrated();
  std::vector<WarehouseRow> rows;
  for (int64_t day = 0; day < 100; day += 5) {
    for (const Resolution resolution : {Resolution::second, Resolution::minute})
      rows.emplace_back(row_at(resolution, kHour + day * 86'400, "a"));
    for (WarehouseRow& row : other_rows(kHour + day * 86'400)) {
      if (std::holds_alternative<FlowRow>(row)) rows.push_back(std::move(row));
    }
  }
  store_all(*database, rows);
  EXPECT_EQ(
      database->integer("SELECT count(*) FROM pg_inherits WHERE inhparent = 'kpi_1s'::regclass").value(), 20);
  EXPECT_EQ(
      database->integer("SELECT count(*) FROM pg_inherits WHERE inhparent = 'kpi_1m'::regclass").value(), 4);
  const auto retained = [&](int64_t day) {
    const Result<RetentionReport> report = retain(*database, {}, kHour + day * 86'400);
    if (!report) ADD_FAILURE() << report.error().text();
    return std::vector<int64_t>{count_of(*database, "kpi_1s"), count_of(*database, "flow_event"),
                                count_of(*database, "kpi_1m")};
  };
  using Counts = std::vector<int64_t>;
  EXPECT_EQ(retained(52), (Counts{9, 10, 20}));
  // 90 days before are in March: January and February go, as months.
  EXPECT_EQ(retained(152), (Counts{0, 0, 8}));
  // A late row makes its partition again.
  store_all(*database, std::vector<WarehouseRow>{row_at(Resolution::minute, kHour, "a")});
  EXPECT_EQ(count_of(*database, "kpi_1m"), 9);
}

TEST_P(PostgresServerTest, TheOldestPartitionOfTheFinestGivesWay) {
  const std::unique_ptr<Database> database = migrated();
  std::vector<WarehouseRow> rows;
  for (int64_t i = 0; i < 5'000; ++i)
    rows.emplace_back(row_at(Resolution::second, kHour + i * 86, "a", static_cast<uint64_t>(i)));
  rows.emplace_back(row_at(Resolution::minute, kHour, "a"));
  store_all(*database, rows);
  RetentionSettings settings;
  settings.keep_s.fill(1000 * 86'400);
  settings.max_bytes = database->bytes().value() * 3 / 4;
  const Result<RetentionReport> report = retain(*database, settings, kHour + 5 * 86'400);
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_LE(report.value().bytes, settings.max_bytes);
  EXPECT_GE(report.value().partitions, 1U);
  EXPECT_EQ(database->integer("SELECT max(ts) FROM kpi_1s").value(), kHour + 4'999 * 86);
  EXPECT_GE(database->integer("SELECT min(ts) FROM kpi_1s").value(), kHour + 86'400);
  EXPECT_EQ(count_of(*database, "kpi_1m"), 1);
}

TEST_P(PostgresServerTest, AWriterGoesOnWhenItsServerIsBack) {
  WriterSettings small = settings();
  small.queue_rows = 500;
  WarehouseWriter writer(small, [] { return kHour; });
  const auto put = [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i)
      writer.put(row_at(Resolution::second, kHour + i, "a", static_cast<uint64_t>(i)));
  };
  put(0, 300);
  ASSERT_TRUE(writer.flush(kPatience)) << writer.status().trouble_text;
  for (const int signal : {SIGINT, SIGQUIT}) {
    server_->stop(signal);
    const uint64_t failures = writer.status().failures;
    const int64_t begin = signal == SIGINT ? 1'000 : 3'000;
    put(begin, begin + 100);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (writer.status().failures == failures && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(writer.status().trouble, DatabaseTrouble::lost) << writer.status().trouble_text;
    const uint64_t lost = writer.status().dropped_for(RowDrop::database_lost);
    put(begin + 100, begin + 600);
    EXPECT_EQ(writer.status().dropped_for(RowDrop::database_lost) - lost, 100U) << "the queue has 500";
    ASSERT_TRUE(server_->start());
    ASSERT_TRUE(writer.flush(kPatience)) << writer.status().trouble_text;
  }
  EXPECT_EQ(writer.status().trouble, DatabaseTrouble::none);
  EXPECT_EQ(writer.status().written, 1'300U);
  EXPECT_EQ(count_of(*opened(address_), "kpi_1s"), 1'300);
}

TEST_P(PostgresServerTest, RefusedRowsAreFoundAndTheOthersStay) {
  expect_ok(migrated()->run("ALTER TABLE alert_event ADD CHECK (name <> 'never')"));
  WarehouseWriter writer(settings(), [] { return kHour; });
  for (int i = 0; i < 100; ++i)
    writer.put(AlertRow{kHour + i, i == 77 ? "never" : "a\tb\\c", "s", "firing", "info",
                        std::string("line\nline\0cut", 13)});
  ASSERT_TRUE(writer.flush(kPatience)) << writer.status().trouble_text;
  EXPECT_EQ(writer.status().dropped_for(RowDrop::refused), 1U);
  const std::unique_ptr<Database> database = opened(address_);
  EXPECT_EQ(count_of(*database, "alert_event"), 99);
  const std::array<SqlValue, 2> texts = {std::string("a\tb\\c"), std::string("line\nline")};
  EXPECT_EQ(
      database->integer("SELECT count(*) FROM alert_event WHERE name = ?1 AND text = ?2", texts).value(), 99);
}

TEST_P(PostgresServerTest, TwoWritersShareNamesAndKeepTheirOwnRows) {
  (void)migrated();
  WarehouseWriter first(settings(), [] { return kHour; });
  WarehouseWriter second(settings(), [] { return kHour; });
  for (int64_t i = 0; i < 500; ++i) {
    first.put(ClosedCell{Resolution::second, kHour + i, series_named("a", "web", "lb1"), cell_numbered(1)});
    second.put(ClosedCell{Resolution::second, kHour + i, series_named("a", "web", "lb2"), cell_numbered(2)});
  }
  ASSERT_TRUE(first.flush(kPatience)) << first.status().trouble_text;
  ASSERT_TRUE(second.flush(kPatience)) << second.status().trouble_text;
  const std::unique_ptr<Database> database = opened(address_);
  EXPECT_EQ(count_of(*database, "kpi_1s"), 1'000);
  EXPECT_EQ(count_of(*database, "dim_service"), 1);
  EXPECT_EQ(count_of(*database, "dim_series"), 2);
}

}  // namespace
}  // namespace shunt::insight
