// Which flow records stay, and in which order they are shown.
#include "control/recent_flows.h"

#include <gtest/gtest.h>

#include "stats/outcome.h"

namespace shunt {
namespace {

FlowRecord ended_at(uint64_t us, FlowOutcome outcome, uint16_t service = 1) {
  FlowRecord record;
  record.ended_us = us;
  record.outcome = static_cast<uint8_t>(outcome);
  record.service = service;
  return record;
}

bool everybody(const FlowRecord&) {
  return true;
}

std::vector<uint64_t> times(const std::vector<FlowRecord>& records) {
  std::vector<uint64_t> times;
  for (const FlowRecord& record : records)
    times.push_back(record.ended_us);
  return times;
}

TEST(RecentFlows, ShowTheNewestFirst) {
  RecentFlows flows;
  flows.add(ended_at(10, FlowOutcome::closed));
  flows.add(ended_at(30, FlowOutcome::syn_timeout));
  flows.add(ended_at(20, FlowOutcome::reset_by_client));  // of another worker
  EXPECT_EQ(times(flows.newest(false, 10, everybody)), (std::vector<uint64_t>{30, 20, 10}));
  EXPECT_EQ(times(flows.newest(false, 2, everybody)), (std::vector<uint64_t>{30, 20}));
  EXPECT_EQ(times(flows.newest(true, 10, everybody)), (std::vector<uint64_t>{30}));
}

TEST(RecentFlows, AreThoseThatAreWanted) {
  RecentFlows flows;
  for (uint16_t i = 0; i < 10; ++i)
    flows.add(ended_at(i, FlowOutcome::no_backend, i % 2));
  const auto odd = [](const FlowRecord& record) { return record.service == 1; };
  EXPECT_EQ(times(flows.newest(false, 3, odd)), (std::vector<uint64_t>{9, 7, 5}));
}

TEST(RecentFlows, KeepFailuresHoweverManyOthersCome) {
  RecentFlows flows;
  for (uint64_t i = 0; i < 5 * kRecentFlows; ++i)
    flows.add(ended_at(1'000 + i, i == 0 ? FlowOutcome::shed : FlowOutcome::closed));
  const auto all = flows.newest(false, SIZE_MAX, everybody);
  ASSERT_EQ(all.size(), kRecentFlows + 1);
  EXPECT_EQ(all.back().ended_us, 1'000U);
  EXPECT_EQ(all.front().ended_us, 1'000 + 5 * kRecentFlows - 1);
  for (uint64_t i = 0; i < kRecentFlows; ++i)
    flows.add(ended_at(i, FlowOutcome::icmp_unreachable));
  EXPECT_EQ(flows.newest(true, SIZE_MAX, everybody).size(), kRecentFlows);
  EXPECT_EQ(times(flows.newest(true, 1, everybody)), (std::vector<uint64_t>{kRecentFlows - 1}));
}

}  // namespace
}  // namespace shunt
