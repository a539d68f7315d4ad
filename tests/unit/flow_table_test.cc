#include "dataplane/flow_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/flow_table_fixture.h"

namespace shunt::flow_table_test {
namespace {

using Outcome = FlowTable::Outcome;
using Flag = FlowTable::Flag;

TEST(FlowTable, IsHalfFullOfItsConnections) {
  EXPECT_EQ(FlowTable::bytes_for(1'048'576), 419'431U * 64);
  EXPECT_EQ(FlowTable::bytes_for(5), 2U * 64);
  EXPECT_EQ(FlowTable::bytes_for(6), 3U * 64);
  EXPECT_EQ(FlowTable::bytes_for(0), 64U);
  EXPECT_EQ(FlowTable::bytes_for(0xffffffff), 1'717'986'918ULL * 64);
}

TEST(FlowTable, RemembersAFlow) {
  Fixture f(100);
  EXPECT_FALSE(f.table.find(flow(1)));
  const auto insert = f.insert(flow(1), 7, 1'000);
  EXPECT_EQ(insert.outcome, Outcome::inserted);
  const auto entry = f.table.find(flow(1));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry, insert.entry);
  EXPECT_EQ(f.bucket_of(entry), primary_of(flow(1), 100));
  EXPECT_EQ(entry.key_value(), flow(1).value);
  EXPECT_EQ(FlowTable::backend(entry), ref(7));
  EXPECT_EQ(FlowTable::state(entry), kUp);
  EXPECT_EQ(FlowTable::idle_seconds(entry, 1'007), 7U);
  EXPECT_FALSE(f.table.find(flow(2)));
  EXPECT_EQ(f.table.entries(), 1U);

  FlowTable::touch(entry, TcpState::fin_client, 1'010);
  EXPECT_EQ(FlowTable::state(entry), TcpState::fin_client);
  EXPECT_EQ(FlowTable::idle_seconds(entry, 1'010), 0U);
  FlowTable::set_backend(entry, BackendRef::of(3, 16'383));
  EXPECT_EQ(FlowTable::backend(entry), BackendRef::of(3, 16'383));
  EXPECT_EQ(FlowTable::state(entry), TcpState::fin_client);

  f.table.erase(entry);
  EXPECT_FALSE(f.table.find(flow(1)));
  EXPECT_EQ(f.table.entries(), 0U);
  EXPECT_TRUE(f.policy.log.empty());
}

TEST(FlowTable, FlagsBelongToOneEntry) {
  Fixture f(1);
  std::vector<FlowTable::Entry> entries;
  for (uint32_t i = 0; i < 5; ++i)
    entries.push_back(f.insert(flow(i), i, 0).entry);
  FlowTable::set_sampled(entries[3], true);
  for (uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(FlowTable::flag(entries[i], Flag::sampled), i == 3);
    EXPECT_FALSE(FlowTable::flag(entries[i], Flag::spilled));
    EXPECT_FALSE(FlowTable::flag(entries[i], Flag::spare));
  }
  f.table.erase(entries[3]);
  const auto reused = f.insert(flow(9), 9, 0).entry;
  EXPECT_EQ(reused, entries[3]);
  EXPECT_FALSE(FlowTable::flag(reused, Flag::sampled));
}

TEST(FlowTable, SpillsIntoTheAlternateBucketAndFindsThereInABurst) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 12);
  for (uint32_t i = 0; i < 10; ++i) {
    const auto insert = f.insert(flows[i], i, 50);
    ASSERT_EQ(insert.outcome, Outcome::inserted);
    EXPECT_EQ(f.bucket_of(insert.entry), i < 5 ? 3U : 6U);
    EXPECT_EQ(FlowTable::flag(insert.entry, Flag::spilled), i >= 5);
  }
  std::vector<FlowTable::Entry> found(flows.size());
  find_all(f.table, flows, found.data());
  for (uint32_t i = 0; i < 12; ++i) {
    EXPECT_EQ(found[i], f.table.find(flows[i]));
    ASSERT_EQ(static_cast<bool>(found[i]), i < 10);
    if (found[i]) {
      EXPECT_EQ(FlowTable::backend(found[i]), ref(i));
    }
  }
  EXPECT_EQ(f.insert(flows[10], 10, 50).outcome, Outcome::full);
  EXPECT_EQ(f.table.entries(), 10U);
}

TEST(FlowTable, EvictsTheIdlestOfTenOnceIdleForTenSeconds) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 12);
  for (uint32_t i = 0; i < 10; ++i)
    f.insert(flows[i], i, 100);
  for (uint32_t i = 0; i < 10; ++i)
    FlowTable::touch(f.table.find(flows[i]), kUp, i == 7 ? 100 : 101 + i % 3);
  EXPECT_EQ(f.insert(flows[10], 10, 109).outcome, Outcome::full);
  EXPECT_TRUE(f.policy.log.empty());
  const auto insert = f.insert(flows[10], 10, 110);
  ASSERT_EQ(insert.outcome, Outcome::evicted);
  EXPECT_EQ(f.bucket_of(insert.entry), 6U);
  EXPECT_EQ(f.policy.log, (std::vector<Ended>{{flows[7].value, ref(7), kUp, EndReason::evicted}}));
  EXPECT_FALSE(f.table.find(flows[7]));
  EXPECT_EQ(FlowTable::backend(f.table.find(flows[10])), ref(10));
  EXPECT_EQ(f.table.entries(), 10U);
}

TEST(FlowTable, InsertsAtHomeOnlyWhereThereIsRoom) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 12);
  const auto insert_at_home = [&](uint32_t flow, uint32_t now) {
    return f.table.insert_at_home(flows[flow], ref(flow), kUp, now, f.policy);
  };
  for (uint32_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(insert_at_home(i, 100));
    EXPECT_EQ(f.bucket_of(f.table.find(flows[i])), 3U);
  }
  EXPECT_FALSE(insert_at_home(5, 100)) << "all of them are as young as can be";
  FlowTable::touch(f.table.find(flows[2]), TcpState::reset, 101);
  EXPECT_FALSE(insert_at_home(5, 110)) << "the idlest is alive";
  for (const uint32_t i : {0U, 1U, 3U, 4U})
    FlowTable::touch(f.table.find(flows[i]), kUp, 8191);  // the last second before the wrap
  FlowTable::touch(f.table.find(flows[2]), TcpState::reset, 8182);
  EXPECT_TRUE(insert_at_home(5, 8193));
  EXPECT_EQ(f.policy.log,
            (std::vector<Ended>{{flows[2].value, ref(2), TcpState::reset, EndReason::expired}}));
  EXPECT_FALSE(f.table.find(flows[2]));
  EXPECT_EQ(FlowTable::backend(f.table.find(flows[5])), ref(5));
  EXPECT_EQ(f.table.entries(), 5U);
}

TEST(FlowTable, ReusesExpiredEntriesFirst) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 12);
  for (uint32_t i = 0; i < 10; ++i)
    f.insert(flows[i], i, 890, i == 2 ? TcpState::reset : kUp);
  FlowTable::touch(f.table.find(flows[8]), kUp, 0);
  const auto first =
      f.insert(flows[10], 10, 900);  // the reset one of the primary bucket has been idle for 10 s
  EXPECT_EQ(first.outcome, Outcome::inserted);
  EXPECT_EQ(f.bucket_of(first.entry), 3U);
  const auto second = f.insert(flows[11], 11, 900);
  EXPECT_EQ(second.outcome, Outcome::inserted);
  EXPECT_EQ(f.bucket_of(second.entry), 6U);
  EXPECT_EQ(f.policy.log, (std::vector<Ended>{{flows[2].value, ref(2), TcpState::reset, EndReason::expired},
                                              {flows[8].value, ref(8), kUp, EndReason::expired}}));
  EXPECT_EQ(f.table.entries(), 10U);
}

TEST(FlowTable, AFlowIsNeverThereTwice) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 6);
  for (uint32_t i = 0; i < 6; ++i)
    f.insert(flows[i], i, 0);
  f.table.erase(f.table.find(flows[0]));
  const auto replaced =
      f.insert(flows[5], 55, 20);  // it stays where it spilled to, though its primary has room
  EXPECT_EQ(replaced.outcome, Outcome::replaced);
  EXPECT_EQ(f.bucket_of(replaced.entry), 6U);
  EXPECT_TRUE(FlowTable::flag(replaced.entry, Flag::spilled));
  EXPECT_EQ(f.policy.log, (std::vector<Ended>{{flows[5].value, ref(5), kUp, EndReason::replaced}}));
  f.policy.log.clear();
  EXPECT_EQ(f.insert(flows[5], 56, 20 + kEstablishedSeconds).outcome, Outcome::inserted);
  EXPECT_EQ(f.policy.log, (std::vector<Ended>{{flows[5].value, ref(55), kUp, EndReason::expired}}));
  EXPECT_EQ(f.table.entries(), 5U);
  f.table.erase(f.table.find(flows[5]));
  EXPECT_FALSE(f.table.find(flows[5]));
}

TEST(FlowTable, SaysWhatIsStillAlive) {
  Fixture f(8);
  const auto entry = f.insert(flow(1), 1, 8'000, TcpState::fin_client).entry;
  EXPECT_TRUE(FlowTable::live(entry, 8'000 + kFinSeconds - 1, f.policy));
  EXPECT_FALSE(FlowTable::live(entry, 8'000 + kFinSeconds, f.policy));
}

TEST(FlowTable, TwoHoursFitTheThirteenBits) {
  for (const uint32_t start : {0U, 8'191U, 8'192U, 5'000'000U, 0xffff'fff0U}) {
    Fixture f(3);
    const auto entry = f.insert(flow(1, 2), 1, start).entry;
    EXPECT_EQ(FlowTable::idle_seconds(entry, start + kLongestSeconds), kLongestSeconds);
    f.table.sweep(3, start + kLongestSeconds - 1, f.policy);
    EXPECT_TRUE(f.table.find(flow(1, 2)));
    EXPECT_EQ(f.table.sweep(3, start + kFlowSecondWrap - 1, f.policy).expired, 1U);
    EXPECT_FALSE(f.table.find(flow(1, 2)));
  }
}

TEST(FlowTable, SweepGoesOnWhereItStopped) {
  Fixture f(10);
  for (uint32_t i = 0; i < 20; ++i)
    f.insert(flow(i), i, 0);
  uint32_t expired = 0;
  for (int call = 0; call < 3; ++call)
    expired += f.table.sweep(3, 2'000, f.policy).expired;
  EXPECT_EQ(f.table.passes(), 0U);
  expired += f.table.sweep(3, 2'000, f.policy).expired;
  EXPECT_EQ(f.table.passes(), 1U);
  EXPECT_EQ(expired, 20U);
  EXPECT_EQ(f.table.entries(), 0U);
  EXPECT_EQ(f.policy.log.size(), 20U);
  f.table.sweep(28, 2'000, f.policy);
  EXPECT_EQ(f.table.passes(), 4U);
}

TEST(FlowTable, SweepForgetsHintsOfTheDeadAndKeepsTheLiving) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 8);
  for (uint32_t i = 0; i < 8; ++i)
    f.insert(flows[i], i, 0);
  const auto hint = [&] { return f.memory[3].marks & 0xffU; };
  EXPECT_NE(hint(), 0U);
  for (int pass = 0; pass < 7; ++pass) {
    f.table.sweep(8, 0, f.policy);
    for (uint32_t i = 5; i < 8; ++i)
      ASSERT_TRUE(f.table.find(flows[i])) << pass;
  }
  for (uint32_t i = 5; i < 8; ++i)
    f.table.erase(f.table.find(flows[i]));
  f.table.sweep(4 * 8, 0, f.policy);
  EXPECT_EQ(f.memory[3].marks & 0xffffU, 0U);
  for (uint32_t i = 0; i < 5; ++i)
    EXPECT_TRUE(f.table.find(flows[i]));
}

// A process that ends in the middle of an operation leaves the memory to the next: neither stale flags nor
// hints hurt.
TEST(FlowTable, GoesOnWithMemoryThatWasCutOff) {
  Fixture f(8);
  const auto flows = f.flows_of(3, 6, 6);
  for (uint32_t i = 0; i < 6; ++i)
    f.insert(flows[i], i, 0);
  f.memory[6].marks |= 0xffff0000U;  // every flag of every slot
  f.memory[5].marks |= 0xffffU;
  FlowTable next(std::as_writable_bytes(std::span(f.memory)), kKey);
  EXPECT_TRUE(next.find(flows[5]));
  next.sweep(32, 0, f.policy);
  EXPECT_TRUE(next.find(flows[5]));
  EXPECT_EQ(f.memory[5].marks & 0xffffU, 0U);
  const auto fresh = f.flows_of(6, 3, 1)[0];
  const auto insert = next.insert(fresh, ref(1), kUp, 0, f.policy);
  EXPECT_FALSE(FlowTable::flag(insert.entry, Flag::spilled));
  EXPECT_FALSE(FlowTable::flag(insert.entry, Flag::sampled));
}

TEST(FlowTable, FewSpillAndHardlyAnyFindNoRoomAtHalfLoad) {
  constexpr uint32_t kFlows = 100'000;
  Fixture f(static_cast<uint32_t>(FlowTable::bytes_for(kFlows) / sizeof(FlowBucket)));
  uint32_t spilled = 0;
  uint32_t full = 0;
  for (uint32_t i = 0; i < kFlows; ++i) {
    const auto insert = f.insert(flow(i), 1, 0);
    full += insert ? 0U : 1U;
    spilled += insert && FlowTable::flag(insert.entry, Flag::spilled) ? 1U : 0U;
  }
  EXPECT_LT(spilled, kFlows * 35 / 1000);  // 2.3 % when this was written
  EXPECT_LT(full, kFlows * 4 / 1000);      // 0.17 %: nothing here is idle, so nothing can be evicted
  EXPECT_EQ(f.table.entries(), kFlows - full);
}

}  // namespace
}  // namespace shunt::flow_table_test
