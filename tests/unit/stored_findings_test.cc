// What one program put into the warehouse, the next one reads: findings go on, detectors know the past.
#include "insight/findings/stored_findings.h"

#include <gtest/gtest.h>

#include "findings_harness.h"
#include "insight/warehouse/row_store.h"
#include "tests/unit/warehouse_cases.h"

namespace shunt::insight {
namespace {

struct Stored {
  Stored() {
    const Result<Ok> done = migrate(*database, all_migrations(), Site::kStart_s);
    EXPECT_TRUE(done.ok());
  }
  void put(const std::vector<WarehouseRow>& rows) {
    ASSERT_TRUE(database->begin());
    const Result<Ok> done = RowStore().store(*database, rows);
    ASSERT_TRUE(done) << done.error().text();
    ASSERT_TRUE(database->commit());
  }
  Folder folder;
  std::unique_ptr<Database> database = opened({.url = "sqlite:" + folder.file()});
};

TEST(StoredFindings, GoOnAfterARestart) {
  Site before(4, {"lb1", "lb2"});
  before.set_state(2, BackendState::down);
  before.seconds(20);
  before.set_state(2, BackendState::up);
  before.seconds(300);
  before.set_state(0, BackendState::down, "connection refused");
  before.live.nodes[1].up = false;
  before.seconds(3);
  Stored stored;
  stored.put(before.rows);

  Result<StoredFindings> read = read_stored_findings(*stored.database);
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read.value().anomalies.size(), 3U);
  ASSERT_EQ(read.value().incidents.size(), 2U);
  Site after(4, {"lb1", "lb2"});
  after.live = before.live;
  after.findings->restore(read.value().anomalies, read.value().incidents, read.value().last_id);
  after.seconds(5);
  ASSERT_EQ(after.findings->anomalies().size(), 3U) << after.words();
  for (size_t i = 0; i < 3; ++i) {
    const FoundAnomaly& was = before.findings->anomalies()[i];
    const FoundAnomaly& is = after.findings->anomalies()[i];
    EXPECT_EQ(is.id, was.id);
    EXPECT_EQ(is.open, was.open);
    EXPECT_EQ(is.series, was.series);
    EXPECT_EQ(is.anomaly.kpi, was.anomaly.kpi);
    EXPECT_EQ(is.anomaly.start_s, was.anomaly.start_s);
    EXPECT_EQ(is.anomaly.reason, was.anomaly.reason);
    EXPECT_EQ(is.incident, was.incident);
  }
  ASSERT_EQ(after.findings->incidents().size(), 2U);
  EXPECT_FALSE(after.findings->incidents()[0].open);
  EXPECT_EQ(after.findings->incidents()[0].incident.headline,
            before.findings->incidents()[0].incident.headline);
  EXPECT_EQ(after.findings->incidents()[0].members, before.findings->incidents()[0].members);
  ASSERT_EQ(after.findings->incidents()[0].incident.causes.size(), 1U);
  EXPECT_EQ(after.findings->incidents()[0].incident.causes[0].kpi, Kpi::up);
  EXPECT_TRUE(after.findings->incidents()[1].open);
  EXPECT_EQ(after.findings->incidents()[1].id, before.findings->incidents()[1].id);
}

TEST(StoredFindings, DetectorsLearnFromCells) {
  Site past;
  Stored stored;
  std::vector<WarehouseRow> rows;
  const int64_t now = Site::kStart_s + 3 * 3'600;
  for (int64_t second = Site::kStart_s; second < now; second += 10)
    past.give([&](const ClosedCell& cell) { rows.emplace_back(cell); }, second);
  // Minutes of a service that loses a hundredth: its budget knows at once.
  KpiCell minute = cell_of({.opened = 2'400, .failures = 24});
  for (int64_t second = now - 86'400; second < now; second += 60)
    rows.emplace_back(ClosedCell{Resolution::minute, second,
                                 std::make_shared<const SeriesName>(SeriesName{"lb1", "web", {}, {}}),
                                 minute});
  stored.put(rows);

  Site site;
  site.live.now_s = now;
  const Result<Ok> learned = learn_from_warehouse(*stored.database, now, *site.findings);
  ASSERT_TRUE(learned) << learned.error().text();
  EXPECT_TRUE(site.findings->anomalies().empty());
  site.pass(2);
  EXPECT_TRUE(site.findings->anomalies().empty()) << site.words();
  EXPECT_NE(site.alert("ShuntErrorBudgetBurnSlow"), nullptr);
  for (TenSeconds& backend : site.backends)
    backend.opened *= 6;
  site.pass(2);
  EXPECT_NE(site.find("", Kpi::flows), nullptr) << site.words();
}

TEST(StoredFindings, OfAnEmptyWarehouseAreNone) {
  Stored stored;
  const Result<StoredFindings> read = read_stored_findings(*stored.database);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read.value().anomalies.empty());
  EXPECT_EQ(read.value().last_id, 0);
  Site site;
  EXPECT_TRUE(learn_from_warehouse(*stored.database, Site::kStart_s, *site.findings));
}

}  // namespace
}  // namespace shunt::insight
