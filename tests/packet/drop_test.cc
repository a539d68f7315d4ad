// Every drop reason, by every row that names it; and that none is without one.
#include "tests/packet/drop_rows.h"

namespace shunt::packet {
namespace {

std::vector<DropRow> all_rows() {
  std::vector<DropRow> rows = header_rows();
  for (const DropRow& row : decision_rows())
    rows.push_back(row);
  return rows;
}

std::vector<DropScenario> all_scenarios() {
  std::vector<DropScenario> scenarios = pipeline_scenarios();
  for (const auto& more : {fragment_scenarios(), punt_thread_scenarios()})
    scenarios.insert(scenarios.end(), more.begin(), more.end());
  return scenarios;
}

void run_rows(const std::vector<DropRow>& rows) {
  for (const DropRow& row : rows) {
    SCOPED_TRACE(row.name);
    Pipeline pipeline(six_config());
    const std::string answer = row.answered ? "sent " : "";
    EXPECT_EQ(pipeline.run(row.port, row.in).text(), answer + std::string(name_of(row.reason)));
    EXPECT_EQ(pipeline.waiting_entries() + pipeline.tracked_entries(),
              row.reason == DropReason::too_big || row.reason == DropReason::not_on_link ? row.port == 0 : 0U)
        << "what is dropped before a backend is chosen leaves no trace";
  }
}

TEST(Drop, HeadersThatParseRefuses) {
  run_rows(header_rows());
}

TEST(Drop, PacketsThatStagesRefuse) {
  run_rows(decision_rows());
}

TEST(Drop, Scenarios) {
  for (const DropScenario& scenario : all_scenarios()) {
    SCOPED_TRACE(scenario.name);
    EXPECT_GT(scenario.run(), 0U) << "nothing was dropped " << name_of(scenario.reason);
  }
}

TEST(Drop, EveryReasonHasARow) {
  std::array<bool, kDropReasons> named{};
  for (const DropRow& row : all_rows())
    named[static_cast<size_t>(row.reason)] = true;
  for (const DropScenario& scenario : all_scenarios())
    named[static_cast<size_t>(scenario.reason)] = true;
  for (size_t reason = 0; reason < kDropReasons; ++reason)
    EXPECT_TRUE(named[reason]) << name_of(static_cast<DropReason>(reason)) << " has no row";
}

TEST(Drop, EveryReasonHasANameOfItsOwn) {
  for (size_t a = 0; a < kDropReasons; ++a) {
    EXPECT_FALSE(kDropReasonNames[a].empty());
    for (size_t b = 0; b < a; ++b)
      EXPECT_NE(kDropReasonNames[a], kDropReasonNames[b]);
  }
}

// A drop for a known service is counted there too.
TEST(Drop, ServicesCountTheirOwn) {
  Pipeline pipeline;
  pipeline.run(0, build(Packet{.ttl = 1}));
  pipeline.run(0, build(Packet{.ttl = 0}));
  pipeline.run(0, build(Packet{.source = "198.51.100.2"}));
  pipeline.run(0, build(Packet{.sport = 7, .payload = Bytes(1461, 0)}));
  pipeline.run(0, build(Packet{.dport = 81}));
  const ServiceCounters& counters = pipeline.counters(pipeline.service("198.51.100.1", 80));
  const auto dropped = [&](DropReason reason) {
    return counters.dropped[static_cast<size_t>(reason)].read();
  };
  EXPECT_EQ(dropped(DropReason::ttl), 2U);
  EXPECT_EQ(dropped(DropReason::bad_source), 1U);
  EXPECT_EQ(dropped(DropReason::too_big), 1U);
  EXPECT_EQ(dropped(DropReason::no_service), 0U) << "no service to count it at";
}

}  // namespace
}  // namespace shunt::packet
