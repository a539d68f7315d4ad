#include "dataplane/flow_reader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "tests/unit/flow_table_fixture.h"

namespace shunt::flow_table_test {
namespace {

struct ProbationPolicyOfNone {
  static bool expired(const ProbationEntry&, uint32_t) { return false; }
  static void ended(const ProbationEntry&, EndReason) {}
};

struct Tables {
  explicit Tables(size_t buckets)
      : bucket_memory(buckets),
        line_memory(2 * buckets),
        flows(bytes(bucket_memory), kKey),
        probation(bytes(line_memory)) {}

  template <typename T>
  static std::span<std::byte> bytes(std::vector<T>& memory) {
    return std::as_writable_bytes(std::span(memory));
  }
  std::map<uint64_t, ReadFlow> all(uint32_t now_second = 0, uint32_t now_ms = 0) const {
    std::map<uint64_t, ReadFlow> found;
    const FlowReader reader(flows, probation);
    reader.read(0, reader.places(), now_second, now_ms, [&](const ReadFlow& flow) {
      found[flow.key_value] = flow;
      return true;
    });
    return found;
  }

  std::vector<FlowBucket> bucket_memory;
  std::vector<ProbationLine> line_memory;
  FlowTable flows;
  ProbationTable probation;
};

TEST(FlowReader, SeesBothTables) {
  Tables tables(64);
  Policy policy;
  ProbationPolicyOfNone none;
  EXPECT_TRUE(tables.all().empty());
  ASSERT_TRUE(tables.flows.insert(flow(1), ref(5), TcpState::established, 100, policy));
  ASSERT_TRUE(tables.flows.insert(flow(2, 9), ref(6), TcpState::fin_client, 90, policy));
  ProbationEntry* const waiting =
      tables.probation.open(flow(3), ProbationHalf::tcp, ProbationKind::syn, ref(7), 1, true, 99'000, none)
          .entry;
  ASSERT_NE(waiting, nullptr);
  waiting->retransmissions = 2;
  const auto found = tables.all(103, 100'500);
  ASSERT_EQ(found.size(), 3U);
  const ReadFlow& first = found.at(flow(1).value);
  EXPECT_EQ(first.backend, ref(5));
  EXPECT_EQ(first.state, TcpState::established);
  EXPECT_EQ(first.idle_seconds, 3U);
  EXPECT_EQ(first.waiting_as, ProbationKind::empty);
  EXPECT_EQ(found.at(flow(2, 9).value).state, TcpState::fin_client);
  EXPECT_EQ(found.at(flow(2, 9).value).idle_seconds, 13U);
  const ReadFlow& third = found.at(flow(3).value);
  EXPECT_EQ(third.backend, ref(7));
  EXPECT_EQ(third.waiting_as, ProbationKind::syn);
  EXPECT_EQ(third.waiting_ms, 1'500U);
  EXPECT_EQ(third.syn_retransmits, 2);
}

TEST(FlowReader, GoesOnWhereItStopped) {
  Tables tables(64);
  Policy policy;
  for (uint32_t i = 1; i <= 100; ++i)
    tables.flows.insert(flow(i), ref(i), TcpState::established, 0, policy);
  const auto whole = tables.all();
  const FlowReader reader(tables.flows, tables.probation);
  std::map<uint64_t, ReadFlow> pieces;
  unsigned stops = 0;
  for (uint64_t place = 0; place < reader.places(); ++stops) {
    unsigned taken = 0;
    place = reader.read(place, 10, 0, 0, [&](const ReadFlow& flow) {
      EXPECT_TRUE(pieces.emplace(flow.key_value, flow).second) << "twice";
      return ++taken < 3;
    });
  }
  EXPECT_GT(stops, 10U);
  EXPECT_EQ(pieces.size(), whole.size());
}

// What is handed on belonged together, whatever the worker does meanwhile.
TEST(FlowReader, ReadsWholeEntriesWhileTheyChange) {
  Tables tables(8);
  std::atomic<bool> stop = false;
  std::thread worker([&] {
    Policy policy;
    for (uint32_t i = 1; !stop.load(); i = i % 50'000 + 1) {
      const auto inserted = tables.flows.insert(flow(i), ref(i % 1'000), TcpState::established, i, policy);
      if (inserted && i % 3 == 0) tables.flows.erase(inserted.entry);
      policy.log.clear();
    }
  });
  uint64_t seen = 0;
  for (int round = 0; round < 2'000 || seen < 1'000; ++round) {
    for (const auto& [value, found] : tables.all()) {
      const auto number = static_cast<uint32_t>((value >> 32U) & 0xffffU);
      const uint32_t i = be16::from_raw(static_cast<uint16_t>(number)).host();
      EXPECT_EQ(found.backend, ref(i % 1'000));
      ++seen;
    }
  }
  stop = true;
  worker.join();
}

}  // namespace
}  // namespace shunt::flow_table_test
